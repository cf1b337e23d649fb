"""The other side of an association: a pynetdicom entity that asks, and one that takes in and remembers."""

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.presentation import build_role

PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{number}" for number in (1, 2, 3))
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
PLAIN = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


@dataclass
class Received:
    """What a destination took in: files by SOP Instance UID, and who had asked for them."""

    folder: Path
    port: int = 0
    status: int = 0
    syntaxes: Sequence[str] = ()
    originators: list[tuple[str, int]] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    first_waits_for: threading.Event = field(default_factory=threading.Event)
    patient: bool = False
    """Whether the first instance is answered only once `first_waits_for` is set."""

    def clear(self) -> None:
        """Forget everything."""
        self.files.clear()
        self.originators.clear()
        self.status = 0
        self.patient = False
        self.first_waits_for.clear()

    def dataset(self, sop_instance_uid: str) -> Dataset:
        """Return a received data set."""
        return dcmread(self.files[sop_instance_uid])

    def store(self, event: Any) -> int:
        """Keep one instance."""
        request = event.request
        if self.patient and not self.files:
            self.first_waits_for.wait(30)
        if not self.status:
            path = self.folder / f"{len(self.files)}-{request.MessageID}.dcm"
            if event.request._dataset_path is not None:
                shutil.copy(event.dataset_path, path)
            else:
                path.write_bytes(event.encoded_dataset())
            self.files[str(request.AffectedSOPInstanceUID)] = path
            self.originators.append(
                (request.MoveOriginatorApplicationEntityTitle or "", request.MoveOriginatorMessageID or 0)
            )
        return self.status


@contextmanager
def destination(folder: Path, port: int, syntaxes: Sequence[str], ae_title: str = "DEST") -> Iterator[Received]:
    """Run a storage SCP of all classes in these transfer syntaxes."""
    received = Received(folder, port, syntaxes=syntaxes)
    ae = AE(ae_title)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax, list(syntaxes))
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, received.store)])
    try:
        yield received
    finally:
        server.shutdown()


def keys(**attributes: Any) -> Dataset:
    """Return an identifier."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@contextmanager
def association(
    port: int,
    *abstract_syntaxes: str,
    calling: str,
    storage: Mapping[str, Sequence[str]] | None = None,
    handlers: Sequence[Any] = (),
    tls: Any = None,
) -> Iterator[Any]:
    """Ask for an association; `storage` are classes taken in on it, as for C-GET."""
    storage = storage or {}
    contexts = [build_context(syntax, PLAIN) for syntax in abstract_syntaxes]
    contexts += [build_context(kind, list(syntaxes)) for kind, syntaxes in storage.items()]
    asked = AE(calling).associate(
        "127.0.0.1",
        port,
        contexts=contexts,
        ext_neg=[build_role(kind, scp_role=True) for kind in storage],
        evt_handlers=list(handlers),
        tls_args=tls,
    )
    try:
        yield asked
    finally:
        if asked.is_established:
            asked.release()


@dataclass(frozen=True)
class Answer:
    """The last response to a retrieval, and how many came before it."""

    status: int
    completed: int
    failed: int
    warning: int
    remaining: int | None
    failed_uids: list[str]
    comment: str
    pending: int


def last(responses: Iterator[tuple[Dataset, Dataset | None]]) -> Answer:
    """Read all responses to a C-MOVE or C-GET."""
    *pending, (status, identifier) = responses
    uids = identifier.get("FailedSOPInstanceUIDList") if identifier is not None else None
    if uids is None or isinstance(uids, str):
        uids = [uids] if uids else []
    return Answer(
        int(status.Status),
        int(status.get("NumberOfCompletedSuboperations", 0)),
        int(status.get("NumberOfFailedSuboperations", 0)),
        int(status.get("NumberOfWarningSuboperations", 0)),
        status.get("NumberOfRemainingSuboperations"),
        list(map(str, uids)),
        str(status.get("ErrorComment", "")),
        len(pending),
    )
