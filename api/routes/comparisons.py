"""Two examinations of one patient side by side: opened from the plugin, shown by the reading page."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response
from sqlalchemy.orm import Session

from api.audit.record import record
from api.auth.access import (
    PLUGIN,
    PUBLIC,
    CurrentGrant,
    CurrentPlugin,
    CurrentServices,
    PluginUser,
    account_actor,
    actor_of,
    allow,
    patient,
)
from api.auth.cookies import to_page
from api.errors import Problem
from api.schemas.comparisons import ComparisonIn, ComparisonOut
from api.schemas.plugin import OpeningOut
from api.settings import Settings
from api.wiring import Services
from api.workflows.first_screen import first_screen
from api.workflows.patient_overview import held_study
from imaging_core.domain.grants import SHOWN_TO_DOCTORS, Grant, Right
from imaging_core.domain.identifiers import PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.sharing.grants import open_grant, visible_studies
from imaging_core.sharing.links import LinkKind, new_link, usable_link

PAGE = "/reading/compare"

Token = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{20,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of comparisons."""
    router = APIRouter(tags=["plugin"])
    _add_opening(router)
    _add_reading(router)
    return router


def _add_opening(router: APIRouter) -> None:
    @router.post("/api/plugin/comparisons", dependencies=allow(PLUGIN))
    def compare(body: ComparisonIn, user: CurrentPlugin, services: CurrentServices) -> OpeningOut:
        """Return where two examinations of the list open side by side, once and soon."""
        key = user.session.launch.patient
        if key is None:
            raise Problem(404, "plugin_no_patient")
        now = services.clock()
        with services.database.writing() as session:
            first, second = (
                _own_study(session, services, user, key, reference, place)
                for place, reference in enumerate(body.references)
            )
            ends = now + timedelta(minutes=services.settings.verification.grant_minutes)
            link_id = new_link(session, services.link_issuer, first, LinkKind.DOCTOR, now, ends).link.link_id
            beside = StudyInstanceUid(second.study_instance_uid)
        token = services.comparisons.issue(link_id=link_id, beside=beside, account_id=user.account_id)
        return OpeningOut(url=f"{services.settings.base_url}/plugin/compare/{token}")

    @router.get("/plugin/compare/{token}", dependencies=allow(PUBLIC), response_model=None)
    def opened(token: Token, services: CurrentServices) -> Response:
        """Open two examinations: the token becomes the cookie of a grant for both, the page follows."""
        now, code = services.clock(), services.settings.hospital.institution_code
        seconds = services.settings.verification.grant_minutes * 60
        taken = services.comparisons.take(token)
        if taken is None:
            raise Problem(404, "plugin_opening_ended")
        link_id, beside, account_id = taken
        with services.database.writing() as session:
            link = usable_link(session, link_id, now)
            if link is None:
                raise Problem(404, "plugin_opening_ended")
            grant, cookie = open_grant(session, link, SHOWN_TO_DOCTORS, now, timedelta(seconds=seconds), beside=beside)
            _two_studies(session, services, grant)
            for study, other in ((link.study, beside), (beside, link.study)):
                detail = {"grant": grant.grant_id, "beside": other}
                actor = account_actor(account_id, code)
                record(
                    session,
                    actor,
                    "prior_exam.compared",
                    object_kind="study",
                    object_id=study,
                    now=now,
                    detail=detail,
                )
        return to_page(cookie, seconds=seconds, secure=services.settings.http.secure_cookies, address=PAGE)


def _add_reading(router: APIRouter) -> None:
    @router.get("/api/patient/comparison", dependencies=allow(patient(Right.REPORT, Right.DICOM)))
    def comparison(grant: CurrentGrant, services: CurrentServices) -> ComparisonOut:
        """Return both studies of a comparison, each as the first screen of one study has it."""
        with services.database.reading() as session:
            prior, current = _two_studies(session, services, grant)
            screens = [
                first_screen(services, session, grant, StudyInstanceUid(row.study_instance_uid))
                for row in (prior, current)
            ]
        now = services.clock()
        with services.database.writing() as session:
            for row in (prior, current):
                study = row.study_instance_uid
                record(session, actor_of(grant), "study.viewed", object_kind="study", object_id=study, now=now)
        return ComparisonOut(prior=screens[0], current=screens[1], in_order=_in_order(prior, current))


def _in_order(prior: StudyRow, current: StudyRow) -> bool:
    """Return whether date and time of day really tell which was first."""
    if prior.study_date is None or current.study_date is None:
        return False
    return prior.study_date < current.study_date or "" < prior.study_time < current.study_time


def _own_study(
    session: Session, services: Services, user: PluginUser, key: PatientKey, reference: str, place: int
) -> StudyRow:
    """Return the study of a reference where it is this very patient's and this hospital's."""
    field = f"references.{place}"
    if services.plugin_sessions.shown(user.session, reference) is not None:
        raise Problem(409, "comparison_not_held_here", field=field)
    study = held_study(session, services, key, reference)
    if study is None:
        raise Problem(404, "not_found", field=field)
    # the same person's at another institution is another record: one grant never spans two
    if (study.institution_code, study.patient_key) != (session.get_one(PatientRow, key).institution_code, key):
        raise Problem(409, "comparison_not_held_here", field=field)
    return study


def _two_studies(session: Session, services: Services, grant: Grant) -> tuple[StudyRow, StudyRow]:
    """Return the grant's two studies, the earlier first; refuse where one was moved away meanwhile."""
    if grant.beside is None:
        raise Problem(404, "comparison_none")
    in_time = visible_studies(grant, services.clock()).order_by(
        StudyRow.study_date.nulls_first(), StudyRow.study_time, StudyRow.id
    )
    rows = session.scalars(in_time).all()
    if len(rows) != 2:
        raise Problem(404, "comparison_none")
    return rows[0], rows[1]
