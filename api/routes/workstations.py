"""The desktop shell reports the desk it runs on, and learns what is switched on there."""

from fastapi import APIRouter

from api.audit.record import record
from api.auth.access import CurrentMachine, CurrentServices, allow, machine
from api.errors import Problem
from api.schemas.workstations import Heartbeat, HeartbeatAnswer
from api.settings import Settings
from api.workstations.records import REPORT_SECONDS, Report, TooManyWorkstations, newest_version, take_report


def make_router(_settings: Settings) -> APIRouter:
    """Return the route of desks."""
    router = APIRouter(tags=["workstations"])

    @router.post("/api/workstations/heartbeat", dependencies=allow(machine("workstation")))
    def heartbeat(body: Heartbeat, actor: CurrentMachine, services: CurrentServices) -> HeartbeatAnswer:
        """Keep what a desk reports; the first report puts it on the list."""
        now = services.clock()
        report = Report(body.workstation, body.label, body.version, body.os, body.wakes)
        try:
            with services.database.writing() as session:
                row, is_new = take_report(session, actor.institution_code, report, now)
                if is_new:
                    record(
                        session,
                        actor,
                        "workstation.enrolled",
                        object_kind="workstation",
                        object_id=row.workstation_id,
                        now=now,
                        detail={"version": row.version},
                    )
                switches = row.history_reminders, row.duplicate_reminders
        except TooManyWorkstations:
            raise Problem(409, "workstation_too_many") from None
        return HeartbeatAnswer(
            history_reminders=switches[0],
            duplicate_reminders=switches[1],
            newest_version=newest_version(),
            next_seconds=REPORT_SECONDS,
        )

    return router
