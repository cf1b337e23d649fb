"""Normalising as work: of studies that got images, and again of those that a rule or a new version concerns."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from api.jobs import NORMALISE, RENORMALISE, owe
from imaging_core.index import feed
from imaging_core.normalise.upkeep import institutions_waiting

NORMALISING: Final = "normalise"
"""Name of the reader's cursor. It begins with the first change there is, so that an archive of before is done too."""
_CHANGES_AT_ONCE: Final = 2000
_ALL: Final = "-"


def owe_normalising(session: Session, now: datetime, *, quiet: timedelta) -> int:
    """Owe normalising of every study that got instances; due once nothing arrived for `quiet`."""
    changes = feed.read_after(session, NORMALISING, _CHANGES_AT_ONCE)
    studies = {
        (change.institution_code, change.study_instance_uid): change.at
        for change in changes
        if change.kind == feed.INSTANCE_STORED and change.study_instance_uid
    }
    for (institution_code, study), at in studies.items():
        owe(session, kind=NORMALISE, institution_code=institution_code, subject=study, due_at=max(at + quiet, now))
    if changes:
        feed.advance(session, NORMALISING, changes[-1].sequence)
    return len(changes)


def owe_renormalising(session: Session, now: datetime) -> None:
    """Owe what is left to be normalised again: after a change of rules, and by schedule after a change of version."""
    for institution_code in institutions_waiting(session):
        owe(session, kind=RENORMALISE, institution_code=institution_code, subject=_ALL, due_at=now)
