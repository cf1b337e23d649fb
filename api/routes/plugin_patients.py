"""How a doctor comes to a patient in the plugin: recent ones, search by name, today's reminders."""

from datetime import date

from fastapi import APIRouter, Response
from sqlalchemy import select

from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import PLUGIN, CurrentPlugin, CurrentServices, PluginUser, allow
from api.auth.throttle import throttle
from api.errors import Problem
from api.routes.plugin import reminder_out
from api.schemas.plugin import (
    FoundOut,
    FoundPatientOut,
    RecentPatientOut,
    RecentsOut,
    SearchIn,
    SwitchIn,
    TodaysReminderOut,
    TodaysRemindersOut,
)
from api.settings import Settings
from api.wiring import Services
from api.workflows.recent_patients import KEPT, note_seen, recent_patients
from api.workflows.report_text import age_on
from api.workflows.todays_reminders import doctors_reminders, midnight
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.name_search import FoundPatient, can_be_searched, find_by_name
from imaging_core.patients.tables import PatientRow

_SHOWN_RECENTS = 50
_SHOWN_FOUND = 20
_FIRST_IN_SEARCH = 200
"""So many recent patients come before all others."""
_SEARCHES_A_MINUTE = 60
_SEARCHES_AN_HOUR = 600
"""More than anybody types, too few to read the patient index out."""


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of choosing a patient."""
    router = APIRouter(tags=["plugin"])
    _add_lists(router)
    _add_search(router)
    _add_switch(router)
    return router


def _add_lists(router: APIRouter) -> None:
    @router.get("/api/plugin/recents", dependencies=allow(PLUGIN))
    def recents(user: CurrentPlugin, services: CurrentServices) -> RecentsOut:
        """Return whom this doctor had before them in the last 30 days."""
        now = services.clock()
        with services.database.reading() as session:
            seen = recent_patients(session, user.account_id, since=now - KEPT, limit=_SHOWN_RECENTS)
            known = select(PatientRow).where(PatientRow.id.in_([patient for patient, _ in seen]))
            rows = {row.id: row for row in session.scalars(known)}
        references = services.plugin_sessions.references(user.session, [PatientKey(key) for key in rows])
        return RecentsOut(
            patients=[
                RecentPatientOut(
                    reference=references[patient],
                    name=rows[patient].name,
                    sex=rows[patient].sex,
                    age=age_on(rows[patient].birth_date, _today(services)),
                    seen_at=at,
                )
                for patient, at in seen
                if patient in rows
            ]
        )

    @router.get("/api/plugin/reminders", dependencies=allow(PLUGIN))
    def reminders(user: CurrentPlugin, services: CurrentServices) -> TodaysRemindersOut:
        """Return today's reminders of this doctor's orders and of the patients opened today."""
        now = services.clock()
        with services.database.reading() as session:
            today = recent_patients(session, user.account_id, since=midnight(now), limit=_FIRST_IN_SEARCH)
            account = session.get_one(AccountRow, user.account_id)
            found = doctors_reminders(session, account, [patient for patient, _ in today], now)
        keys = {item.patient for item in found if item.patient is not None}
        references = services.plugin_sessions.references(user.session, keys)
        return TodaysRemindersOut(
            reminders=[
                TodaysReminderOut(
                    patient=None if item.patient is None else references[item.patient],
                    name=item.name,
                    **dict(reminder_out(item.reminder)),
                )
                for item in found
            ]
        )


def _add_search(router: APIRouter) -> None:
    @router.post("/api/plugin/search", dependencies=allow(PLUGIN))
    def search(body: SearchIn, user: CurrentPlugin, services: CurrentServices) -> FoundOut:
        """Return patients of this hospital by name: characters, pinyin or initials."""
        throttle(services.limiter, f"plugin-search:{user.account_id}", most=_SEARCHES_A_MINUTE)
        throttle(services.limiter, f"plugin-search-hour:{user.account_id}", most=_SEARCHES_AN_HOUR, window_seconds=3600)
        if not can_be_searched(body.text):
            raise Problem(422, "search_too_short", field="text")
        found = _found(services, user, body.text)
        shown, more = found[:_SHOWN_FOUND], len(found) > _SHOWN_FOUND
        references = services.plugin_sessions.references(user.session, [PatientKey(item.patient.id) for item in shown])
        with services.database.writing() as session:
            record(
                session,
                user.actor,
                "plugin.patient_searched",
                object_kind="institution",
                object_id=user.actor.institution_code,
                now=services.clock(),
                detail={"found": len(shown), "more": more},
            )
        today = _today(services)
        return FoundOut(
            patients=[
                FoundPatientOut(
                    reference=references[PatientKey(item.patient.id)],
                    name=item.patient.name,
                    sex=item.patient.sex,
                    age=age_on(item.patient.birth_date, today),
                    last_exam_on=item.last_exam_on,
                )
                for item in shown
            ],
            more=more,
        )


def _add_switch(router: APIRouter) -> None:
    @router.post("/api/plugin/patient", status_code=204, dependencies=allow(PLUGIN))
    def switch(body: SwitchIn, user: CurrentPlugin, services: CurrentServices) -> Response:
        """Put another patient before the doctor, one whom this session was shown."""
        patient = services.plugin_sessions.patient_of(user.session, body.reference)
        if patient is None:
            raise Problem(404, "plugin_patient_ended")
        now = services.clock()
        with services.database.writing() as session:
            name = str(patient)
            record(session, user.actor, "plugin.patient_switched", object_kind="patient", object_id=name, now=now)
            note_seen(session, user.account_id, user.actor.institution_code, patient, now)
        services.plugin_sessions.switch(user.session, patient)
        return Response(status_code=204)


def _found(services: Services, user: PluginUser, text: str) -> list[FoundPatient]:
    with services.database.reading() as session:
        recent = recent_patients(session, user.account_id, since=services.clock() - KEPT, limit=_FIRST_IN_SEARCH)
        return find_by_name(
            session,
            institution_code=InstitutionCode(user.actor.institution_code),
            text=text,
            first=[patient for patient, _ in recent],
            limit=_SHOWN_FOUND + 1,
        )


def _today(services: Services) -> date:
    return services.clock().astimezone(CHINA).date()
