"""Data that waits for a person's decision."""

from collections import Counter

from fastapi import APIRouter

from api.accounts.roles import Role
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.schemas.admin_cases import CaseList, CaseOut
from api.settings import Settings
from api.workflows.waiting_cases import CaseKind, waiting_cases

_SHOWN = 200


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of waiting data."""
    router = APIRouter(prefix="/api/admin/cases", tags=["admin: data"])

    @router.get("", dependencies=allow(staff(Role.SYSTEM_ADMINISTRATOR)))
    def cases(services: CurrentServices, who: CurrentStaff, kind: CaseKind | None = None) -> CaseList:
        """List what waits; it names patients' numbers, so that looking is an event."""
        code, now = services.settings.hospital.institution_code, services.clock()
        with services.database.reading() as session:
            found = waiting_cases(session, code, now)
        shown = [case for case in found if kind in (None, case.kind)][:_SHOWN]
        with services.database.writing() as session:
            record(
                session,
                staff_actor(who),
                "cases.listed",
                object_kind="cases",
                object_id="-",
                now=now,
                detail={"cases": len(shown)},
            )
        return CaseList(
            counts=dict(Counter(case.kind for case in found)),
            cases=[CaseOut.model_validate(case) for case in shown],
        )

    return router
