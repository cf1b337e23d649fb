"""What can go wrong in the archive. Errors carry data and know no protocol.

ImagingError
├── NotDicom                    the bytes are no DICOM file
├── DamagedDicom                begins like DICOM but is truncated, unreadable or without identifiers
├── LimitExceeded               a declared size is beyond what we allocate
│   └── InstanceTooLarge        more bytes than an instance may have
├── PixelsNotReadable           this frame cannot be decoded, or its transfer syntax is refused
├── WaveformNotReadable         a waveform cannot be drawn to scale
├── SlabNotPossible             a series gives no such slab
├── StorageFull                 the blob store has no room
├── StoreUnavailable            a blob store cannot be reached now
├── BlobMissing                 the index names a blob that the store does not hold
├── StudyNotFound               no such study at this institution
├── FrameNotFound               no such derived frame, preview or thumbnail
├── SearchKeyInvalid            a key of a search is unknown or its value is none
├── RendererUnavailable         the process that decodes pixels cannot be started
└── IndexBusy                   the index stayed locked through every retry; nothing was written
"""


class ImagingError(Exception):
    """Anything the archive refuses or cannot do."""


class NotDicom(ImagingError):
    """The bytes are no DICOM file."""

    def __init__(self, reason: str = "no DICOM file: neither the DICM mark nor a readable data set") -> None:
        super().__init__(reason)
        self.reason_code = "not_dicom"


class DamagedDicom(ImagingError):
    """The bytes begin like DICOM but are truncated, unreadable or lack an identifier."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class LimitExceeded(ImagingError):
    """A declared or found size is beyond a limit; nothing was allocated for it."""

    def __init__(self, limit: str, *, allowed: int, found: int) -> None:
        super().__init__(f"{limit}: {found} is more than the allowed {allowed}")
        self.reason_code = "limit_exceeded"
        self.limit = limit
        self.allowed = allowed
        self.found = found


class InstanceTooLarge(LimitExceeded):
    """More bytes than one instance may have; `found` is where counting stopped, nothing was kept."""

    def __init__(self, *, allowed: int, found: int) -> None:
        super().__init__("bytes of one instance", allowed=allowed, found=found)
        self.reason_code = "instance_too_large"


class PixelsNotReadable(ImagingError):
    """A frame cannot be decoded; the received bytes are kept all the same."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class WaveformNotReadable(ImagingError):
    """A waveform cannot be read, or not to scale; the received bytes are kept all the same."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class SlabNotPossible(ImagingError):
    """A series gives no such slab or plane: what it is made of says why."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class StorageFull(ImagingError):
    """The blob store has no room for these bytes."""

    def __init__(self) -> None:
        super().__init__("no room left in the blob store")


class StoreUnavailable(ImagingError):
    """A blob store, or its replica, cannot be reached now; nothing was acknowledged, the sender may try again."""

    def __init__(self, which: str) -> None:
        super().__init__(f"the {which} of the stored bytes cannot be reached")
        self.which = which


class BlobMissing(ImagingError):
    """The store does not hold a blob that was asked for."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"blob {digest} is not in the store")
        self.digest = digest


class StudyNotFound(ImagingError):
    """No such study at this institution."""

    def __init__(self, study_instance_uid: str) -> None:
        super().__init__(f"study {study_instance_uid} is not known")
        self.study_instance_uid = study_instance_uid


class FrameNotFound(ImagingError):
    """No derived bytes for this frame: unknown instance, no such number, or it could not be decoded."""

    def __init__(self, sop_instance_uid: str, frame_number: int) -> None:
        super().__init__(f"no derived frame {frame_number} of instance {sop_instance_uid}")
        self.sop_instance_uid = sop_instance_uid
        self.frame_number = frame_number


class RendererUnavailable(ImagingError):
    """The process that decodes pixels cannot be started; nothing is wrong with the images."""

    def __init__(self) -> None:
        super().__init__("the rendering process does not start; `python -m imaging_core.derive.child 0` says why")


class IndexBusy(ImagingError):
    """The index stayed locked through every retry; nothing was written, the sender may try again."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"the index stayed busy through {attempts} attempts")
        self.attempts = attempts


class SearchKeyInvalid(ImagingError):
    """A key of a search is unknown, or its value is none. The reason never holds the value."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason
