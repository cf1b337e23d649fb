"""The doctor's plugin: a HIS wakes it by a launch, it shows the patient before the doctor and opens examinations."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.store import find_account, roles_of
from api.accounts.tables import AccountRow
from api.audit.record import Actor, record
from api.auth.access import (
    PLUGIN,
    PUBLIC,
    CurrentMachine,
    CurrentPlugin,
    CurrentServices,
    PluginUser,
    account_actor,
    allow,
    machine,
)
from api.auth.cookies import PLUGIN_COOKIE, clear_plugin_cookie, set_plugin_cookie, to_page
from api.auth.laboratory_views import LaboratoryView
from api.auth.launches import Launch, Refusal
from api.auth.throttle import throttle_address
from api.errors import Problem
from api.messages import plugin as words
from api.messages.reminders import LEVELS
from api.schemas.plugin import (
    ExaminationOut,
    KindOut,
    LaunchIn,
    LaunchOut,
    LaunchToken,
    OpeningIn,
    OpeningOut,
    PatientOut,
    PriorOut,
    ReminderOut,
    WokenOut,
)
from api.settings import Settings
from api.wiring import Services
from api.workflows.laboratory_reports import persons_laboratory_reports
from api.workflows.patient_overview import ListedExam, Overview, held_study, patient_overview
from api.workflows.recent_patients import note_seen
from api.workflows.todays_reminders import Reminder
from imaging_core.coding.kinds import ExamKind
from imaging_core.domain.grants import SHOWN_TO_DOCTORS
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.errors import ImagingError
from imaging_core.patients.finding import with_id_number
from imaging_core.patients.registry import find_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders import Level
from imaging_core.sharing.grants import open_grant
from imaging_core.sharing.links import LinkKind, new_link, usable_link

_TRIES_A_MINUTE = 30

Token = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{20,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the plugin."""
    router = APIRouter(tags=["plugin"])
    _add_launch(router)
    _add_session(router)
    _add_patient(router)
    _add_openings(router)
    return router


def _add_launch(router: APIRouter) -> None:
    @router.post("/api/plugin/launches", status_code=201, dependencies=allow(machine("launch")))
    def launch(body: LaunchIn, actor: CurrentMachine, services: CurrentServices) -> LaunchOut:
        """Return where the doctor's plugin wakes, signed in as this doctor."""
        now = services.clock()
        with services.database.reading() as session:
            account = find_account(session, actor.institution_code, body.login)
            patient = _patient(session, services, actor, body)
        refused = _unfit(account)
        if account is None or refused is not None:
            _record_refusal(services, actor, account, refused or "unknown")
            raise Problem(404 if account is None else 403, f"launch_account_{refused}", field="login")
        named = bool(body.patient_id or body.id_number)
        token, ends = services.launches.issue(Launch(account.id, patient, named), now)
        detail = {"patient": patient}
        with services.database.writing() as session:
            record(
                session,
                actor,
                "launch.given",
                object_kind="account",
                object_id=f"account:{account.id}",
                now=now,
                detail=detail,
            )
        return LaunchOut(
            url=f"{services.settings.base_url}/plugin#{token}",
            expires_at=ends,
            patient_known=patient is not None if named else None,
        )


