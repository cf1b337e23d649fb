"""Which study a report without a matching number may be of: points with reasons, certain only where nothing competes.

A wrong report beside an image is worse than a report that waits: numbers that contradict are never overruled here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from imaging_core.coding.items import parse_name
from imaging_core.index.tables import ChangeRow, SeriesRow, StudyRow
from imaging_core.reports.tables import ReportRow
from imaging_core.reports.versions import shown_version

_CERTAIN: Final = 90
_WINDOW: Final = timedelta(days=14)
_CHINA: Final = timedelta(hours=8)  # study dates are written in the hospital's time


class Reason(StrEnum):
    """What speaks for or against a study."""

    SAME_NUMBER = "same_number"
    OTHER_NUMBER = "other_number"
    SAME_MODALITY = "same_modality"
    OTHER_MODALITY = "other_modality"
    SAME_PART = "same_part"
    OTHER_PART = "other_part"
    SAME_DAY = "same_day"
    WITHIN_DAYS = "within_days"
    FAR_APART = "far_apart"
    HAS_REPORT = "has_report"


_POINTS: Final = {
    Reason.SAME_NUMBER: 100,
    Reason.OTHER_NUMBER: -50,
    Reason.SAME_MODALITY: 30,
    Reason.OTHER_MODALITY: -60,
    Reason.SAME_PART: 35,
    Reason.OTHER_PART: -40,
    Reason.SAME_DAY: 30,
    Reason.WITHIN_DAYS: 10,
    Reason.FAR_APART: -20,
    Reason.HAS_REPORT: -50,
}


@dataclass(frozen=True, slots=True)
class StudyCandidate:
    """One study of the report's patient, and why."""

    study: StudyRow
    score: int
    reasons: tuple[Reason, ...]


def study_candidates(session: Session, report: ReportRow) -> list[StudyCandidate]:
    """Return the studies of the report's patient, the likeliest first."""
    version = shown_version(report.versions) or (report.versions[-1] if report.versions else None)
    item = parse_name(version.exam_item) if version and version.exam_item else None
    modalities = {part.modality for part in item.items} - {""} if item else set()
    parts = {part.body_part for part in item.items} - {""} if item else set()
    examined_at = (version.examined_at or version.reported_at) if version else None
    found = []
    for study in session.scalars(
        select(StudyRow).where(
            StudyRow.institution_code == report.institution_code,
            StudyRow.patient_key == report.patient_key,
            StudyRow.instance_count > 0,
        )
    ):
        reasons = [
            *_by_number(report, study),
            *_by_modality(modalities, set(study.modalities)),
            *_by_part(parts, _parts_of(session, study)),
            *_by_time(examined_at, study),
        ]
        if _is_reported(session, study):
            reasons.append(Reason.HAS_REPORT)
        found.append(StudyCandidate(study, sum(_POINTS[reason] for reason in reasons), tuple(reasons)))
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.study.id))


def certain(candidates: Sequence[StudyCandidate]) -> StudyCandidate | None:
    """Return the candidate that may be taken without asking: nothing speaks against it, and no other comes near."""
    if not candidates or candidates[0].score < _CERTAIN:
        return None
    best = candidates[0]
    if any(_POINTS[reason] < 0 for reason in best.reasons) or Reason.SAME_DAY not in best.reasons:
        return None
    rivals = [candidate for candidate in candidates[1:] if candidate.score > 0]
    return None if rivals else best


def link_report(session: Session, report: ReportRow, study: StudyRow, now: datetime) -> None:
    """Give a report its study, and tell."""
    report.study_instance_uid = study.study_instance_uid
    session.flush()
    session.add(
        ChangeRow(
            institution_code=report.institution_code,
            kind="report_matched",
            study_instance_uid=study.study_instance_uid,
            subject=report.report_key,
            at=now,
        )
    )
    session.flush()


def _by_number(report: ReportRow, study: StudyRow) -> list[Reason]:
    theirs = {report.accession_number, report.exam_id} - {""}
    ours = {study.accession_number, study.study_id} - {""}
    named = report.expected_study_instance_uid
    if named is not None:
        return [Reason.SAME_NUMBER if named == study.study_instance_uid else Reason.OTHER_NUMBER]
    if theirs & ours:
        return [Reason.SAME_NUMBER]
    # a study id alone is a counter of the modality: only an accession number can contradict
    return [Reason.OTHER_NUMBER] if theirs and study.accession_number else []


def _by_modality(theirs: set[str], ours: set[str]) -> list[Reason]:
    ours = {"DR" if modality in {"CR", "DX"} else modality for modality in ours}
    theirs = {"DR" if modality in {"CR", "DX"} else modality for modality in theirs}
    if not theirs or not ours:
        return []
    return [Reason.SAME_MODALITY if theirs & ours else Reason.OTHER_MODALITY]


def _by_part(theirs: set[str], ours: set[str]) -> list[Reason]:
    if not theirs or not ours:
        return []
    return [Reason.SAME_PART if theirs & ours else Reason.OTHER_PART]


def _by_time(examined_at: datetime | None, study: StudyRow) -> list[Reason]:
    if examined_at is None or study.study_date is None:
        return []
    apart = abs((examined_at + _CHINA).date() - study.study_date)
    if not apart:
        return [Reason.SAME_DAY]
    return [Reason.WITHIN_DAYS if apart <= _WINDOW else Reason.FAR_APART]


def _parts_of(session: Session, study: StudyRow) -> set[str]:
    written = [
        study.study_description,
        *session.scalars(select(SeriesRow.protocol_name).where(SeriesRow.study_id == study.id).distinct()),
    ]
    return {part.body_part for text in written if text for part in parse_name(text).items} - {""}


def _is_reported(session: Session, study: StudyRow) -> bool:
    reported = exists().where(
        ReportRow.institution_code == study.institution_code,
        ReportRow.study_instance_uid == study.study_instance_uid,
        ReportRow.patient_key == study.patient_key,
    )
    return bool(session.scalar(select(reported)))
