"""Many threads, one commit: whoever comes first does the work of all who wait behind it."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Hands items of many threads to one call of `work` at a time, as many as wait at that moment.

    There is no timer and no thread of its own: a lone caller works at once in its own thread, and while one group is
    worked on the next one gathers. `work` returns one result for each item, in order; a result that is an exception
    is raised to its caller, and what `work` itself raises, each caller of the group hears.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Turn[Item, Result]] = deque()
        self._led = False

    def do(self, item: Item) -> Result:
        """Return the result of `item`, once the group it was in is done."""
        turn: _Turn[Item, Result] = _Turn(item)
        with self._lock:
            self._waiting.append(turn)
            if self._led:
                turn.wake = threading.Event()
            self._led = True
        if turn.wake is not None:
            turn.wake.wait()
        if not turn.done:
            self._lead()
        if turn.error is not None:
            raise turn.error
        return turn.result  # type: ignore[return-value]  # done without error: there is one

    def _lead(self) -> None:
        """Work for the first ones of those who wait, then let the next one lead."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            results = self._work([turn.item for turn in group])
        except BaseException as error:  # noqa: BLE001  # each caller raises it
            for turn in group:
                turn.error = error
        else:
            for turn, result in zip(group, results, strict=True):
                if isinstance(result, Exception):
                    turn.error = result
                else:
                    turn.result = result
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._led = following is not None
        for turn in group:
            turn.done = True
            if turn.wake is not None:
                turn.wake.set()
        if following is not None and following.wake is not None:
            following.wake.set()


class _Turn(Generic[Item, Result]):
    """One caller's item; `wake` is set when the group is done or when it is this caller's turn to lead."""

    __slots__ = ("done", "error", "item", "result", "wake")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.wake: threading.Event | None = None
        self.done = False
