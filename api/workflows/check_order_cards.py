"""What was found for an order, as CDS Hooks cards."""

import re
from typing import Any
from uuid import UUID, uuid5

from api.messages import reminders as words
from api.workflows.check_order import Checked, CheckedItem, Prior
from imaging_core.reminders import Level
from imaging_core.reminders.reasons import RepeatReason

REASON_SYSTEM = "urn:mingying:repeat-reason"
VIEW_RECORD = "mingying.view_record_id"
_LONGEST_SUMMARY = 139  # CDS Hooks 2.0: fewer than 140 characters


def cards(checked: Checked, *, source: str) -> list[dict[str, Any]]:
    """Return a card for each item that repeats something, and one that says what could not be asked."""
    found = [_card(checked, item, source) for item in checked.items if item.level]
    said = words.NOT_ASKED.get(checked.elsewhere) if checked.patient_known else words.UNKNOWN_PATIENT
    if said is not None:
        summary, detail = said
        found.append({"summary": summary, "detail": detail, "indicator": "info", **_common(checked, source)})
    return found


def suggestion_id(card_id: str) -> str:
    """Return the id of a card's one suggestion: to accept the earlier result.

    >>> suggestion_id("00000000-0000-4000-8000-000000000000") != "00000000-0000-4000-8000-000000000000"
    True
    """
    return str(uuid5(UUID(card_id), "accept"))


def _card(checked: Checked, item: CheckedItem, source: str) -> dict[str, Any]:
    newest = item.priors[0]
    summary = f"{words.LEVELS[item.level]}：{newest.institution} {newest.on} 已做 {newest.item}"
    card = {
        "uuid": item.card_id,
        "summary": summary[:_LONGEST_SUMMARY],
        "detail": "\n".join(_line(prior) for prior in item.priors),
        "indicator": "warning" if item.asks_reason and not item.decided else "info",
        "links": [_link(prior) for prior in item.priors if prior.url and prior.url.startswith(("http://", "https://"))],
        **_common(checked, source),
    }
    if item.level is Level.SAME and not item.decided:
        card["suggestions"] = [_acceptance(item)]
        card["selectionBehavior"] = "at-most-one"
        if item.asks_reason:
            card["overrideReasons"] = [_reason(reason) for reason in RepeatReason]
    return card


def _common(checked: Checked, source: str) -> dict[str, Any]:
    return {"source": {"label": source}, "extension": {VIEW_RECORD: checked.view_record_id}}


def _line(prior: Prior) -> str:
    return f"- {words.LEVELS[prior.level]}：{_plain(prior.institution)} {prior.on} {_plain(prior.item)}"


def _plain(text: str) -> str:
    """Return a text of another system so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~-])", r"\\\1", " ".join(text.split()))


def _link(prior: Prior) -> dict[str, str]:
    label = f"{prior.on} {prior.item} · {prior.institution} · {words.OPEN}"
    return {"label": label, "url": str(prior.url), "type": "absolute"}


def _acceptance(item: CheckedItem) -> dict[str, Any]:
    suggestion: dict[str, Any] = {"label": words.ACCEPT, "uuid": suggestion_id(item.card_id)}
    if item.still_needed:  # cancelling would lose the parts that nobody has examined: the doctor changes the order
        return {**suggestion, "label": words.ACCEPT_PART + "、".join(item.still_needed)}
    return {
        **suggestion,
        "actions": [{"type": "delete", "description": words.CANCEL, "resourceId": item.item.order_id}],
    }


def _reason(reason: RepeatReason) -> dict[str, str]:
    return {"code": reason, "display": words.REASONS[reason], "system": REASON_SYSTEM}
