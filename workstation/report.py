"""The desk reports itself, and learns what is switched on there."""

import json
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from workstation import __version__
from workstation.settings import DeskSettings, DeskState
from workstation.system import os_name

_SECONDS = 10
_AGAIN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says to a desk."""

    history_reminders: bool = True
    duplicate_reminders: bool = True
    newest_version: str = __version__
    next_seconds: int = _AGAIN_SECONDS

    @property
    def outdated(self) -> bool:
        """Whether there is a newer shell than this one."""
        return _numbers(self.newest_version) > _numbers(__version__)

    def slides_when_woken(self) -> bool:
        """Whether the panel may come out by itself when a HIS opens a patient."""
        return self.history_reminders

    def slides_for(self, reminders: int) -> bool:
        """Whether it may for so many undecided duplicate-examination reminders."""
        return self.duplicate_reminders and reminders > 0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the configured server and nowhere else."""

    def redirect_request(self, *_args: object) -> None:
        return None


def report(settings: DeskSettings, state: DeskState) -> Answer:
    """Report once.

    Raises:
        OSError, ValueError: the service is out of reach, refuses, or answers something else.
    """
    body = {
        "workstation": state.workstation,
        "label": settings.label,
        "version": __version__,
        "os": os_name(),
        "wakes": state.wakes,
    }
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked with the settings
        f"{settings.server}/api/workstations/heartbeat",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {settings.key}", "Content-Type": "application/json"},
    )
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as response:
        return _answer(json.loads(response.read(65536)))


def _answer(given: Any) -> Answer:  # noqa: ANN401  # whatever a server sends
    try:
        seconds = min(max(int(given["next_seconds"]), 10), 3600)
        answer = Answer(
            given["history_reminders"] is True, given["duplicate_reminders"] is True, given["newest_version"], seconds
        )
        _ = answer.outdated
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("the answer to a report is none") from error
    return answer


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class Reporter(threading.Thread):
    """Reports now and again in a thread of its own; `on_answer` is called there. A report that fails is sent later."""

    def __init__(
        self, settings: DeskSettings, state: Callable[[], DeskState], on_answer: Callable[[Answer], None]
    ) -> None:
        super().__init__(name="reporter", daemon=True)
        self._settings, self._state, self._on_answer = settings, state, on_answer
        self._soon = threading.Event()

    def soon(self) -> None:
        """Report now: the desk was just used, and its switches may have changed."""
        self._soon.set()

    def run(self) -> None:
        """Report until the process ends."""
        while True:
            self._soon.clear()
            seconds = _AGAIN_SECONDS
            try:
                answer = report(self._settings, self._state())
                seconds = answer.next_seconds
                self._on_answer(answer)
            except (OSError, ValueError, HTTPException):
                pass  # the console shows the desk as offline; the doctor needs nothing of it
            self._soon.wait(seconds)
