"""From a verified citizen to a grant over their own studies here."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.citizen.port import Citizen
from api.auth.citizen.visits import VISIT_PATH
from api.schemas.patient import CitizenEntryOut
from api.settings import OidcPlatformSettings, Settings
from api.wiring import Services
from imaging_core.domain.grants import Grant, Right
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.patients.finding import patients_of_person
from imaging_core.sharing.grants import open_grant
from imaging_core.sharing.links import LinkKind, new_link


def open_for_citizen(
    services: Services, session: Session, citizen: Citizen, now: datetime, lasts: timedelta
) -> tuple[Grant, str] | None:
    """Return a grant and its cookie; None when there is nothing here to show this person, for whatever reason."""
    institution = InstitutionCode(services.settings.hospital.institution_code)
    found = patients_of_person(
        session, services.cipher, institution_code=institution, id_number=citizen.id_number, name=citizen.name
    )
    study = _newest_study(session, institution, found)
    if study is None:
        return None
    link = new_link(session, services.link_issuer, study, LinkKind.CITIZEN, now, now + lasts).link
    return open_grant(session, link, frozenset(Right), now, lasts)


def entries_of(settings: Settings) -> list[CitizenEntryOut]:
    """Return the buttons of the door: one for each platform that a citizen can set out to from here."""
    entries = []
    for name, platform in settings.citizen.platforms.items():
        if isinstance(platform, OidcPlatformSettings) or platform.entry_url is not None:
            entries.append(CitizenEntryOut(title=platform.title, address=f"{VISIT_PATH}/{name}/begin"))
    return entries


def _newest_study(session: Session, institution: InstitutionCode, patients: list[PatientKey]) -> StudyRow | None:
    return session.scalars(
        select(StudyRow)
        .where(StudyRow.institution_code == institution, StudyRow.patient_key.in_(patients))
        .order_by(StudyRow.study_date.desc().nulls_last(), StudyRow.id.desc())
        .limit(1)
    ).first()
