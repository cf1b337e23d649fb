"""The port: text in, text pieces out, within a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message to a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatModel(Protocol):
    """A chat model."""

    @property
    def name(self) -> str:
        """Name as answers record it."""
        ...

    def stream(self, messages: Sequence[ChatMessage], timeout: float) -> Iterator[str]:
        """Yield the reply piece by piece; reasoning (`<think>`) is left out.

        Args:
            messages: The conversation.
            timeout: Seconds for the whole reply, connection included.

        Raises:
            ModelUnreachable: Nobody answered, or the call was refused.
            ModelTimeout: The reply was not complete in time.
            ModelResting: Too many calls failed in a row; nobody was asked.
            ModelGarbage: The reply broke off, was empty or was no text.
        """
        ...
