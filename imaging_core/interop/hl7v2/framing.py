"""MLLP framing without a socket: bytes in, messages out (HL7 v2.5.1 appendix C.4)."""

from collections.abc import Iterator

from imaging_core.interop.hl7v2.errors import MessageTooLarge

START = b"\x0b"
END = b"\x1c"
TAIL = b"\r"
_HEAD_BYTES = 4096


def framed(message: bytes) -> bytes:
    """Return a message as it goes over the connection."""
    return START + message + END + TAIL


class MllpFramer:
    """Collects bytes until a message is whole. However the bytes are cut, the same messages come out.

    What stands outside a frame is dropped: the carriage return after a message, line noise, a port
    scanner's greeting. Neither 0x0B nor 0x1C occurs inside a character of GB18030 or UTF-8. At most
    one unfinished message of the allowed size is held.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._limit = max_message_bytes
        self._pending = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that become whole; exhaust it before feeding more.

        Raises:
            MessageTooLarge: after the messages before it, when the one under way has more than the allowed
                bytes; the connection is of no more use.
        """
        position = 0
        while position < len(data):
            if not self._inside:
                start = data.find(START, position)
                if start < 0:
                    return
                self._inside, position = True, start + 1
            end = data.find(END, position)
            self._pending += data[position : end if end >= 0 else len(data)]
            if len(self._pending) > self._limit:
                raise MessageTooLarge(self._limit, bytes(self._pending[:_HEAD_BYTES]))
            if end < 0:
                return
            message = _last_begun(bytes(self._pending))
            self._pending.clear()
            self._inside, position = False, end + 1
            yield message

    @property
    def unfinished(self) -> bool:
        """Return whether a message has begun and not ended."""
        return self._inside


def _last_begun(content: bytes) -> bytes:
    # A sender that breaks off and starts again on the same connection: only the last start counts.
    # A vertical tab alone may be a soft line break inside a report text.
    return content[content.rfind(START + b"MSH") + 1 :]
