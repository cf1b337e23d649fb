"""The audit, for auditors alone (decisions/006): search, export, proof. Each of these is an event itself."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.audit.anchor import AnchorForged
from api.audit.chain import verify
from api.audit.record import record
from api.audit.search import Found, Wanted, count, logins, page, stream
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.messages import audit as words
from api.schemas import admin_audit as schema
from api.settings import Settings
from api.spreadsheet import csv_lines
from api.wiring import Services

_AUDITS = allow(staff(Role.AUDITOR))
_SHOWN = 100
_FAULTS_SHOWN = 50
MOST_EXPORTED = 100_000

Short = Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")]


def wanted(  # one parameter per filter of the page
    since: datetime | None = None,
    until: datetime | None = None,
    who: Short = "",
    kind: Annotated[str, Query(pattern=r"^[a-z_]{0,32}$")] = "",
    outcome: Annotated[str, Query(pattern=r"^(|success|refused|failed)$")] = "",
    study: Short = "",
) -> Wanted:
    """Return what an address asks for."""
    if any(moment is not None and moment.tzinfo is None for moment in (since, until)):
        raise Problem(422, "invalid_request", field="since")
    return Wanted(since=since, until=until, who=who.strip(), kind=kind, outcome=outcome, study=study.strip())


CurrentWanted = Annotated[Wanted, Depends(wanted)]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the audit."""
    router = APIRouter(prefix="/api/admin/audit", tags=["admin: audit"])

    @router.get("", dependencies=_AUDITS)
    def search(
        services: CurrentServices,
        who: CurrentStaff,
        asked: CurrentWanted,
        before: Annotated[str, Query(pattern=r"^(|[^|]{1,40}\|[0-9a-f]{32})$")] = "",
    ) -> schema.EventPage:
        """Return events, newest first."""
        code = services.settings.hospital.institution_code
        with services.database.reading() as session:
            found = page(session, code, asked, limit=_SHOWN + 1, before=_cursor(before))
            names = logins(session, code)
            events = [_out(item, names) for item in found[:_SHOWN]]
        _record(services, who, "audit.searched", asked, {"events": len(events)})
        more = len(found) > _SHOWN
        return schema.EventPage(events=events, next=f"{events[-1].at.isoformat()}|{events[-1].id}" if more else None)

    @router.get("/export.csv", dependencies=_AUDITS)
    def export(services: CurrentServices, who: CurrentStaff, asked: CurrentWanted) -> StreamingResponse:
        """Return all events that fit, as a table that opens in Excel and holds no formula."""
        code = services.settings.hospital.institution_code
        with services.database.reading() as session:
            events = count(session, code, asked, most=MOST_EXPORTED)
        if events > MOST_EXPORTED:
            raise Problem(422, "audit_too_many", most=MOST_EXPORTED)
        _record(services, who, "audit.exported", asked, {"events": events})
        return StreamingResponse(
            csv_lines(_rows(services, code, asked)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
        )

    @router.post("/verify", dependencies=_AUDITS)
    def prove(services: CurrentServices, who: CurrentStaff) -> schema.ChainOut:
        """Walk the whole chain: was an event changed, removed or inserted?"""
        head: int | None
        try:
            head = services.audit_anchor.head()
        except AnchorForged:
            head = None
        with services.database.reading() as session:
            report = verify(session, services.keys.audit, services.clock(), head=head or 0)
        faults = list(report.faults) if head is not None else ["the anchor was changed by someone", *report.faults]
        _record(services, who, "audit.verified", Wanted(), {"faults": len(faults), "sealed": report.sealed})
        return schema.ChainOut(
            intact=not faults,
            sealed=report.sealed,
            open=report.open,
            anchored_at=head,
            faults=faults[:_FAULTS_SHOWN],
            fault_count=len(faults),
        )

    return router


def _cursor(before: str) -> tuple[datetime, str] | None:
    if not before:
        return None
    at, _, event_id = before.partition("|")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise Problem(422, "invalid_request", field="before") from error
    if moment.tzinfo is None:
        raise Problem(422, "invalid_request", field="before")
    return moment, event_id


def _out(found: Found, names: dict[str, str]) -> schema.EventOut:
    event, link = found
    return schema.EventOut(
        id=event.id,
        at=event.at,
        actor_kind=words.ACTORS.get(event.actor_kind, event.actor_kind),
        actor=names.get(event.actor, event.actor),
        action=event.action,
        action_name=words.action_name(event.action),
        object_kind=event.object_kind,
        object=names.get(event.object_id, event.object_id),
        outcome=event.outcome,
        detail=event.detail,
        link=link,
    )


def _rows(services: Services, code: str, asked: Wanted) -> Iterator[Sequence[str]]:
    yield words.COLUMNS
    with services.database.reading() as session:
        names = logins(session, code)
        for found in stream(session, code, asked):
            event = _out(found, names)
            yield (
                event.at.isoformat(timespec="seconds"),
                event.actor_kind,
                event.actor,
                event.action_name,
                event.action,
                event.object_kind,
                event.object,
                words.OUTCOMES.get(event.outcome, event.outcome),
                json.dumps(event.detail, ensure_ascii=False, sort_keys=True) if event.detail else "",
                "" if event.link is None else str(event.link),
                event.id,
            )


def _record(services: Services, who: Staff, action: str, asked: Wanted, counts: dict[str, Any]) -> None:
    """Note who read what. Free text may be a name, so only its presence is noted."""
    filters: dict[str, Any] = {"kind": asked.kind, "outcome": asked.outcome, "study": asked.study}
    filters |= {"since": asked.since and asked.since.isoformat(), "until": asked.until and asked.until.isoformat()}
    filters["who"] = bool(asked.who)
    with services.database.writing() as session:
        record(
            session,
            staff_actor(who),
            action,
            object_kind="audit",
            object_id="-",
            now=services.clock(),
            detail={**{name: value for name, value in filters.items() if value}, **counts},
        )
