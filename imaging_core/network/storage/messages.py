"""A DIMSE message while its fragments come in (PS3.7 6.3.1, PS3.8 annex E)."""

import logging
import tempfile
from typing import IO, Final

from imaging_core.dicom.writing import file_meta
from imaging_core.network.statuses import OUT_OF_RESOURCES
from imaging_core.network.storage.dimse import COMMAND_BYTES, Command, parse_command
from imaging_core.network.storage.pdu import AbortReason, ProtocolError

log = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024
_IN_MEMORY: Final = 32 * _MIB
_OTHERS_IN_MEMORY: Final = _MIB


class Message:
    """One message of one context: its command, then its data set as a file behind our own file meta information."""

    def __init__(self) -> None:
        self._command_bytes = bytearray()
        self._file: IO[bytes] | None = None
        self._room = 0
        self.command: Command | None = None
        self.refused: int | None = None
        """The status that was decided before the data set has come; the rest of it is not kept."""

    def add_command(self, piece: memoryview, *, last: bool) -> None:
        """Take a fragment of the command set. Raises ProtocolError."""
        if self.command is not None:
            raise ProtocolError("a command where a data set was due", AbortReason.UNEXPECTED_PARAMETER)
        if len(self._command_bytes) + len(piece) > COMMAND_BYTES:
            raise ProtocolError("a command set is too long")
        self._command_bytes += piece
        if last:
            self.command = parse_command(bytes(self._command_bytes))

    def keep(self, *, transfer_syntax_uid: str, most: int, alone: bool) -> None:
        """Keep the data set that follows, at most so many bytes. One that shares the association gets less memory."""
        assert self.command is not None  # noqa: S101  # the data set follows its command
        # TemporaryFile has no name where the system allows it: nothing is left behind, whatever ends us
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY if alone else _OTHERS_IN_MEMORY)  # noqa: SIM115
        self._room = most
        self._file.write(
            file_meta(
                sop_class_uid=self.command.sop_class_uid,
                sop_instance_uid=self.command.sop_instance_uid,
                transfer_syntax_uid=transfer_syntax_uid,
            )
        )

    def add_data(self, piece: memoryview) -> None:
        """Take a fragment of the data set. Raises ProtocolError."""
        if self.command is None or not self.command.has_data_set:
            raise ProtocolError("a data set where a command was due", AbortReason.UNEXPECTED_PARAMETER)
        if self._file is None:
            return
        self._room -= len(piece)
        try:
            if self._room < 0:
                self.refuse(OUT_OF_RESOURCES)
            else:
                self._file.write(piece)
        except OSError:
            log.exception("no room for a data set that comes in")
            self.refuse(OUT_OF_RESOURCES)

    def refuse(self, status: int) -> None:
        """Answer with this status and keep nothing."""
        self.refused = status
        self.discard()

    def file(self) -> IO[bytes]:
        """Return the data set as a file, from its beginning."""
        assert self._file is not None  # noqa: S101  # `keep` came first and nothing was refused
        self._file.seek(0)
        return self._file

    def discard(self) -> None:
        """Forget the data set."""
        if self._file is not None:
            self._file.close()
            self._file = None
