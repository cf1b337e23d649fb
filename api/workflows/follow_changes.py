"""Readers of the change feed: what happened in the archive becomes work and audit.

Each reader moves its own cursor in the transaction in which it writes what follows, so a change is
neither lost nor followed twice.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.jobs import DERIVE, owe
from api.patient_holdings import HOLDINGS
from api.workflows.notify_patient import owe_notice
from api.workflows.retention import note_what_came_again
from imaging_core.index import feed
from imaging_core.index.tables import ChangeRow, FeedCursorRow, StudyRow
from imaging_core.patients.decisions import follow_merges
from imaging_core.patients.matching import match_study
from imaging_core.reports.filing import match_reports
from imaging_core.sharing.links import LinkIssuer

CHANGES_AT_ONCE = 2000
_DERIVING = "derive"
_MATCHING = "match"
_AUDIT = "audit"
_NOTICES = "notices"


def anything_unread(session: Session, *more: str) -> bool:
    """Return whether a reader has something before it; `more` names those that not every installation has."""
    newest = session.scalar(select(func.max(ChangeRow.sequence))) or 0
    read = {cursor.consumer: cursor.sequence for cursor in session.scalars(select(FeedCursorRow))}
    return any(read.get(reader, 0) < newest for reader in (_DERIVING, _MATCHING, _AUDIT, _NOTICES, *more))


def owe_derivations(session: Session, now: datetime, *, quiet: timedelta) -> int:
    """Owe derivation of every study that got instances; due once nothing arrived for `quiet`."""
    changes = feed.read_after(session, _DERIVING, CHANGES_AT_ONCE)
    studies = {
        (change.institution_code, change.study_instance_uid): change.at
        for change in changes
        if change.kind == "instance_stored" and change.study_instance_uid
    }
    for (institution_code, study), at in studies.items():
        owe(session, kind=DERIVE, institution_code=institution_code, subject=study, due_at=max(at + quiet, now))
    _advance(session, _DERIVING, changes)
    return len(changes)


def match_arrivals(session: Session, now: datetime) -> int:
    """Tie studies that arrived to their patient and to reports that came before them."""
    changes = feed.read_after(session, _MATCHING, CHANGES_AT_ONCE)
    studies = {
        (change.institution_code, change.study_instance_uid) for change in changes if change.kind == "instance_stored"
    }
    for institution_code, uid in studies:
        study = session.scalars(
            select(StudyRow).where(StudyRow.institution_code == institution_code, StudyRow.study_instance_uid == uid)
        ).one_or_none()
        if study is not None:
            match_study(session, study, now)
            match_reports(session, study, now)
    note_what_came_again(session, sorted((code, uid) for code, uid in studies if uid), now)
    follow_merges(session, now, HOLDINGS)
    _advance(session, _MATCHING, changes)
    return len(changes)


def owe_notices(session: Session, now: datetime, issuer: LinkIssuer, *, newest: timedelta | None) -> int:
    """Owe a message for each report that came; None only passes, so that none is sent for what lies behind."""
    changes = feed.read_after(session, _NOTICES, CHANGES_AT_ONCE)
    if newest is not None:
        told = {
            (change.institution_code, change.study_instance_uid)
            for change in changes
            if change.kind.startswith("report_") and change.study_instance_uid
        }
        for institution_code, study in sorted(told):
            owe_notice(session, issuer, institution_code, study, now, newest=newest)
    _advance(session, _NOTICES, changes)
    return len(changes)


def audit_changes(session: Session, now: datetime) -> int:
    """Write what arrived into the audit: one event a study, kind and batch."""
    changes = feed.read_after(session, _AUDIT, CHANGES_AT_ONCE)
    groups = Counter(
        (change.institution_code, change.kind, change.study_instance_uid or change.subject) for change in changes
    )
    for (institution_code, kind, subject), count in groups.items():
        record(
            session,
            Actor("system", "archive", institution_code),
            f"archive.{kind}",
            object_kind="study" if kind.startswith("instance") else "record",
            object_id=subject,
            now=now,
            detail={"count": count},
        )
    _advance(session, _AUDIT, changes)
    return len(changes)


def _advance(session: Session, consumer: str, changes: Sequence[feed.Change]) -> None:
    if changes:
        feed.advance(session, consumer, changes[-1].sequence)
