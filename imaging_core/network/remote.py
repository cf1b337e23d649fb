"""Asking another archive: is it there, what does it have, let it send."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pynetdicom import StoragePresentationContexts, build_context, evt
from pynetdicom.presentation import build_role
from pynetdicom.sop_class import Verification

from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RECEIVED
from imaging_core.dicom.writing import dataset
from imaging_core.errors import ImagingError
from imaging_core.network.peers import Peer
from imaging_core.network.received import received_file
from imaging_core.network.retrieval import STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE, Connect
from imaging_core.network.scp import configure_library
from imaging_core.network.sending import Sender, Sent, proposed_contexts
from imaging_core.retrieve.finding import Found

_PLAIN: Final = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]
_MOST_STORAGE_CONTEXTS: Final = 120
_MOST_CONTEXTS: Final = 128
_PENDING: Final = (0xFF00, 0xFF01)
Keep = Callable[[Any], int]
"""Takes one instance, as a file, and returns the C-STORE status."""


class RemoteFailed(Exception):
    """The other side could not be reached, or refused; the sentence says what."""


class RemoteUnreachable(RemoteFailed):
    """There is no association to be had: it is off, or does not know us."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What the other side says of a retrieval; `status` is the final one."""

    status: int
    completed: int
    failed: int
    warning: int


class Remote:
    """One other archive. Each call opens an association of its own.

    All raise RemoteFailed when there is no association, it is lost, or the answer is a failure.
    """

    def __init__(self, peer: Peer, connect: Connect) -> None:
        self.peer = peer
        self._connect = connect
        configure_library()

    def echo(self) -> None:
        """Ask whether it is there and knows us."""
        with self._association([build_context(Verification, _PLAIN)]) as association:
            status = association.send_c_echo()
            if status.get("Status") != 0:
                raise RemoteFailed(f"C-ECHO was answered {_shown(status)}")

    def find(self, level: str, keys: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """Yield what matches: the value of each key, as text. Empty keys ask for a value, others must match."""
        identifier = dataset({"SpecificCharacterSet": "ISO_IR 192", "QueryRetrieveLevel": level, **keys})
        with self._association([build_context(STUDY_ROOT_FIND, _PLAIN)]) as association:
            for status, found in association.send_c_find(identifier, STUDY_ROOT_FIND):
                if status.get("Status") in _PENDING and found is not None:
                    yield {key: _text(found.get(key)) for key in keys}
                elif status.get("Status") != 0:
                    raise RemoteFailed(f"C-FIND was answered {_shown(status)}")

    def move(self, level: str, keys: Mapping[str, str], destination: str) -> Transferred:
        """Let it send instances to an application entity it knows."""
        identifier = dataset({"QueryRetrieveLevel": level, **keys})
        with self._association([build_context(STUDY_ROOT_MOVE, _PLAIN)]) as association:
            return _outcome("C-MOVE", association.send_c_move(identifier, destination, STUDY_ROOT_MOVE))

    def get(self, level: str, keys: Mapping[str, str], keep: Keep) -> Transferred:
        """Let it send instances back on the same association; each is handed to `keep`."""
        identifier = dataset({"QueryRetrieveLevel": level, **keys})
        classes = [context.abstract_syntax for context in StoragePresentationContexts[:_MOST_STORAGE_CONTEXTS]]
        with self._association(
            [build_context(STUDY_ROOT_GET, _PLAIN), *(build_context(kind, list(RECEIVED)) for kind in classes)],
            roles=[build_role(kind, scp_role=True) for kind in classes],
        ) as association:
            association.bind(evt.EVT_C_STORE, _keeping(keep))
            return _outcome("C-GET", association.send_c_get(identifier, STUDY_ROOT_GET))

    def store(self, paths: Sequence[Path], sent: Callable[[Path, str], None]) -> None:
        """Send files one after another, each as it is; `sent` is told of each, and why it was not taken."""
        kinds: dict[Path, tuple[str, str]] = {}
        for path in paths:
            try:
                with path.open("rb") as file:
                    header = read_header(file, path.stat().st_size, Limits())
            except (ImagingError, OSError) as error:
                sent(path, str(error))
            else:
                kinds[path] = (header.sop_class_uid, header.transfer_syntax_uid)
        if not kinds:
            return
        contexts = [build_context(*pair) for pair in sorted(set(kinds.values()))[:_MOST_CONTEXTS]]
        with self._association(contexts) as association:
            for path in kinds:
                sent(path, _stored(association, path))

    def send(self, sender: Sender, instances: Sequence[Found], sent: Callable[[str, str], None]) -> None:
        """Send stored instances; `sent` is told the UID of each, and why it was not taken."""
        kinds = [(item.sop_class_uid, item.transfer_syntax_uid) for item in instances]
        with self._association(proposed_contexts(kinds)) as association:
            for number, item in enumerate(instances):
                outcome, reason = Sent.FAILED, "the connection was lost"
                if association.is_established:
                    outcome, reason = sender.send(association, item, message_id=number % 65_535 + 1)
                sent(item.sop_instance_uid, reason if outcome is Sent.FAILED else "")

    @contextmanager
    def _association(self, contexts: Sequence[Any], roles: Sequence[Any] = ()) -> Iterator[Any]:
        peer = self.peer
        association = self._connect(peer, contexts, roles)
        if not association.is_established:
            why = "rejects us" if association.is_rejected else "does not answer, or accepts nothing of this"
            raise RemoteUnreachable(f"{peer.ae_title} at {peer.host}:{peer.port} {why}")
        try:
            yield association
        except ValueError as error:
            raise RemoteFailed(f"{peer.ae_title} does not offer this") from error
        finally:
            if association.is_established:
                association.release()


def _stored(association: Any, path: Path) -> str:  # noqa: ANN401
    """Send one file; return why it was not taken, nothing when it was."""
    if not association.is_established:
        return "the connection was lost"
    try:
        status = association.send_c_store(path)
    except (ValueError, AttributeError) as error:
        return f"not accepted in its transfer syntax, or without file meta information ({type(error).__name__})"
    return "" if status.get("Status") == 0 else f"answered {_shown(status)}"


def _keeping(keep: Keep) -> Callable[[Any], int]:
    def store(event: Any) -> int:  # noqa: ANN401  # pynetdicom makes its events at run time
        with received_file(
            Path(event.dataset_path),
            sop_class_uid=str(event.request.AffectedSOPClassUID),
            sop_instance_uid=str(event.request.AffectedSOPInstanceUID),
            transfer_syntax_uid=str(event.context.transfer_syntax),
        ) as content:
            return keep(content)

    return store


def _outcome(service: str, responses: Iterator[tuple[Any, Any]]) -> Transferred:
    *_, (status, _identifier) = responses
    if "Status" not in status:
        raise RemoteFailed(f"the connection was lost during {service}")
    counts = (f"NumberOf{which}Suboperations" for which in ("Completed", "Failed", "Warning"))
    code = int(status.Status)
    transferred = Transferred(code, *(int(status.get(name) or 0) for name in counts))
    # B000: some failed; the counts tell, and whoever asked compares
    if code not in (0x0000, 0xB000) and not transferred.completed:
        raise RemoteFailed(f"{service} was answered {_shown(status)}")
    return transferred


def _shown(status: Any) -> str:  # noqa: ANN401
    if "Status" not in status:
        return "by silence"
    return f"{status.Status:04X} {status.get('ErrorComment') or ''}".strip()


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return "\\".join(map(str, value)) if isinstance(value, list) or hasattr(value, "append") else str(value)
