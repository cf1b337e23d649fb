"""The parent's side of the rendering child: starts it, watches it, starts it again."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, cast

from imaging_core.derive.protocol import Message, receive, send_pieces
from imaging_core.errors import PixelsNotReadable, RendererUnavailable

_GIB = 1024**3
_PIPE_BYTES = 1024**2
"""An instance passes in one or two writes instead of many small ones that wake the other side each time."""


@dataclass(frozen=True, slots=True)
class RendererLimits:
    """Limits on the child. Memory is address space, of which libraries alone take about one GiB."""

    memory_bytes: int = 6 * _GIB
    seconds_per_answer: float = 60
    """From one message to the next; a frame that takes longer ends the child."""
    seconds_to_start: float = 60


class Renderer:
    """One rendering child at a time, started when first needed. Not for use by several threads.

    `module` may name another child that keeps to the same protocol.
    """

    def __init__(self, limits: RendererLimits | None = None, *, module: str = "imaging_core.derive.child") -> None:
        self._limits = limits or RendererLimits()
        self._module = module
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def render(
        self, content: Iterable[bytes], size: int, transfer_syntax_uid: str, task: dict[str, Any] | None = None
    ) -> Iterator[Message]:
        """Yield the child's messages about one instance of `size` bytes, the last one of kind `end`.

        Without a `task` these are all its frames for a pack.

        Raises:
            PixelsNotReadable: The child died or took too long; a new one is started for the next instance.
            RendererUnavailable: No child can be started.
        """
        if size > self._limits.memory_bytes // 4:
            raise PixelsNotReadable("too_large", f"{size} bytes are more than the renderer's memory can hold")
        finished = False
        child = self._running()
        watch = _Watch(child, self._limits.seconds_per_answer)
        try:
            # a child that dies early is noticed when no answer comes
            with suppress(BrokenPipeError):
                head = {"transfer_syntax_uid": transfer_syntax_uid, "sizes": [size], "task": task}
                send_pieces(cast(BinaryIO, child.stdin), head, content)
            while not finished:
                message = receive(cast(BinaryIO, child.stdout))
                if message is None:
                    raise _death(watch)
                watch.restart()
                finished = message.head["kind"] == "end"
                yield message
        finally:
            watch.stop()
            if not finished:
                self.close()

    def close(self) -> None:
        """End the child, if one runs."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", self._module, str(self._limits.memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_bare_environment(),
                pipesize=_PIPE_BYTES,
            )
            watch = _Watch(self._child, self._limits.seconds_to_start)
            ready = receive(cast(BinaryIO, self._child.stdout))
            watch.stop()
            if ready is None:
                self.close()
                raise RendererUnavailable
        return self._child


class _Watch:
    """Kills the child when it does not answer in time. One thread, looking at a deadline that moves."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self._child = child
        self._seconds = seconds
        self._stopped = threading.Event()
        self.expired = False
        self.restart()
        threading.Thread(target=self._wait, daemon=True).start()

    def restart(self) -> None:
        """Begin to count anew."""
        self._deadline = time.monotonic() + self._seconds

    def stop(self) -> None:
        """Count no longer."""
        self._stopped.set()

    def _wait(self) -> None:
        while (left := self._deadline - time.monotonic()) > 0:
            if self._stopped.wait(left):
                return
        self.expired = True
        self._child.kill()


def _death(watch: _Watch) -> PixelsNotReadable:
    if watch.expired:
        return PixelsNotReadable("decoder_timeout", "decoding took longer than allowed and was stopped")
    return PixelsNotReadable("decoder_crashed", "the decoder crashed on this instance")


def _bare_environment() -> dict[str, str]:
    """Return an environment without secrets: paths, and one thread for each numerical library."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR", "LANG") if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | threads | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
