"""A model on this machine through transformers (extra `local-models`); loaded on first use."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from interpret.errors import ModelGarbage, ModelTimeout, ModelUnreachable
from interpret.models.port import ChatMessage
from interpret.models.thinking import without_thinking


class LocalTransformersModel:
    """A causal language model from a local folder. Generates one reply at a time."""

    def __init__(self, folder: Path, *, max_new_tokens: int = 512, threads: int | None = None) -> None:
        self.name = folder.name
        self._folder = folder
        self._max_new_tokens = max_new_tokens
        self._threads = threads
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def stream(self, messages: Sequence[ChatMessage], timeout: float) -> Iterator[str]:
        """Yield the reply; see `ChatModel.stream`. Waiting for another reply counts as time."""
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            raise ModelTimeout(self.name, "busy with another reply")
        try:
            said = False
            for piece in without_thinking(self._generate(messages, deadline)):
                said = said or bool(piece.strip())
                yield piece
            if not said:
                raise ModelGarbage(self.name, "empty reply")
        finally:
            self._lock.release()

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            try:
                import torch
                from transformers import AutoModelForCausalLM, AutoTokenizer
            except ImportError as error:
                raise ModelUnreachable(self.name, "install the extra local-models") from error
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            try:
                tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)
                model = AutoModelForCausalLM.from_pretrained(self._folder, local_files_only=True)
            except (OSError, ValueError) as error:
                raise ModelUnreachable(self.name, f"no usable model in {self._folder.name}") from error
            self._loaded = tokenizer, model.eval()
        return self._loaded

    def _generate(self, messages: Sequence[ChatMessage], deadline: float) -> Iterator[str]:
        tokenizer, model = self._load()
        from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

        class _OutOfTime(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped here
            def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the library's own signature
                import torch

                late = time.monotonic() >= deadline
                return torch.full((input_ids.shape[0],), late, dtype=torch.bool, device=input_ids.device)

        chat = [{"role": m.role, "content": m.content} for m in messages]
        inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        failures: list[Exception] = []

        def run() -> None:
            try:
                model.generate(
                    **inputs,
                    max_new_tokens=self._max_new_tokens,
                    do_sample=False,
                    streamer=streamer,
                    stopping_criteria=StoppingCriteriaList([_OutOfTime()]),
                    pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
                )
            except (RuntimeError, ValueError, IndexError) as error:
                failures.append(error)
                streamer.end()

        worker = threading.Thread(target=run, name="local-model", daemon=True)
        worker.start()
        try:
            yield from streamer
        finally:
            worker.join()
        if failures:
            raise ModelGarbage(self.name, type(failures[0]).__name__) from failures[0]
        if time.monotonic() >= deadline:
            raise ModelTimeout(self.name, "reply was not complete in time")
