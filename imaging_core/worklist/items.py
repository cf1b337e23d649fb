"""What of the archive waits for a person. Items are read from what causes them, so that they close by themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from imaging_core.index.tables import InstanceRow, QuarantineRow, SeriesRow, StudyRow
from imaging_core.normalise.tables import FindingRow, NormalisedStudyRow
from imaging_core.patients.decision_tables import LookalikeRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.tables import ReportRow
from imaging_core.worklist.tables import WorklistDecisionRow

ARRIVES_LATER: Final = timedelta(minutes=15)
"""Images, registration and report come one after another: before that nobody needs to look."""


class ItemKind(StrEnum):
    """Why something waits."""

    QUARANTINE = "quarantine"
    CONFLICT = "conflict"
    UNMATCHED_STUDY = "unmatched_study"
    LOOKALIKE = "lookalike"
    UNMATCHED_REPORT = "unmatched_report"
    MISSING_ATTRIBUTE = "missing_attribute"
    FAILED_WORK = "failed_work"
    REFUSED_BY_PLATFORM = "refused_by_platform"


class Severity(StrEnum):
    """How soon somebody should look."""

    HIGH = "high"
    """Somebody may miss images or a report, or see a stranger's."""
    MIDDLE = "middle"
    LOW = "low"


class Remedy(StrEnum):
    """What may be done with one click."""

    ASSIGN = "assign"
    NEW_PATIENT = "new_patient"
    MERGE = "merge"
    MOVE = "move"
    SPLIT = "split"
    KEEP = "keep"
    """Go on with the content that is served."""
    ADOPT = "adopt"
    """Serve the content that came last."""
    LINK = "link"
    REPROCESS = "reprocess"
    IGNORE = "ignore"


