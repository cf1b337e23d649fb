"""An established association: messages in, answers out, until one side ends it (PS3.8 9.2, state 6)."""

import logging
from collections.abc import Callable, Mapping
from typing import IO, Final

from imaging_core.network.statuses import (
    CANNOT_UNDERSTAND,
    INVALID_INSTANCE,
    NO_SUCH_CLASS,
    NO_SUCH_OPERATION,
    NOT_AUTHORISED,
    SUCCESS,
)
from imaging_core.network.storage.connection import Connection, Reader
from imaging_core.network.storage.dimse import C_CANCEL, C_ECHO, C_STORE, RESPONSE, Command, response
from imaging_core.network.storage.messages import Message
from imaging_core.network.storage.negotiation import VERIFICATION
from imaging_core.network.storage.pdu import (
    COMMAND_BIT,
    LAST_BIT,
    PDU_HEADER,
    PDV_HEADER,
    AbortReason,
    PduType,
    ProtocolError,
    command_pdus,
    release_reply,
)

log = logging.getLogger(__name__)

_LONGEST_UID: Final = 128  # the standard says 64; longer ones exist, and are the sender's own business
_SHORT_PDU: Final = 4
Store = Callable[[IO[bytes]], int]
"""Keeps an instance, a whole file; returns the status. When it says success the instance is durable."""


class Association:
    """Serves one association. `contexts` maps accepted ids to abstract and transfer syntax.

    `store` is None when the other side has no right to store.
    """

    def __init__(
        self,
        connection: Connection,
        reader: Reader,
        contexts: Mapping[int, tuple[str, str]],
        store: Store | None,
        *,
        instance_bytes: int,
        max_length: int,
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._contexts = contexts
        self._store = store
        self._instance_bytes = instance_bytes
        self._max_length = max_length
        self._messages: dict[int, Message] = {}

    def serve(self) -> None:
        """Answer until the other side releases or aborts.

        Raises:
            ProtocolError: The other side broke the protocol.
            ConnectionEnded: It is gone.
        """
        try:
            while self._serve_pdu():
                pass
        finally:
            for message in self._messages.values():
                message.discard()

    def _serve_pdu(self) -> bool:
        """Serve one PDU; return whether more may follow."""
        kind, length = PDU_HEADER.unpack(self._reader.take(PDU_HEADER.size))
        if kind == PduType.P_DATA:
            self._take_data(length)
            return True
        if kind not in iter(PduType):
            raise ProtocolError(f"PDU of unknown type {kind}", AbortReason.UNRECOGNISED_PDU)
        if kind not in (PduType.RELEASE_RQ, PduType.ABORT):
            raise ProtocolError(f"PDU of type {kind} out of turn", AbortReason.UNEXPECTED_PDU)
        if length != _SHORT_PDU:
            raise ProtocolError("a PDU has another length than its kind")
        self._reader.take(length)
        if kind == PduType.RELEASE_RQ:
            self._connection.send(release_reply())
        return False

    def _take_data(self, left: int) -> None:
        """Take the presentation data values of one PDU (PS3.8 9.3.5.1)."""
        if left == 0:
            raise ProtocolError("a data PDU without data")
        while left:
            if left < PDV_HEADER.size:
                raise ProtocolError("a data PDU ends within an item")
            length, context_id, control = PDV_HEADER.unpack(self._reader.take(PDV_HEADER.size))
            left -= length + 4
            if length < 2 or left < 0:
                raise ProtocolError("an item has another length than its PDU allows")
            self._take_fragment(context_id, control, length - 2)

    def _take_fragment(self, context_id: int, control: int, length: int) -> None:
        if context_id not in self._contexts:
            raise ProtocolError("data of a context that was not accepted", AbortReason.UNEXPECTED_PARAMETER)
        message = self._messages.get(context_id)
        if message is None:
            message = self._messages[context_id] = Message()
        last = bool(control & LAST_BIT)
        if control & COMMAND_BIT:
            for piece in self._reader.pieces(length):
                message.add_command(piece, last=False)
            if not last:
                return
            message.add_command(memoryview(b""), last=True)
            self._begin(context_id, message)
        else:
            for piece in self._reader.pieces(length):
                message.add_data(piece)
            if last:
                # also for a last fragment without any byte
                message.add_data(memoryview(b""))
                self._finish(context_id, message)

    def _begin(self, context_id: int, message: Message) -> None:
        """Decide on a message by its command."""
        command = message.command
        assert command is not None  # noqa: S101  # its last fragment is here
        if command.field & RESPONSE:
            raise ProtocolError("a response to nothing we asked", AbortReason.UNEXPECTED_PARAMETER)
        abstract_syntax, transfer_syntax = self._contexts[context_id]
        objection = self._objection(command, abstract_syntax)
        if objection is not None:
            message.refuse(objection)
        elif command.field == C_STORE:
            message.keep(transfer_syntax_uid=transfer_syntax, most=self._instance_bytes, alone=len(self._messages) == 1)
        if not command.has_data_set:
            self._finish(context_id, message)

    def _objection(self, command: Command, abstract_syntax: str) -> int | None:
        if command.field in (C_ECHO, C_CANCEL):
            return None
        if command.field != C_STORE:
            return NO_SUCH_OPERATION
        if abstract_syntax == VERIFICATION:
            return NO_SUCH_CLASS
        if self._store is None:
            return NOT_AUTHORISED
        if not _can_be_filed(command.sop_class_uid) or not _can_be_filed(command.sop_instance_uid):
            return INVALID_INSTANCE
        return None if command.has_data_set else CANNOT_UNDERSTAND

    def _finish(self, context_id: int, message: Message) -> None:
        """Answer a message that is all here."""
        del self._messages[context_id]
        command = message.command
        assert command is not None  # noqa: S101  # a data set is only taken behind its command
        status = message.refused
        try:
            if status is None:
                status = SUCCESS
                if command.field == C_STORE and self._store is not None:
                    status = self._store(message.file())
        finally:
            message.discard()
        if command.field != C_CANCEL:  # PS3.7 9.3.2.3: it has no response
            self._connection.send(command_pdus(context_id, response(command, status), self._max_length))


def _can_be_filed(uid: str) -> bool:
    return 0 < len(uid) <= _LONGEST_UID and uid.isascii() and uid.isprintable()
