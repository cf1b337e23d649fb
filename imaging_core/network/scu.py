"""The storage SCU: sends files to another application entity by C-STORE."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pynetdicom import AE, _config, build_context

from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits

Progress = Callable[[int, int], None]


class SendingFailed(Exception):
    """The association or an instance was refused; `status` is the DIMSE status, None without an association."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


def send_files(
    paths: Sequence[Path],
    *,
    host: str,
    port: int,
    called_ae_title: str,
    calling_ae_title: str,
    progress: Progress = lambda _done, _all: None,
) -> None:
    """Send instances one after another on one association, each as it is.

    Raises:
        SendingFailed: the first refusal; what was sent before is stored there.
    """
    _config.STORE_SEND_CHUNKED_DATASET = True  # the file's own bytes go out, nothing is encoded anew
    contexts = {_context_of(path) for path in paths}
    ae = AE(ae_title=calling_ae_title)
    ae.maximum_pdu_size = 0
    association = ae.associate(
        host, port, contexts=[build_context(*pair) for pair in sorted(contexts)], ae_title=called_ae_title
    )
    if not association.is_established:
        raise SendingFailed(f"{called_ae_title} at {host}:{port} accepts no association from {calling_ae_title}")
    try:
        for number, path in enumerate(paths, 1):
            status = association.send_c_store(path)
            if "Status" not in status or status.Status != 0:
                raise SendingFailed(f"{path.name} was refused", status.get("Status"))
            progress(number, len(paths))
    finally:
        association.release()


def _context_of(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size, Limits())
    return header.sop_class_uid, header.transfer_syntax_uid
