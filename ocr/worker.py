"""Reading in a process that may die: hostile pictures cost a process and a second, never the service."""

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ocr import wire
from ocr.errors import PictureRefused, WorkerUnavailable
from ocr.limits import PictureLimits, WorkerLimits
from ocr.machine import end_tree, group_of_its_own, usage
from ocr.reading import refusal_reading
from ocr.types import Progress, Reading, Refusal

log = logging.getLogger(__name__)

Message = tuple[dict[str, Any], bytes]
_WATCH_SECONDS = 0.05
_DATA_OVER_RESIDENT = 2
"""The kernel's limit on data memory is this much wider than ours on resident memory, which acts first."""
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TESSDATA_PREFIX", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "HOME")


class ReadingWorker:
    """One warm reading process. Calls from several threads take turns; a process that dies is replaced.

    Use it as a context manager, or `close` it.
    """

    def __init__(self, limits: WorkerLimits | None = None, pictures: PictureLimits | None = None) -> None:
        self._limits = limits or WorkerLimits()
        self._pictures = pictures or PictureLimits()
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def start(self) -> None:
        """Load the engines now, so that the first reading need not wait.

        Raises:
            WorkerUnavailable: The process does not start, for a reason that no picture can change.
        """
        with self._turn:
            self._ready_child()

    def read(self, source: Path | bytes, progress: Callable[[Progress], None] | None = None) -> Reading:
        """Read a picture or PDF, from a path or from memory.

        A picture that is refused, or that costs too much time, too much memory or the process, comes back as a
        reading with `accepted=False`.

        Raises:
            WorkerUnavailable: Nothing can be read on this machine now.
            OSError: The path cannot be read.
        """
        started = time.monotonic()
        try:
            message, _ = self._ask("read", self._content(source), progress)
            return wire.reading_from_json(message["reading"])
        except PictureRefused as refused:
            return refusal_reading(refused.refusal, "", time.monotonic() - started)
        except (ValueError, KeyError) as error:
            log.warning("reading process sent a malformed answer", extra={"error": type(error).__name__})
            return refusal_reading(Refusal.READER_DIED, "", time.monotonic() - started)

    def clean_pictures(self, source: Path | bytes) -> list[bytes]:
        """Return the pages as upright JPEGs at working size, without metadata.

        Raises:
            PictureRefused: As `read` would refuse it before looking at its text.
            WorkerUnavailable: Nothing can be opened on this machine now.
        """
        message, payload = self._ask("clean", self._content(source), None)
        if "refused" in message:
            raise PictureRefused(Refusal(message["refused"]))
        pictures, start = [], 0
        for length in message["pictures"]:
            pictures.append(payload[start : start + length])
            start += length
        return pictures

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._drop_child()

    @property
    def process_id(self) -> int | None:
        """Process id of the warm process, for diagnosis."""
        return self._child.process.pid if self._child is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _content(self, source: Path | bytes) -> bytes:
        if isinstance(source, bytes):
            data = source
        else:
            with source.open("rb") as stream:  # never more in memory than the limit and one byte
                data = stream.read(self._pictures.bytes + 1)
        if len(data) > self._pictures.bytes:
            raise PictureRefused(Refusal.TOO_MANY_BYTES)
        return data

    def _ask(self, what: str, data: bytes, progress: Callable[[Progress], None] | None) -> Message:
        with self._turn:
            child = self._ready_child()
            try:
                answer = child.ask(what, data, progress, self._limits)
            except PictureRefused as refused:
                log.warning("reading process ended", extra={"refusal": refused.refusal.value})
                self._drop_child()
                self._child = self._spawn()  # the next picture finds it warm
                raise
            if child.answered >= self._limits.readings_per_process:
                self._drop_child()
                self._child = self._spawn()
            return answer

    def _ready_child(self) -> "_Child":
        if self._child is not None and self._child.process.poll() is not None:
            self._drop_child()
        if self._child is None:
            self._child = self._spawn()
        try:
            self._child.await_ready(self._limits.start_seconds)
        except WorkerUnavailable:
            self._drop_child()
            raise
        return self._child

    def _spawn(self) -> "_Child":
        arguments = {
            "pictures": asdict(self._pictures),
            "threads": self._limits.threads,
            "data_memory": self._limits.memory * _DATA_OVER_RESIDENT,
        }
        return _Child(arguments)

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """The process, and a thread that listens to it."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.answered = 0
        self._ready = False
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self.process = subprocess.Popen(  # noqa: S603 - our own module, arguments built here
            [sys.executable, "-m", "ocr.worker_process", json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # library chatter may quote the report
            env=_environment(),
            **group_of_its_own(),
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def await_ready(self, seconds: float) -> None:
        """Wait until the engines are loaded."""
        if self._ready:
            return
        try:
            message = self._messages.get(timeout=seconds)
        except queue.Empty:
            raise WorkerUnavailable(f"engines not loaded after {seconds:.0f} s") from None
        if message is None or "ready" not in message[0]:
            raise WorkerUnavailable("it ended early" if message is None else str(message[0].get("unavailable")))
        self._ready = True

    def ask(self, what: str, data: bytes, progress: Callable[[Progress], None] | None, limits: WorkerLimits) -> Message:
        """Send one request and wait for its answer, watching the clock and the memory."""
        deadline = time.monotonic() + limits.seconds
        used_before = usage(self.process.pid).cpu_seconds
        try:
            assert self.process.stdin is not None  # noqa: S101 - told to Popen above
            wire.send(self.process.stdin, {"do": what}, data)
        except OSError:
            raise PictureRefused(Refusal.READER_DIED) from None
        while True:
            try:
                message = self._messages.get(timeout=_WATCH_SECONDS)
            except queue.Empty:
                self._watch(deadline, used_before, limits)
                continue
            if message is None:
                raise PictureRefused(Refusal.READER_DIED)
            if "stage" not in message[0]:
                self.answered += 1
                return message
            if progress is not None:
                progress(Progress(str(message[0]["stage"]), float(message[0]["done"])))

    def end(self) -> None:
        """Kill the process and close its pipes."""
        end_tree(self.process)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # a last request was still in the buffer

    def _watch(self, deadline: float, used_before: float, limits: WorkerLimits) -> None:
        if time.monotonic() > deadline:
            raise PictureRefused(Refusal.TOO_SLOW)
        now = usage(self.process.pid)
        if now.cpu_seconds - used_before > limits.cpu_seconds:
            raise PictureRefused(Refusal.TOO_SLOW)
        if now.resident > limits.memory:
            raise PictureRefused(Refusal.TOO_MUCH_MEMORY)

    def _listen(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - told to Popen above
        try:
            while (message := wire.receive(self.process.stdout)) is not None:
                self._messages.put(message)
        except (ValueError, OSError) as error:
            log.warning("reading process is out of step", extra={"error": type(error).__name__})
        self._messages.put(None)


def _environment() -> dict[str, str]:
    """Return what the process needs to run and nothing else: settings and secrets stay here."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    root = str(Path(__file__).resolve().parent.parent)
    # one thread each for BLAS and Tesseract: they would only take turns with the engine's own
    return {**kept, "PYTHONPATH": root, "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
