"""A model may reword checked sentences, within a time; each rewording is checked or the original stands."""

import json
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from interpret.errors import ModelError
from interpret.guard.deidentify import deidentify
from interpret.guard.preserve import changed
from interpret.models.port import ChatMessage, ChatModel
from interpret.prompts import Prompt

log = logging.getLogger(__name__)

_LINE = re.compile(r"^\s*(\d{1,2})\s*[|｜]\s*(.+?)\s*$")
_END = None


def rephrased(
    sentences: Sequence[str],
    *,
    model: ChatModel,
    prompt: Prompt,
    holds: Callable[[int, str], bool],
    seconds: float,
) -> Iterator[tuple[int, str | None]]:
    """Yield every index in order with its rewording, or None where the original stands.

    The model runs in a thread of its own. Whole lines are taken as they arrive; when the time is over, the
    model fails or stops early, the rest keeps its original words at once.

    Args:
        sentences: Checked sentences.
        model: The model.
        prompt: Its instructions.
        holds: The check against report and evidence, by index.
        seconds: The longest the whole may take.
    """
    deadline = time.monotonic() + seconds
    lines: queue.Queue[str | None] = queue.Queue()
    listed = [{"n": n, "text": deidentify(text)} for n, text in enumerate(sentences, start=1)]
    messages = [
        ChatMessage("system", prompt.text),
        ChatMessage("user", json.dumps(listed, ensure_ascii=False)),
    ]
    worker = threading.Thread(target=_read, args=(model, messages, seconds, lines), name="rephrase", daemon=True)
    worker.start()
    worded: dict[int, str] = {}
    ended = False
    for index, original in enumerate(sentences):
        while index not in worded and not ended:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                ended = True
                break
            if line is _END:
                ended = True
            elif match := _LINE.match(str(line)):
                worded.setdefault(int(match.group(1)) - 1, match.group(2))
        candidate = worded.get(index)
        yield index, candidate if candidate and _may_stand(index, original, candidate, holds) else None


def _may_stand(index: int, original: str, candidate: str, holds: Callable[[int, str], bool]) -> bool:
    reason = changed(original, candidate)
    if reason is None and not holds(index, candidate):
        reason = "guard"
    if reason is not None:
        log.info("rephrasing refused", extra={"reason": reason})
    return reason is None


def _read(model: ChatModel, messages: Sequence[ChatMessage], seconds: float, lines: "queue.Queue[str | None]") -> None:
    """Put whole lines into the queue; a line the model did not finish is never shown."""
    buffer = ""
    try:
        for piece in model.stream(messages, seconds):
            buffer += piece
            *whole, buffer = buffer.split("\n")
            for line in whole:
                lines.put(line)
        lines.put(buffer)
    except ModelError as error:
        log.warning("model failed", extra={"model": model.name, "error": type(error).__name__})
    finally:
        lines.put(_END)
