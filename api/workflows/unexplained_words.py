"""Words that nobody explains, counted for editors: the word itself, never whose report or question it stood in.

Only forms of the shipped word lists are counted (`Form.category` other than "pattern"), so that a name, an address or a
number that somebody typed cannot get here.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from redis import Redis
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.editorial.tables import UnexplainedWordRow
from api.wiring import Services
from interpret.report.automaton import Match
from interpret.report.prepare import prepare
from interpret.report.reading import reader_for
from interpret.report.terms import Form
from interpret.types import ReportText, Section
from knowledge_base import KnowledgeBase

_PLAUSIBLE = re.compile(r"(?!.*\d)[A-Za-z\u4e00-\u9fff-]{2,20}")
_ONCE_SECONDS = 24 * 3600

Place = Literal["report", "question"]


def words_without_entry(text: str, knowledge: KnowledgeBase) -> set[str]:
    """Return the hard words of a text that have no entry."""
    marks: Iterable[Match[Form]] = reader_for(knowledge).marker.mark(prepare(text).text)
    return {
        word
        for mark in marks
        if mark.value.entry_id is None
        and mark.value.category != "pattern"
        and _PLAUSIBLE.fullmatch(word := text[mark.start : mark.end])
    }


def note_report(
    services: Services, report: ReportText, *, report_id: str, version: str, knowledge: KnowledgeBase
) -> None:
    """Count a report's words, once a day however often it is opened."""
    if not _first_today(services.redis, f"{report_id}:{version}"):
        return
    text = "\n".join(report.section(section) for section in Section)
    note_words(services, words_without_entry(text, knowledge), place="report")


def note_words(services: Services, words: Iterable[str], *, place: Place) -> None:
    """Count words in a transaction of their own."""
    if found := sorted(words):
        with services.database.writing() as session:
            for word in found:
                _count(session, services.settings.hospital.institution_code, word, place, services.clock())


def _count(session: Session, institution_code: str, word: str, place: Place, now: datetime) -> None:
    mine = (UnexplainedWordRow.institution_code == institution_code, UnexplainedWordRow.word == word)
    if session.scalar(select(UnexplainedWordRow.id).where(*mine)) is None:
        try:
            with session.begin_nested():
                session.add(UnexplainedWordRow(institution_code=institution_code, word=word, last_seen_at=now))
        except IntegrityError:
            pass  # another process met it in this moment: counted below all the same
    column = UnexplainedWordRow.in_reports if place == "report" else UnexplainedWordRow.in_questions
    session.execute(update(UnexplainedWordRow).where(*mine).values({column: column + 1, "last_seen_at": now}))


def _first_today(redis: Redis, subject: str) -> bool:
    key = f"unexplained:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
    return bool(redis.set(key, b"1", nx=True, ex=_ONCE_SECONDS))
