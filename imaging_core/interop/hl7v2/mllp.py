"""The MLLP server: HL7 messages over TCP, each answered on its own connection in order."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from imaging_core.interop.hl7v2.errors import MessageTooLarge
from imaging_core.interop.hl7v2.framing import MllpFramer, framed

log = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 * 1024 * 1024

Handler = Callable[[bytes], bytes]


class MllpServer:
    """Listens until stopped; the handler runs in threads, never in the event loop.

    `refuse_oversize` gets the beginning of a message that is too large and gives the answer to send
    before the connection is closed. A connection that completes no message within `idle_timeout`
    seconds is closed too, also when single bytes keep dripping in.
    """

    def __init__(
        self,
        handler: Handler,
        host: str,
        port: int,
        *,
        refuse_oversize: Handler,
        max_message_bytes: int = 8 * 1024 * 1024,
        idle_timeout: float = 300.0,
        max_connections: int = 64,
        threads: int = 4,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._handler = handler
        self._refuse_oversize = refuse_oversize
        self._host = host
        self._port = port
        self._max_message_bytes = max_message_bytes
        self._idle_timeout = idle_timeout
        self._max_connections = max_connections
        self._threads = threads
        self._tls = tls
        self._connections: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._executor: ThreadPoolExecutor | None = None

    @property
    def port(self) -> int:
        """Return the port listened on; the free one that was chosen when 0 was asked for."""
        if self._server is None:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to listen. Raises `OSError` when the port is taken."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port, ssl=self._tls)
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="mllp")

    async def stop(self) -> None:
        """Stop listening, let messages under way be answered, end idle connections."""
        if self._server is None or self._executor is None:
            return
        self._server.close()
        for connection in self._connections - self._busy:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        self._server = None
        self._executor.shutdown()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a callback of start_server is a task
        if len(self._connections) >= self._max_connections:
            log.warning("mllp connection refused", extra={"connections": len(self._connections)})
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer, task)
        except TimeoutError:
            log.info("mllp connection was idle")
        except (ConnectionError, ssl.SSLError) as lost:
            log.info("mllp connection lost", extra={"failure": type(lost).__name__})
        except asyncio.CancelledError:
            # stop() ends idle connections this way; the task ends here, so nothing is left to cancel.
            log.info("mllp connection ended by shutdown")
        except Exception:
            # The handler failed: no answer is given, so the sender sends again.
            log.exception("mllp handler failed")
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        framer = MllpFramer(self._max_message_bytes)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._idle_timeout
        while self._server is not None and self._server.is_serving():
            async with asyncio.timeout_at(deadline):
                data = await reader.read(_READ_BYTES)
            if not data:
                if framer.unfinished:
                    log.info("mllp connection ended inside a message")
                return
            self._busy.add(task)
            try:
                for message in framer.feed(data):
                    writer.write(framed(await loop.run_in_executor(self._executor, self._handler, message)))
                    async with asyncio.timeout(self._idle_timeout):
                        await writer.drain()
                    deadline = loop.time() + self._idle_timeout
            except MessageTooLarge as refusal:
                await self._end_with(self._refuse_oversize(refusal.head), reader, writer)
                return
            finally:
                self._busy.discard(task)

    async def _end_with(self, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a last answer and wait for the peer to take it: unread bytes would reset the connection before."""
        writer.write(framed(answer))
        remaining = _LINGER_BYTES
        async with asyncio.timeout(_LINGER_SECONDS):
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            while remaining > 0 and (data := await reader.read(_READ_BYTES)):
                remaining -= len(data)
