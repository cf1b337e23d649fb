"""Reasoning models put their reasoning into the reply: it is cut out of the stream."""

from collections.abc import Iterable, Iterator

_OPEN, _CLOSE = "<think>", "</think>"


def without_thinking(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces without `<think>…</think>`, also where a tag is split between two pieces.

    >>> "".join(without_thinking(["<thi", "nk>hm</th", "ink>好", "的"]))
    '好的'
    """
    buffer, thinking = "", False
    for piece in pieces:
        buffer += piece
        while True:
            tag = _CLOSE if thinking else _OPEN
            at = buffer.find(tag)
            if at >= 0:
                if not thinking and at:
                    yield buffer[:at]
                buffer, thinking = buffer[at + len(tag) :], not thinking
                continue
            keep = _partial(buffer, tag)
            shown = buffer[: len(buffer) - keep]
            if shown and not thinking:
                yield shown
            buffer = buffer[len(buffer) - keep :]
            break
    if buffer and not thinking:
        yield buffer


def _partial(buffer: str, tag: str) -> int:
    """Return how many characters at the end may be the beginning of the tag."""
    return next((n for n in range(min(len(tag) - 1, len(buffer)), 0, -1) if tag.startswith(buffer[-n:])), 0)