REMEDIES: Final[dict[ItemKind, tuple[Remedy, ...]]] = {
    ItemKind.QUARANTINE: (Remedy.ASSIGN, Remedy.REPROCESS, Remedy.IGNORE),
    ItemKind.CONFLICT: (Remedy.KEEP, Remedy.ADOPT),
    ItemKind.UNMATCHED_STUDY: (Remedy.ASSIGN, Remedy.NEW_PATIENT, Remedy.IGNORE),
    ItemKind.LOOKALIKE: (Remedy.MERGE, Remedy.IGNORE),
    ItemKind.UNMATCHED_REPORT: (Remedy.LINK, Remedy.IGNORE),
    ItemKind.MISSING_ATTRIBUTE: (Remedy.REPROCESS, Remedy.IGNORE),
    ItemKind.FAILED_WORK: (Remedy.REPROCESS, Remedy.IGNORE),
    ItemKind.REFUSED_BY_PLATFORM: (Remedy.REPROCESS, Remedy.IGNORE),
}
SEVERITIES: Final[dict[ItemKind, Severity]] = {
    ItemKind.QUARANTINE: Severity.HIGH,
    ItemKind.CONFLICT: Severity.HIGH,
    ItemKind.UNMATCHED_STUDY: Severity.HIGH,
    ItemKind.LOOKALIKE: Severity.MIDDLE,
    ItemKind.UNMATCHED_REPORT: Severity.HIGH,
    ItemKind.MISSING_ATTRIBUTE: Severity.LOW,
    ItemKind.FAILED_WORK: Severity.MIDDLE,
    ItemKind.REFUSED_BY_PLATFORM: Severity.MIDDLE,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits. Numbers, no names: enough to find it in the RIS."""

    kind: ItemKind
    subject: str
    """How it is called here: a UID or a key."""
    reason_code: str
    since: datetime
    state: str = ""
    """Changes when the item becomes another one: a decision about the former one then does not count."""
    text: str = ""
    """What was said when it was put aside, in Chinese."""
    patient_id: str = ""
    accession_number: str = ""
    modalities: tuple[str, ...] = ()
    study_date: date | None = None
    count: int = 1

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What may be done about it."""
        if self.kind is ItemKind.QUARANTINE and self.reason_code not in FILED_FOR_A_PATIENT:
            return (Remedy.REPROCESS, Remedy.IGNORE)
        return REMEDIES[self.kind]


FILED_FOR_A_PATIENT: Final = frozenset({"unknown_patient", "name_conflict"})
"""Reports that only lack the right patient."""


def archive_items(session: Session, code: str, now: datetime) -> list[Item]:
    """Return all that waits in the archive and was not decided, longest first."""
    before = now - ARRIVES_LATER
    found = [
        *_quarantined(session, code),
        *_conflicts(session, code),
        *_studies(session, code, before),
        *_lookalikes(session, code),
        *_reports(session, code, before),
        *_findings(session, code, before),
    ]
    return sorted(undecided(session, code, found), key=lambda item: item.since)


def undecided(session: Session, code: str, items: Sequence[Item]) -> list[Item]:
    """Return the items that nobody ignores as they are now."""
    ignored = {
        (row.kind, row.subject, row.state)
        for row in session.scalars(
            select(WorklistDecisionRow).where(
                WorklistDecisionRow.institution_code == code,
                WorklistDecisionRow.remedy == Remedy.IGNORE,
                WorklistDecisionRow.undone_at.is_(None),
            )
        )
    }
    return [item for item in items if (item.kind, item.subject, item.state) not in ignored]


def _quarantined(session: Session, code: str) -> Iterator[Item]:
    rows = session.scalars(
        select(QuarantineRow).where(QuarantineRow.institution_code == code, QuarantineRow.resolved_at.is_(None))
    )
    for row in rows:
        yield Item(ItemKind.QUARANTINE, str(row.id), row.reason_code, row.received_at, text=row.reason)


def _conflicts(session: Session, code: str) -> Iterator[Item]:
    first = func.min(InstanceRow.received_at, type_=InstanceRow.received_at.type)
    rows = session.execute(
        select(StudyRow, func.count(InstanceRow.id), first, func.max(InstanceRow.id))
        .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
        .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
        .where(InstanceRow.institution_code == code, InstanceRow.conflict, InstanceRow.current.is_(False))
        .group_by(StudyRow.id)
    )
    for study, count, since, newest in rows:
        yield _of_study(ItemKind.CONFLICT, study, "conflict", since, count, state=str(newest))


def _studies(session: Session, code: str, before: datetime) -> Iterator[Item]:
    rows = session.execute(
        select(StudyRow, PatientRow.id.is_not(None))
        .outerjoin(
            PatientRow,
            (PatientRow.institution_code == StudyRow.institution_code) & (PatientRow.patient_id == StudyRow.patient_id),
        )
        .where(
            StudyRow.patient_key.is_(None),
            # as an expression: SQLite would walk all studies of the institution by one of its indexes
            func.coalesce(StudyRow.institution_code, "") == code,
            StudyRow.last_received_at < before,
        )
    )
    for study, registered in rows:
        reason = "another_person" if registered else "not_registered"
        reason = reason if study.patient_id else "no_patient_id"
        since = study.first_received_at
        yield _of_study(ItemKind.UNMATCHED_STUDY, study, reason, since, study.instance_count, state=reason)


def _of_study(kind: ItemKind, study: StudyRow, reason: str, since: datetime, count: int, *, state: str = "") -> Item:
    return Item(
        kind,
        study.study_instance_uid,
        reason,
        since,
        state,
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        modalities=tuple(study.modalities),
        study_date=study.study_date,
        count=count,
    )


def _lookalikes(session: Session, code: str) -> Iterator[Item]:
    first, second = aliased(PatientRow), aliased(PatientRow)
    rows = session.execute(
        select(LookalikeRow, first.patient_id, second.patient_id)
        .join(first, first.id == LookalikeRow.first_patient)
        .join(second, second.id == LookalikeRow.second_patient)
        .where(LookalikeRow.institution_code == code, first.merged_into.is_(None), second.merged_into.is_(None))
    )
    for row, one, other in rows:
        yield Item(ItemKind.LOOKALIKE, str(row.id), "lookalike", row.found_at, patient_id=f"{one} / {other}")


def _reports(session: Session, code: str, before: datetime) -> Iterator[Item]:
    rows = session.execute(
        select(ReportRow, PatientRow.patient_id)
        .join(PatientRow, PatientRow.id == ReportRow.patient_key)
        .where(
            ReportRow.institution_code == code, ReportRow.study_instance_uid.is_(None), ReportRow.created_at < before
        )
    )
    for report, patient_id in rows:
        yield Item(
            ItemKind.UNMATCHED_REPORT,
            report.report_key,
            "no_study",
            report.created_at,
            patient_id=patient_id,
            accession_number=report.accession_number,
        )


def _findings(session: Session, code: str, before: datetime) -> Iterator[Item]:
    """Return the studies in which a rule found what only a person can put right."""
    rows = session.execute(
        select(StudyRow, FindingRow.code, func.min(FindingRow.since, type_=FindingRow.since.type))
        .join(
            NormalisedStudyRow,
            (NormalisedStudyRow.institution_code == StudyRow.institution_code)
            & (NormalisedStudyRow.study_instance_uid == StudyRow.study_instance_uid),
        )
        .join(FindingRow, FindingRow.study_id == NormalisedStudyRow.id)
        .where(FindingRow.institution_code == code, FindingRow.severity == "error", FindingRow.since < before)
        .group_by(StudyRow.id, FindingRow.code)
        .order_by(StudyRow.id, FindingRow.code)
    )
    by_study: dict[int, tuple[StudyRow, list[str], datetime]] = {}
    for study, finding, since in rows:
        _, codes, _ = by_study.setdefault(study.id, (study, [], since))
        codes.append(finding)
    for study, codes, since in by_study.values():
        said = ",".join(codes)
        yield _of_study(ItemKind.MISSING_ATTRIBUTE, study, said, since, study.instance_count, state=said[:64])
