"""Legal holds: what is held is not disposed of, whatever its term says."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.retention.errors import HoldNotFound, NothingToHold, SamePerson
from imaging_core.retention.tables import HoldRow


def place_hold(
    session: Session,
    *,
    institution_code: str,
    reason: str,
    by: str,
    now: datetime,
    study_instance_uid: str | None = None,
    patient_id: str | None = None,
) -> HoldRow:
    """Hold a study, or all a patient has and will have here, until another person releases it.

    Raises:
        NothingToHold: neither is known here.
    """
    if study_instance_uid:
        known = select(StudyRow.id).where(
            StudyRow.institution_code == institution_code, StudyRow.study_instance_uid == study_instance_uid
        )
    else:
        known = select(PatientRow.id).where(
            PatientRow.institution_code == institution_code, PatientRow.patient_id == patient_id
        )
    if session.scalars(known.with_for_update()).first() is None:
        raise NothingToHold
    hold = HoldRow(
        institution_code=institution_code,
        hold_key=secrets.token_hex(8),
        study_instance_uid=study_instance_uid or None,
        patient_id=None if study_instance_uid else patient_id,
        reason=reason,
        placed_by=by,
        placed_at=now,
    )
    session.add(hold)
    session.flush()
    return hold


def release_hold(
    session: Session, *, institution_code: str, hold_key: str, reason: str, by: str, now: datetime
) -> HoldRow:
    """End a hold; terms count again.

    Raises:
        HoldNotFound: there is none, or it is released.
        SamePerson: who placed it may not release it.
    """
    hold = session.scalars(
        select(HoldRow)
        .where(HoldRow.institution_code == institution_code, HoldRow.hold_key == hold_key)
        .with_for_update()
    ).one_or_none()
    if hold is None or hold.released_at is not None:
        raise HoldNotFound
    if hold.placed_by == by:
        raise SamePerson
    hold.released_by, hold.released_at, hold.release_reason = by, now, reason
    session.flush()
    return hold


def open_holds(session: Session, institution_code: str) -> Sequence[HoldRow]:
    """Return the holds in force, newest first."""
    return session.scalars(
        select(HoldRow)
        .where(HoldRow.institution_code == institution_code, HoldRow.released_at.is_(None))
        .order_by(HoldRow.id.desc())
    ).all()


class Held:
    """What is held at an institution at this moment."""

    def __init__(self, session: Session, institution_code: str) -> None:
        holds = open_holds(session, institution_code)
        self._studies = {hold.study_instance_uid for hold in holds if hold.study_instance_uid}
        self._patients = {hold.patient_id for hold in holds if hold.patient_id}
        if self._patients:
            # a record that was merged into another one holds that person
            rows = session.execute(
                select(PatientRow.patient_id, PatientRow.id, PatientRow.merged_into).where(
                    PatientRow.institution_code == institution_code, PatientRow.patient_id.in_(self._patients)
                )
            ).all()
            self._keys = {key for _, own, merged in rows for key in (own, merged) if key is not None}
        else:
            self._keys = set()

    def includes(self, study: StudyRow) -> bool:
        """Return whether a study is held: itself, or as its patient's, matched or not."""
        return (
            study.study_instance_uid in self._studies
            or study.patient_key in self._keys
            or (bool(study.patient_id) and study.patient_id in self._patients)
        )
