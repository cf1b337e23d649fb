"""Sending stored instances by C-STORE: the bytes as they were received wherever the other side takes them so."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

from pynetdicom import build_context

from imaging_core.blobs import BlobFile, BlobStore
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, encoding_of
from imaging_core.dicom.writing import file_meta, implicit_file
from imaging_core.errors import ImagingError
from imaging_core.retrieve.finding import Found

_MOST_CONTEXTS: Final = 128  # PS3.8 9.3.2.2: odd numbers of one byte
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007})


class Decodes(Protocol):
    """Writes an instance anew in another transfer syntax, in a limited process of its own."""

    def instance(self, found: Found, transfer_syntax_uid: str) -> bytes:
        """Return a whole file. Raises ImagingError when it cannot be decoded."""
        ...


class Sent(StrEnum):
    """What became of one instance, in the words of the counts."""

    COMPLETED = "completed"
    WARNING = "warning"
    FAILED = "failed"


class Sender:
    """Sends stored instances on associations. Threads may share it."""

    def __init__(self, blobs: BlobStore, decodes: Decodes, limits: Limits) -> None:
        self._blobs = blobs
        self._decodes = decodes
        self._limits = limits

    def send(
        self,
        association: Any,  # noqa: ANN401
        found: Found,
        *,
        message_id: int,
        originator: tuple[str, int] | None = None,
    ) -> tuple[Sent, str]:
        """Send one instance; return what became of it, and why it failed.

        `originator` is who asked for a C-MOVE, and the number of its message.
        """
        accepted = accepted_syntaxes(association, found.sop_class_uid)
        try:
            with self._file(found, accepted) as path:
                status = association.send_c_store(
                    path,
                    msg_id=message_id,
                    originator_aet=originator[0] if originator else None,
                    originator_id=originator[1] if originator else None,
                )
        except (ImagingError, ValueError, RuntimeError, AttributeError, OSError) as error:
            return Sent.FAILED, getattr(error, "reason_code", type(error).__name__)
        if "Status" not in status:
            return Sent.FAILED, "no answer"
        code = int(status.Status)
        if code == 0:
            return Sent.COMPLETED, ""
        return (Sent.WARNING if code in _WARNINGS else Sent.FAILED), f"status {code:04X}"

    @contextmanager
    def _file(self, found: Found, accepted: Sequence[str]) -> Iterator[Path]:
        """Yield a file with our own file meta information, in a transfer syntax the other side takes."""
        with tempfile.TemporaryDirectory(prefix="mingying-send-") as folder:
            path = Path(folder) / "instance.dcm"
            with path.open("wb") as file:
                file.writelines(self._pieces(found, accepted))
            yield path

    def _pieces(self, found: Found, accepted: Sequence[str]) -> Iterator[bytes]:
        start = find_start(cast(BinaryIO, BlobFile(self._blobs, found.blob)), found.blob.size, self._limits)
        # a file that is written otherwise than it says cannot be passed on under that name
        as_labelled = start.explicit_vr == encoding_of(found.transfer_syntax_uid).explicit_vr
        if found.transfer_syntax_uid in accepted and as_labelled:
            yield file_meta(
                sop_class_uid=found.sop_class_uid,
                sop_instance_uid=found.sop_instance_uid,
                transfer_syntax_uid=found.transfer_syntax_uid,
            )
            yield from self._blobs.read(found.blob, start=start.dataset_offset)
        elif EXPLICIT_VR_LITTLE_ENDIAN in accepted:
            yield self._decodes.instance(found, EXPLICIT_VR_LITTLE_ENDIAN)
        elif IMPLICIT_VR_LITTLE_ENDIAN in accepted:
            yield implicit_file(self._decodes.instance(found, EXPLICIT_VR_LITTLE_ENDIAN))
        else:
            raise NotAccepted


class NotAccepted(ValueError):
    """The other side takes instances of this class in no transfer syntax that we can give."""

    reason_code = "not_accepted"


def accepted_syntaxes(association: Any, sop_class_uid: str) -> list[str]:  # noqa: ANN401
    """Return in which transfer syntaxes the other side takes instances of a class."""
    return [
        str(context.transfer_syntax[0])
        for context in association.accepted_contexts
        if str(context.abstract_syntax) == sop_class_uid and context.as_scu
    ]


def proposed_contexts(kinds: Sequence[tuple[str, str]]) -> list[Any]:
    """Return the presentation contexts for SOP classes in their transfer syntaxes, and uncompressed beside them.

    One transfer syntax a context: the other side then cannot choose another in place of the one that is stored.
    """
    pairs = list(dict.fromkeys(kinds))
    plain = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
    beside = [(sop_class, syntax) for sop_class in dict.fromkeys(pair[0] for pair in pairs) for syntax in plain]
    return [build_context(*pair) for pair in list(dict.fromkeys(pairs + beside))[:_MOST_CONTEXTS]]
