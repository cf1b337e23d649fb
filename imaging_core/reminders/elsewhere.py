"""What other places know of a patient, asked so that a slow or dead one delays nobody."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from imaging_core.coding import ExamItem

log = logging.getLogger(__name__)

_QUESTIONS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """By what another place knows the patient; `repr` shows nothing of it."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ElsewhereExam:
    """An examination that another place holds."""

    reference: str
    """StudyInstanceUID where it is known, else the other place's own key."""
    institution_code: str
    institution_name: str
    item: str
    on: date
    status: str
    opening: Mapping[str, Any] | None = field(default=None, repr=False)
    """What `Elsewhere.address` needs to open it; None where it cannot be opened from here."""


class Elsewhere(Protocol):
    """Another place that can be asked. May raise anything and take any time: the asker sees to both."""

    def find(self, patient: PatientIdentity, items: Sequence[ExamItem], view_record_id: str) -> Sequence[ElsewhereExam]:
        """Return examinations of this person that may matter to an order of the items.

        `view_record_id` ties the question to the order; empty when nobody orders.
        """
        ...

    def address(self, opening: Mapping[str, Any]) -> str:
        """Return where one of them opens, soon and perhaps only once."""
        ...


class ElsewhereState(StrEnum):
    """What came of asking."""

    NOT_CONNECTED = "not_connected"
    ANSWERED = "answered"
    LATE = "late"
    FAILED = "failed"
    NO_IDENTITY = "no_identity"
    """The hospital registered the patient without an ID number, or not at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What arrived in time."""

    state: ElsewhereState
    exams: tuple[ElsewhereExam, ...] = ()


class BoundedElsewhere:
    """Asks, and gives up after `seconds`, whatever the other side does."""

    def __init__(self, elsewhere: Elsewhere | None, *, seconds: float) -> None:
        self._elsewhere = elsewhere
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_QUESTIONS_AT_ONCE, thread_name_prefix="elsewhere")

    def find(
        self,
        patient: PatientIdentity | None,
        items: Sequence[ExamItem],
        *,
        view_record_id: str = "",
        seconds: float | None = None,
        whenever: Callable[[Sequence[ElsewhereExam]], None] | None = None,
    ) -> Answer:
        """Return what is known within the time, or `seconds`. Never raises for what the other side does.

        `whenever` gets the answer also when it comes too late for the caller.
        """
        elsewhere = self._elsewhere
        if elsewhere is None:
            return Answer(ElsewhereState.NOT_CONNECTED)
        if patient is None:
            return Answer(ElsewhereState.NO_IDENTITY)

        def ask() -> tuple[ElsewhereExam, ...]:
            exams = tuple(elsewhere.find(patient, items, view_record_id))
            if whenever is not None:
                whenever(exams)
            return exams

        question = self._threads.submit(ask)
        wait([question], timeout=self._seconds if seconds is None else seconds)
        if not question.done():
            question.cancel()  # if it still queues; one under way ends by the adapter's own limit
            return Answer(ElsewhereState.LATE)
        try:
            return Answer(ElsewhereState.ANSWERED, question.result())
        except Exception as failure:  # noqa: BLE001 - whatever the other side does, the doctor's order goes on
            log.warning("elsewhere failed", extra={"failure": type(failure).__name__})
            return Answer(ElsewhereState.FAILED)

    def address(self, opening: Mapping[str, Any]) -> str:
        """Return where an examination opens. Raises what the other side raises; `LookupError` when it is gone."""
        if self._elsewhere is None:
            raise LookupError("no other place is connected any more")
        return self._elsewhere.address(opening)

    def close(self) -> None:
        """Ask nothing more; do not wait for what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
