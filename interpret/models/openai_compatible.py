"""Any server that speaks the OpenAI chat interface (vLLM, SGLang, Ollama, llama.cpp), through langchain."""

import threading
import time
from collections.abc import Iterator, Sequence

import httpx
import openai
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from interpret.errors import ModelGarbage, ModelResting, ModelTimeout, ModelUnreachable
from interpret.models.circuit import Circuit
from interpret.models.port import ChatMessage
from interpret.models.thinking import without_thinking

_MESSAGES: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_CONNECT_SECONDS = 3.0
_MAX_CHARACTERS = 20_000
"""A reply longer than this is a loop, not an answer."""


class OpenAICompatibleModel:
    """A chat model behind an OpenAI-compatible base URL. Nothing is retried: the composed answer is the retry."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str = "none",
        max_tokens: int = 1024,
        temperature: float = 0.0,
        circuit: Circuit | None = None,
    ) -> None:
        self.name = model
        self._base_url = base_url
        self._api_key = SecretStr(api_key)
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._circuit = circuit or Circuit()

    def stream(self, messages: Sequence[ChatMessage], timeout: float) -> Iterator[str]:
        """Yield the reply; see `ChatModel.stream`. Raises `ModelResting` at once after failures in a row."""
        if not self._circuit.lets_through():
            raise ModelResting(self.name, "left alone after failures in a row")
        try:
            yield from self._reply(messages, timeout)
        except (ModelTimeout, ModelUnreachable):
            self._circuit.record(answered=False)
            raise
        except ModelGarbage:
            self._circuit.record(answered=True)  # it answers, badly: that costs nobody a wait
            raise
        self._circuit.record(answered=True)

    def _reply(self, messages: Sequence[ChatMessage], timeout: float) -> Iterator[str]:
        deadline = time.monotonic() + timeout
        wait = httpx.Timeout(timeout, connect=min(_CONNECT_SECONDS, timeout))
        # a client of its own for each reply, without the machine's proxy settings: closing it ends the reply
        with httpx.Client(timeout=wait, trust_env=False) as client:
            chat = ChatOpenAI(
                model=self.name,
                base_url=self._base_url,
                api_key=self._api_key,
                temperature=self._temperature,
                max_retries=0,
                max_tokens=self._max_tokens,
                http_client=client,
                timeout=wait,
                stream_usage=False,
            )
            # bytes may drip for ever without making a piece: the read timeout never fires then, this does
            alarm = threading.Timer(timeout, client.close)
            alarm.daemon = True
            alarm.start()
            try:
                yield from self._pieces(chat, messages, deadline)
            finally:
                alarm.cancel()

    def _pieces(self, chat: ChatOpenAI, messages: Sequence[ChatMessage], deadline: float) -> Iterator[str]:
        said = 0
        try:
            for piece in without_thinking(self._raw(chat, messages, deadline)):
                said += len(piece)
                if said > _MAX_CHARACTERS:
                    raise ModelGarbage(self.name, "reply does not end")
                yield piece
        except (openai.APITimeoutError, httpx.TimeoutException) as error:
            raise ModelTimeout(self.name, "no reply in time") from error
        except openai.APIStatusError as error:
            raise ModelUnreachable(self.name, f"server answered {error.status_code}") from error
        except (openai.APIConnectionError, httpx.ConnectError) as error:
            if time.monotonic() >= deadline:
                raise ModelTimeout(self.name, "no reply in time") from error
            raise ModelUnreachable(self.name, "no connection") from error
        except (
            openai.OpenAIError,
            httpx.HTTPError,
            httpx.StreamError,
            ValueError,
            TypeError,
            RuntimeError,
            KeyError,
        ) as error:
            if time.monotonic() >= deadline:
                raise ModelTimeout(self.name, "no reply in time") from error
            raise ModelGarbage(self.name, f"reply broke off: {type(error).__name__}") from error
        if said == 0:
            raise ModelGarbage(self.name, "empty reply")

    def _raw(self, chat: ChatOpenAI, messages: Sequence[ChatMessage], deadline: float) -> Iterator[str]:
        ended: str | None = None
        for chunk in chat.stream([_MESSAGES[m.role](content=m.content) for m in messages]):
            if time.monotonic() >= deadline:
                raise ModelTimeout(self.name, "reply was not complete in time")
            text = chunk.content if isinstance(chunk.content, str) else ""
            ended = chunk.response_metadata.get("finish_reason") or ended
            if text:
                yield text
        if ended != "stop":  # a closed connection looks like an end to HTTP/1.0; "length" is a reply cut short
            raise ModelGarbage(self.name, f"reply ended with {ended}")
