"""Questions the service can answer next."""

from interpret.consult.compose import Composed
from interpret.consult.intent import Intent
from interpret.messages import message
from interpret.report.reading import Reading

_MOST = 3


def suggestions(composed: Composed | None, reading: Reading | None, asked: Intent) -> tuple[str, ...]:
    """Return up to three next questions, none of the kind just asked."""
    out: list[str] = []
    topics = composed.topics if composed is not None else ()
    word = next((t.guide.word(t.statement) for t in topics if t.guide is not None), None)
    if word and asked is not Intent.MEANING:
        out.append(message("suggest_meaning", topic=word))
    if topics and asked is not Intent.FOLLOW_UP:
        out.append(message("suggest_follow_up"))
    if topics and asked is not Intent.SEVERITY:
        out.append(message("suggest_serious"))
    if reading is not None and not topics and asked is not Intent.OVERVIEW:
        out.append(message("suggest_overview"))
    if asked is not Intent.DEPARTMENT:
        out.append(message("suggest_department"))
    return tuple(out[:_MOST])


def starting_suggestions(reading: Reading) -> tuple[str, ...]:
    """Return the questions offered before anything was asked."""
    words = [match.word(s) for s, match in zip(reading.statements, reading.guides, strict=True) if match is not None]
    first = [message("suggest_meaning", topic=words[0])] if words else []
    return (message("suggest_overview"), *first, message("suggest_follow_up"))
