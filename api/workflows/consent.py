"""The consent ledger: statements are added, the newest counts."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import record
from api.auth.access import actor_of
from api.db.tables import ConsentRow
from api.errors import Problem
from imaging_core.domain.grants import Grant, Holder, Right


def state_consent(session: Session, grant: Grant, *, purpose: str, version: str, given: bool, now: datetime) -> None:
    """Add a statement of the grant's patient."""
    session.add(
        ConsentRow(
            institution_code=grant.institution_code,
            patient_key=grant.patient,
            purpose=purpose,
            version=version,
            given=given,
            at=now,
        )
    )
    action = "consent.given" if given else "consent.withdrawn"
    detail = {"purpose": purpose, "version": version}
    record(
        session, actor_of(grant), action, object_kind="patient", object_id=str(grant.patient), now=now, detail=detail
    )


def newest_consents(session: Session, grant: Grant) -> list[ConsentRow]:
    """Return the newest statement for each purpose."""
    rows = session.scalars(
        select(ConsentRow)
        .where(ConsentRow.institution_code == grant.institution_code, ConsentRow.patient_key == grant.patient)
        .order_by(ConsentRow.id)
    )
    newest = {row.purpose: row for row in rows}
    return [newest[purpose] for purpose in sorted(newest)]


def told_consents(session: Session, grant: Grant) -> list[ConsentRow]:
    """Return what the holder of a grant may know of them: of a share only whether explanations are allowed."""
    consents = newest_consents(session, grant)
    if grant.holder is Holder.PATIENT:
        return consents
    return [row for row in consents if row.purpose == "interpret" and grant.allows(Right.INTERPRET)]


def require_consent(session: Session, grant: Grant, purpose: str) -> None:
    """Refuse unless the newest statement for this purpose is a consent.

    Raises:
        Problem: 403 `consent_needed`, naming the purpose.
    """
    if not any(row.purpose == purpose and row.given for row in newest_consents(session, grant)):
        raise Problem(403, "consent_needed", purpose=purpose)
