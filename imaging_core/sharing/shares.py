"""Shares (分享): a link that the patient passes on, with a passcode, an end, and no more rights than were chosen."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from imaging_core.domain.grants import Grant, Right
from imaging_core.index.tables import StudyRow
from imaging_core.sharing.codes import CodeHasher
from imaging_core.sharing.links import IssuedLink, Link, LinkIssuer, LinkKind, new_link, revoke_link
from imaging_core.sharing.tables import LinkRow, ShareRow

ALWAYS = frozenset({Right.REPORT, Right.JPG, Right.DICOM})
"""What every share shows: its study. What the patient said, asked and photographed is in none."""
MOST_WRONG_TRIES = 50
"""Over the whole life of a share; the limit by the minute alone would let four digits be tried out in a month."""
_LISTED = 200


class ShareState(StrEnum):
    """Whether a share still opens, else why not."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    LOCKED = "locked"
    """Too many wrong passcodes."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one share asks for and gives."""

    passcode_hash: str | None = field(repr=False)
    rights: AbstractSet[Right]

    @property
    def methods(self) -> tuple[str, ...]:
        """The one way to open it: "passcode", or "open" where the patient wanted none."""
        return ("passcode",) if self.passcode_hash else ("open",)

    def opened_by(self, hasher: CodeHasher, passcode: str) -> bool:
        """Return whether a passcode opens it; slow, so not to be asked inside a transaction."""
        return self.passcode_hash is None or hasher.matches(self.passcode_hash, passcode)


@dataclass(frozen=True, slots=True)
class ListedShare:
    """A share as its owner sees it."""

    share_id: str
    study: StudyRow
    state: ShareState
    protected: bool
    rights: AbstractSet[Right]
    created_at: datetime
    expires_at: datetime
    opened_count: int
    last_opened_at: datetime | None


def issue_share(
    session: Session,
    issuer: LinkIssuer,
    study: StudyRow,
    *,
    passcode_hash: str | None,
    more: AbstractSet[Right],
    expires_at: datetime,
    now: datetime,
) -> IssuedLink:
    """Return a new link to pass on; `more` are the rights beyond `ALWAYS` that the patient chose.

    Raises:
        StudyWithoutPatient: the study is not matched to a patient.
    """
    issued = new_link(session, issuer, study, LinkKind.SHARE, now, expires_at)
    session.add(
        ShareRow(
            link_id=issued.link.link_id,
            institution_code=study.institution_code,
            passcode_hash=passcode_hash,
            rights=sorted(ALWAYS | (more & {Right.HISTORY, Right.INTERPRET})),
        )
    )
    session.flush()
    return issued


def share_of(session: Session, link_id: str) -> Share | None:
    """Return the share of a link; None when the link is none."""
    row = session.scalars(select(ShareRow).where(ShareRow.link_id == link_id)).one_or_none()
    return None if row is None else Share(row.passcode_hash, _rights(row))


def note_opened(session: Session, link: Link, now: datetime) -> None:
    """Count one opening."""
    session.execute(
        update(ShareRow)
        .where(ShareRow.link_id == link.link_id)
        .values(opened_count=ShareRow.opened_count + 1, last_opened_at=now)
    )


def note_wrong_try(session: Session, link: Link, now: datetime) -> bool:
    """Count one wrong passcode; return whether the share ended by it."""
    row = session.scalars(
        update(ShareRow)
        .where(ShareRow.link_id == link.link_id)
        .values(wrong_tries=ShareRow.wrong_tries + 1)
        .returning(ShareRow)
    ).one_or_none()
    return row is not None and row.wrong_tries >= MOST_WRONG_TRIES and revoke_link(session, link.link_id, now)


def shares_of(session: Session, grant: Grant, now: datetime) -> list[ListedShare]:
    """Return the shares of all studies of the grant's patient, newest first."""
    newest_first = _owned(grant).order_by(LinkRow.id.desc()).limit(_LISTED)
    return [_listed(link, share, study, now) for link, share, study in session.execute(newest_first)]


def revoke_share(session: Session, grant: Grant, share_id: str, now: datetime) -> bool | None:
    """End a share and everything opened with it, at once.

    Returns whether it was open until now; None when the grant's patient has no such share.
    """
    if session.execute(_owned(grant).where(LinkRow.link_id == share_id)).first() is None:
        return None
    return revoke_link(session, share_id, now)


def _owned(grant: Grant) -> Select[LinkRow, ShareRow, StudyRow]:
    return (
        select(LinkRow, ShareRow, StudyRow)
        .join(ShareRow, ShareRow.link_id == LinkRow.link_id)
        # a study that was moved to another patient takes its shares out of sight, as it took them out of use
        .join(
            StudyRow,
            (StudyRow.institution_code == LinkRow.institution_code)
            & (StudyRow.study_instance_uid == LinkRow.study_instance_uid)
            & (StudyRow.patient_key == LinkRow.patient_key),
        )
        .where(LinkRow.institution_code == grant.institution_code, LinkRow.patient_key == grant.patient)
    )


def _listed(link: LinkRow, share: ShareRow, study: StudyRow, now: datetime) -> ListedShare:
    assert link.expires_at is not None  # noqa: S101  # a share is never issued without
    if link.revoked_at is not None:
        state = ShareState.LOCKED if share.wrong_tries >= MOST_WRONG_TRIES else ShareState.REVOKED
    else:
        state = ShareState.EXPIRED if link.expires_at <= now else ShareState.ACTIVE
    return ListedShare(
        share_id=link.link_id,
        study=study,
        state=state,
        protected=share.passcode_hash is not None,
        rights=_rights(share),
        created_at=link.created_at,
        expires_at=link.expires_at,
        opened_count=share.opened_count,
        last_opened_at=share.last_opened_at,
    )


def _rights(row: ShareRow) -> AbstractSet[Right]:
    return frozenset(Right(right) for right in row.rights)
