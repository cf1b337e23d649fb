"""Opening a grant after verification, finding it again by its cookie, and what it lets its holder see."""

import secrets
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Select, false, or_, select
from sqlalchemy.orm import Session

from imaging_core.domain.grants import Grant, Holder, Right
from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.sharing.errors import LinkEnded
from imaging_core.sharing.links import Link, LinkKind, token_hash, usable_link
from imaging_core.sharing.tables import GrantRow, LinkRow

_COOKIE_BYTES = 32
_HOLDERS = {LinkKind.SHARE: Holder.SHARE, LinkKind.DOCTOR: Holder.DOCTOR}


def open_grant(
    session: Session,
    link: Link,
    rights: AbstractSet[Right],
    now: datetime,
    ttl: timedelta,
    *,
    beside: StudyInstanceUid | None = None,
) -> tuple[Grant, str]:
    """Return a new grant and the cookie token that finds it again; it never outlives its link.

    `beside` adds a second study, which is only ever seen while it is of the same patient.

    Raises:
        LinkEnded: the link was revoked, expired or lost its study since it was redeemed.
    """
    current = usable_link(session, link.link_id, now)
    if current is None:
        raise LinkEnded(link.link_id)
    cookie_token = secrets.token_urlsafe(_COOKIE_BYTES)
    end = now + ttl
    row = GrantRow(
        grant_id=uuid4().hex,
        token_hash=token_hash(cookie_token),
        link_id=current.link_id,
        institution_code=current.institution_code,
        patient_key=current.patient,
        study_instance_uid=current.study,
        beside_study_uid=beside,
        rights=sorted(rights),
        holder=_HOLDERS.get(current.kind, Holder.PATIENT),
        created_at=now,
        expires_at=end if current.expires_at is None else min(end, current.expires_at),
    )
    session.add(row)
    session.flush()
    return _grant(row), cookie_token


def grant_of(session: Session, cookie_token: str, now: datetime) -> Grant | None:
    """Return the grant of a cookie. Unknown, expired and revoked ones all give None, so do those of a revoked link."""
    row = session.scalars(
        select(GrantRow)
        .join(LinkRow, LinkRow.link_id == GrantRow.link_id)
        .where(
            GrantRow.token_hash == token_hash(cookie_token),
            GrantRow.expires_at > now,
            GrantRow.revoked_at.is_(None),
            LinkRow.revoked_at.is_(None),
            or_(LinkRow.expires_at.is_(None), LinkRow.expires_at > now),
        )
    ).one_or_none()
    return None if row is None else _grant(row)


def revoke_grant(session: Session, grant: Grant, now: datetime) -> None:
    """End one grant, as when its holder leaves."""
    row = session.scalars(select(GrantRow).where(GrantRow.grant_id == grant.grant_id)).one_or_none()
    if row is not None and row.revoked_at is None:
        row.revoked_at = now
        session.flush()


def visible_studies(grant: Grant, now: datetime) -> Select[StudyRow]:
    """Return the query for the studies a grant opens. There is no other way to a study.

    Same institution and same patient always; only the grant's own study and the one beside it unless it
    has `Right.HISTORY`; nothing once it has expired. A study without a patient is nobody's.
    """
    studies = select(StudyRow).where(
        StudyRow.institution_code == grant.institution_code, StudyRow.patient_key == grant.patient
    )
    if now >= grant.expires_at:
        return studies.where(false())
    if grant.allows(Right.HISTORY):
        return studies
    return studies.where(StudyRow.study_instance_uid.in_([grant.study, *filter(None, [grant.beside])]))


def _grant(row: GrantRow) -> Grant:
    return Grant(
        grant_id=row.grant_id,
        institution_code=InstitutionCode(row.institution_code),
        patient=PatientKey(row.patient_key),
        study=StudyInstanceUid(row.study_instance_uid),
        rights=frozenset(Right(right) for right in row.rights),
        holder=Holder(row.holder),
        expires_at=row.expires_at,
        beside=StudyInstanceUid(row.beside_study_uid) if row.beside_study_uid else None,
    )
