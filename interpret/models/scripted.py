"""A stand-in whose replies are written down beforehand; for unit tests."""

import time
from collections.abc import Iterator, Sequence

from interpret.errors import ModelError, ModelGarbage, ModelTimeout
from interpret.models.port import ChatMessage
from interpret.models.thinking import without_thinking


class ScriptedModel:
    """Replies with the given pieces, whatever it is asked; an error among them is raised there."""

    def __init__(
        self, pieces: Sequence[str | ModelError], *, name: str = "scripted", seconds_each: float = 0.0
    ) -> None:
        self.name = name
        self.asked: list[Sequence[ChatMessage]] = []
        self._pieces = pieces
        self._seconds_each = seconds_each

    def stream(self, messages: Sequence[ChatMessage], timeout: float) -> Iterator[str]:
        """Yield the script; see `ChatModel.stream`."""
        self.asked.append(messages)
        deadline = time.monotonic() + timeout
        said = False
        for piece in without_thinking(self._script(deadline)):
            said = said or bool(piece.strip())
            yield piece
        if not said:
            raise ModelGarbage(self.name, "empty reply")

    def _script(self, deadline: float) -> Iterator[str]:
        for piece in self._pieces:
            time.sleep(min(self._seconds_each, max(0.0, deadline - time.monotonic())))
            if time.monotonic() >= deadline:
                raise ModelTimeout(self.name, "script is slower than allowed")
            if isinstance(piece, ModelError):
                raise piece
            yield piece