def _add_session(router: APIRouter) -> None:
    @router.post("/api/plugin/session", dependencies=allow(PUBLIC))
    def wake(body: LaunchToken, request: Request, response: Response, services: CurrentServices) -> WokenOut:
        """Exchange a launch, once, for a session of the plugin."""
        throttle_address(services.limiter, request, "launch", most=_TRIES_A_MINUTE)
        now = services.clock()
        nobody = Actor("anonymous", "launch", services.settings.hospital.institution_code)
        launch = services.launches.take(body.token, now)
        if isinstance(launch, Refusal):
            _record_refusal(services, nobody, None, launch)
            raise Problem(401, f"launch_{launch}")
        with services.database.reading() as session:
            account = session.get_one(AccountRow, launch.account_id)
        refused = _unfit(account)
        if refused is not None:  # since the launch was given
            _record_refusal(services, nobody, account, refused)
            raise Problem(401, f"launch_account_{refused}")
        services.plugin_sessions.end(request.cookies.get(PLUGIN_COOKIE, ""))
        cookie = services.plugin_sessions.begin(launch, now)
        with services.database.writing() as session:
            actor, name = account_actor(account.id, account.institution_code), f"account:{account.id}"
            record(session, actor, "plugin.woken", object_kind="account", object_id=name, now=now)
        set_plugin_cookie(response, cookie, **_cookie_rules(services.settings))
        return WokenOut(name=account.name, patient_named=launch.patient_named)

    @router.get("/api/plugin/session", dependencies=allow(PLUGIN))
    def awake(user: CurrentPlugin, services: CurrentServices) -> WokenOut:
        """Say whose plugin is awake, as for a page that was loaded anew."""
        with services.database.reading() as session:
            name = session.get_one(AccountRow, user.account_id).name
        return WokenOut(name=name, patient_named=user.session.launch.patient_named)

    @router.delete("/api/plugin/session", status_code=204, dependencies=allow(PLUGIN))
    def sleep(request: Request, user: CurrentPlugin, services: CurrentServices) -> Response:
        """End the session, as when the doctor leaves the HIS."""
        services.plugin_sessions.end(request.cookies[PLUGIN_COOKIE])
        with services.database.writing() as session:
            name = f"account:{user.account_id}"
            record(session, user.actor, "plugin.left", object_kind="account", object_id=name, now=services.clock())
        response = Response(status_code=204)
        clear_plugin_cookie(response, **_cookie_rules(services.settings))
        return response


def _add_patient(router: APIRouter) -> None:
    @router.get("/api/plugin/patient", dependencies=allow(PLUGIN))
    def patient(user: CurrentPlugin, services: CurrentServices) -> PatientOut:
        """Show the patient whom the launch named."""
        key = _required_patient(user)
        overview = patient_overview(services, key)
        openings = {exam.reference: exam.opening for exam in overview.exams if exam.opening is not None}
        services.plugin_sessions.keep_shown(user.session, openings)
        detail = {"examinations": len(overview.exams), "elsewhere": overview.state}
        with services.database.writing() as session:
            record(
                session,
                user.actor,
                "plugin.patient_viewed",
                object_kind="patient",
                object_id=str(key),
                now=services.clock(),
                detail=detail,
            )
            note_seen(session, user.account_id, user.actor.institution_code, key, services.clock())
        return _shown(overview)


def _add_openings(router: APIRouter) -> None:
    @router.post("/api/plugin/openings", dependencies=allow(PLUGIN))
    def open_examination(body: OpeningIn, user: CurrentPlugin, services: CurrentServices) -> OpeningOut:
        """Return where an examination of the list opens, once and soon."""
        key = _required_patient(user)
        elsewhere = services.plugin_sessions.shown(user.session, body.reference)
        if elsewhere is not None:
            return _open_elsewhere(services, user, elsewhere)
        now = services.clock()
        with services.database.writing() as session:
            if body.reference in persons_laboratory_reports(session, services, key):
                view = LaboratoryView(key, user.account_id)
                token = services.laboratory_views.issue(view, body.reference)
                return OpeningOut(url=f"{services.settings.base_url}/plugin/open/laboratory/{token}")
            study = held_study(session, services, key, body.reference)
            if study is None:
                raise Problem(404, "not_found")
            ends = now + timedelta(minutes=services.settings.verification.grant_minutes)
            link_id = new_link(session, services.link_issuer, study, LinkKind.DOCTOR, now, ends).link.link_id
        token = services.plugin_openings.issue(link_id=link_id, account_id=user.account_id)
        return OpeningOut(url=f"{services.settings.base_url}/plugin/open/{token}")

    @router.get("/plugin/open/{token}", dependencies=allow(PUBLIC), response_model=None)
    def opened(token: Token, services: CurrentServices) -> Response:
        """Open an examination held here: the token becomes a cookie, the page follows."""
        now, code = services.clock(), services.settings.hospital.institution_code
        seconds = services.settings.verification.grant_minutes * 60
        taken = services.plugin_openings.take(token)
        with services.database.writing() as session:
            link = usable_link(session, taken[0], now) if taken else None
            if taken is None or link is None:
                raise Problem(404, "plugin_opening_ended")
            grant, cookie = open_grant(session, link, SHOWN_TO_DOCTORS, now, timedelta(seconds=seconds))
            _record_opened(session, account_actor(taken[1], code), "study", grant.study, {"grant": grant.grant_id}, now)
        return to_page(cookie, seconds=seconds, secure=services.settings.http.secure_cookies)


