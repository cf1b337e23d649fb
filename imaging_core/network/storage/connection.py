"""One TCP connection: bytes in as large pieces as there are, answers out at once, and nobody waited for without end."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Final, Protocol

_BUFFER: Final = 1024 * 1024
_QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class ConnectionEnded(Exception):
    """The other side is gone, or silent for too long."""


class ByteStream(Protocol):
    """What bytes are read from. Zero means the end."""

    def receive_into(self, buffer: memoryview) -> int:
        """Fill the buffer with what is there, at least one byte."""
        ...


class Connection:
    """A connected socket, plain or TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._timeout = 0.0
        self._deadline: float | None = None
        with contextlib.suppress(OSError):  # a peer that left at once
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def expect_within(self, seconds: float) -> None:
        """Give up when nothing at all comes for that long."""
        self._timeout, self._deadline = seconds, None
        self._socket.settimeout(seconds)

    def expect_all_within(self, seconds: float) -> None:
        """Give up after that long, however much comes (the ARTIM timer, PS3.8 9.1.5)."""
        self._timeout, self._deadline = seconds, time.monotonic() + seconds

    def receive_into(self, buffer: memoryview) -> int:
        """Fill the buffer with what is there. Raises ConnectionEnded."""
        try:
            if self._deadline is not None:
                self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))
            count = self._socket.recv_into(buffer)
            if _QUICK_ACK is not None:
                # Linux forgets this by itself. Without it a sender with Nagle's algorithm on waits 40 ms for our
                # delayed acknowledgement before it sends the end of each instance
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        except TimeoutError:
            raise ConnectionEnded("silent for too long") from None
        except (OSError, ValueError) as error:
            raise ConnectionEnded("connection lost") from error
        return count

    def send(self, data: bytes) -> None:
        """Send bytes. Raises ConnectionEnded."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionEnded("connection lost") from error

    def await_close(self, seconds: float) -> None:
        """Let the other side close the connection, so that it hears what was sent last; then close it."""
        with contextlib.suppress(ConnectionEnded):
            self.expect_all_within(seconds)
            waste = memoryview(bytearray(64 * 1024))
            while self.receive_into(waste):
                pass
        self.close()

    def end_of_input(self) -> None:
        """Wake the thread that waits for bytes: it finds the end."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RD)  # not SSLSocket's, which would drop its session

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Reader:
    """Reads a stream through one buffer. Nothing is allocated by a length that was only declared."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._buffer = memoryview(bytearray(_BUFFER))
        self._start = self._end = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes, exactly so many. Raises ConnectionEnded."""
        if self._end - self._start >= count:
            self._start += count
            return bytes(self._buffer[self._start - count : self._start])
        taken = bytearray()
        for piece in self.pieces(count):
            taken += piece
        return bytes(taken)

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Yield the next bytes piece by piece; each piece is valid until the next one. Raises ConnectionEnded."""
        while count:
            if self._start == self._end:
                self._start, self._end = 0, self._stream.receive_into(self._buffer)
                if not self._end:
                    raise ConnectionEnded("connection closed")
            piece = self._buffer[self._start : min(self._end, self._start + count)]
            self._start += len(piece)
            count -= len(piece)
            yield piece

    def unread(self) -> bytes:
        """Return what was received and not yet taken."""
        return bytes(self._buffer[self._start : self._end])
