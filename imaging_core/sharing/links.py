"""Issuing, redeeming and revoking links."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.sharing.errors import StudyWithoutPatient
from imaging_core.sharing.tables import GrantRow, LinkRow

_TOKEN_CHARACTERS = 27  # of 64 kinds: 162 bits
_LEAST_KEY_BYTES = 32


class LinkKind(StrEnum):
    """How a link reaches its holder."""

    REPORT_QR = "report_qr"
    SHARE = "share"
    SMS = "sms"
    DOCTOR = "doctor"
    """Shown to a doctor beside an order; opens without a proof of who the patient is, and soon ends."""
    CITIZEN = "citizen"
    """Never handed out: stands behind a grant whose holder was verified by a citizen platform, and ends with it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that opens one study of one patient, after verification."""

    link_id: str
    kind: LinkKind
    institution_code: InstitutionCode
    study: StudyInstanceUid
    patient: PatientKey
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link together with the token to print or send; the token cannot be read from the database."""

    link: Link
    token: str = field(repr=False)


class LinkIssuer:
    """Derives a link's token from its id, so that the same QR can be printed again.

    The database holds only the token's hash; without the key neither gives the token.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _LEAST_KEY_BYTES:
            raise ValueError(f"the link key needs at least {_LEAST_KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "LinkIssuer()"

    def token(self, link_id: str) -> str:
        """Return the token of a link: 27 characters of the URL-safe base64 alphabet."""
        code = hmac.new(self._key, b"link\0" + link_id.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(code).decode()[:_TOKEN_CHARACTERS]


def issue_report_link(session: Session, issuer: LinkIssuer, study: StudyRow, now: datetime) -> IssuedLink:
    """Return the link for the QR on the printed report; printing again gives the same one until it is revoked.

    Raises:
        StudyWithoutPatient: the study is not matched to a patient.
    """
    if study.patient_key is None:
        raise StudyWithoutPatient(study.study_instance_uid)
    row = session.scalars(
        select(LinkRow)
        .where(
            LinkRow.kind == LinkKind.REPORT_QR,
            LinkRow.institution_code == study.institution_code,
            LinkRow.study_instance_uid == study.study_instance_uid,
            LinkRow.patient_key == study.patient_key,
            LinkRow.revoked_at.is_(None),
        )
        .order_by(LinkRow.id)
        .limit(1)
    ).first()
    # A row made under an earlier key cannot be printed again: its token is not derivable any more.
    if row is None or row.token_hash != token_hash(issuer.token(row.link_id)):
        return new_link(session, issuer, study, LinkKind.REPORT_QR, now)
    return IssuedLink(_link(row), issuer.token(row.link_id))


def new_link(
    session: Session,
    issuer: LinkIssuer,
    study: StudyRow,
    kind: LinkKind,
    now: datetime,
    expires_at: datetime | None = None,
) -> IssuedLink:
    """Return a link that was not there before.

    Raises:
        StudyWithoutPatient: the study is not matched to a patient.
    """
    if study.patient_key is None:
        raise StudyWithoutPatient(study.study_instance_uid)
    link_id = uuid4().hex
    row = LinkRow(
        link_id=link_id,
        token_hash=token_hash(issuer.token(link_id)),
        kind=kind,
        institution_code=study.institution_code,
        study_instance_uid=study.study_instance_uid,
        patient_key=study.patient_key,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return IssuedLink(_link(row), issuer.token(link_id))


def redeem_link(session: Session, token: str, now: datetime) -> Link | None:
    """Return the link a token opens. Unknown, revoked and expired ones all give None."""
    return _usable(session, LinkRow.token_hash == token_hash(token), now)


def usable_link(session: Session, link_id: str, now: datetime) -> Link | None:
    """Return a link that was redeemed before, if it still opens something."""
    return _usable(session, LinkRow.link_id == link_id, now)


def revoke_link(session: Session, link_id: str, now: datetime) -> bool:
    """End a link and every grant opened with it, at once; return whether it was open until now."""
    session.execute(
        update(GrantRow).where(GrantRow.link_id == link_id, GrantRow.revoked_at.is_(None)).values(revoked_at=now)
    )
    row = session.scalars(select(LinkRow).where(LinkRow.link_id == link_id)).one_or_none()
    if row is None or row.revoked_at is not None:
        return False
    row.revoked_at = now
    session.flush()
    return True


def token_hash(token: str) -> str:
    """Return what the database knows of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _usable(session: Session, named: ColumnElement[bool], now: datetime) -> Link | None:
    row = session.scalars(
        select(LinkRow)
        # A study that was moved to another patient takes its old links out of use.
        .join(
            StudyRow,
            (StudyRow.institution_code == LinkRow.institution_code)
            & (StudyRow.study_instance_uid == LinkRow.study_instance_uid)
            & (StudyRow.patient_key == LinkRow.patient_key),
        )
        .where(named, LinkRow.revoked_at.is_(None), or_(LinkRow.expires_at.is_(None), LinkRow.expires_at > now))
    ).one_or_none()
    if row is None:
        return None
    row.last_used_at = now
    return _link(row)


def _link(row: LinkRow) -> Link:
    return Link(
        link_id=row.link_id,
        kind=LinkKind(row.kind),
        institution_code=InstitutionCode(row.institution_code),
        study=StudyInstanceUid(row.study_instance_uid),
        patient=PatientKey(row.patient_key),
        expires_at=row.expires_at,
    )