def _open_elsewhere(services: Services, user: PluginUser, opening: dict[str, Any]) -> OpeningOut:
    try:
        address = services.elsewhere.address(opening)
    except (ImagingError, LookupError):
        raise Problem(503, "elsewhere_silent") from None
    detail = {"view_record_id": opening["view_record_id"]}
    with services.database.writing() as session:
        code = opening["institution_code"]
        _record_opened(session, user.actor, "institution", code, detail, services.clock())
    return OpeningOut(url=address)


def _record_opened(session: Session, actor: Actor, kind: str, name: str, detail: dict[str, str], now: datetime) -> None:
    record(session, actor, "prior_exam.opened", object_kind=kind, object_id=name, now=now, detail=detail)


def _cookie_rules(settings: Settings) -> dict[str, bool]:
    return {"secure": settings.http.secure_cookies, "framed": bool(settings.plugin.his_origins)}


def _unfit(account: AccountRow | None) -> str | None:
    if account is None:
        return "unknown"
    if account.disabled_at is not None:
        return "disabled"
    return None if Role.DOCTOR in roles_of(account) else "no_doctor"


def _patient(session: Session, services: Services, actor: Actor, body: LaunchIn) -> PatientKey | None:
    code = InstitutionCode(actor.institution_code)
    if body.patient_id:
        return find_patient(session, institution_code=code, patient_id=body.patient_id)
    if not body.id_number:
        return None
    here = with_id_number(services.cipher, body.id_number).where(PatientRow.institution_code == code)
    rows = session.scalars(here.order_by(PatientRow.updated_at.desc())).all()
    if len({row.name for row in rows}) > 1:  # a child is often registered with a parent's number
        raise Problem(409, "launch_patient_ambiguous", field="id_number")
    return PatientKey(rows[0].id) if rows else None


def _required_patient(user: PluginUser) -> PatientKey:
    launch = user.session.launch
    if launch.patient is None:
        raise Problem(404, "plugin_patient_unknown" if launch.patient_named else "plugin_no_patient")
    return launch.patient


def _shown(overview: Overview) -> PatientOut:
    order = list(ExamKind)
    by_kind = groupby(sorted(overview.exams, key=lambda exam: order.index(exam.kind)), key=lambda exam: exam.kind)
    count = sum(exam.elsewhere for exam in overview.exams)
    return PatientOut(
        name=overview.name,
        badge=words.badge(count, overview.state, overview.as_of),
        elsewhere_count=count,
        elsewhere=overview.state,
        elsewhere_as_of=overview.as_of,
        notice=words.notice(overview.state, overview.as_of),
        kinds=[
            KindOut(kind=kind, label=words.KINDS[kind], examinations=[_examination(exam) for exam in exams])
            for kind, exams in by_kind
        ],
        reminders=[reminder_out(reminder) for reminder in overview.reminders],
    )


def reminder_out(reminder: Reminder) -> ReminderOut:
    """Return a reminder as the plugin shows it."""
    return ReminderOut(
        item=reminder.item,
        level=LEVELS[reminder.level],
        decided=reminder.decided,
        checked_at=reminder.checked_at,
        priors=[
            PriorOut(
                level=LEVELS[Level[prior["level"].upper()]],
                institution=prior["institution"],
                item=prior["item"],
                on=prior["on"],
            )
            for prior in reminder.priors
        ],
    )


def _examination(exam: ListedExam) -> ExaminationOut:
    return ExaminationOut.model_validate(exam, from_attributes=True)


def _record_refusal(services: Services, actor: Actor, account: AccountRow | None, reason: str) -> None:
    with services.database.writing() as session:
        record(
            session,
            actor,
            "launch.refused",
            object_kind="account",
            object_id=f"account:{account.id}" if account else "unknown",
            now=services.clock(),
            outcome="refused",
            detail={"reason": reason},
        )
