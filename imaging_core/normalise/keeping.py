"""Writing what was judged of a study into its rows: what is there is changed, what is no more is deleted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from imaging_core.normalise.devices import Device
from imaging_core.normalise.series import OF_STUDY, NormalisedSeries, differing
from imaging_core.normalise.tables import DeviceRow, FindingRow, NormalisedSeriesRow, NormalisedStudyRow
from imaging_core.normalise.upkeep import of_study
from imaging_core.normalise.values import Finding, FindingCode, Severity

_UNREADABLE: Final = Finding(FindingCode.UNREADABLE, Severity.ERROR, "instance")


@dataclass(frozen=True, slots=True)
class JudgedSeries:
    """A series and what it was judged to be; `found` is None when its bytes cannot be read."""

    series_instance_uid: str
    ae_title: str
    found: NormalisedSeries | None


@dataclass(frozen=True, slots=True)
class Seen:
    """When the images of a study came."""

    first_at: datetime
    last_at: datetime


def study_row(session: Session, institution_code: str, study_instance_uid: str) -> NormalisedStudyRow:
    """Return the row of a study, for a change; a new one when there is none."""
    mine = of_study(institution_code, study_instance_uid).with_for_update()
    row = session.scalars(mine).one_or_none()
    if row is not None:
        return row
    row = NormalisedStudyRow(institution_code=institution_code, study_instance_uid=study_instance_uid, requested=0)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another thread was a moment faster
        return session.scalars(mine).one()
    return row


def write_study(
    session: Session, row: NormalisedStudyRow, series: Sequence[JudgedSeries], seen: Seen, now: datetime
) -> None:
    """Bring the rows of a study to what its series were judged to be."""
    row.normalised_at = now
    readable = {one.series_instance_uid: (one.ae_title, one.found) for one in series if one.found is not None}
    found = [one for _, one in readable.values()]
    row.values = [asdict(found[0].values[name]) for name in OF_STUDY] if found else []
    row.modalities = _told(one.values["modality"].value for one in found)
    row.body_parts = _told(part for one in found for part in one.values["body_part"].value.split("、"))
    _write_series(session, row, readable, seen)
    findings = [("", finding) for finding in differing(found)]
    for one in series:
        told = (_UNREADABLE,) if one.found is None else one.found.findings
        findings += [(one.series_instance_uid, finding) for finding in told]
    _write_findings(session, row, _once(findings), now)


def _told(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _write_series(
    session: Session, row: NormalisedStudyRow, readable: Mapping[str, tuple[str, NormalisedSeries]], seen: Seen
) -> None:
    kept = {
        one.series_instance_uid: one
        for one in session.scalars(select(NormalisedSeriesRow).where(NormalisedSeriesRow.study_id == row.id))
    }
    for uid, (ae_title, one) in readable.items():
        device = _met(session, row.institution_code, one.facts.device, seen)
        series = kept.pop(uid, None)
        if series is None:
            series = NormalisedSeriesRow(
                institution_code=row.institution_code, study_id=row.id, series_instance_uid=uid
            )
            session.add(series)
        series.device_key, series.ae_title = device, ae_title[:64]
        series.modality = one.values["modality"].value[:16]
        series.body_part = one.values["body_part"].value[:128]
        series.charset_declared, series.charset_rule = one.charset.declared[:128], one.charset.rule
        series.has_findings = any(finding.severity is not Severity.INFO for finding in one.findings)
        series.facts = one.facts.as_json()
        series.values = [asdict(value) for name, value in one.values.items() if name not in OF_STUDY]
    for gone in kept.values():
        session.delete(gone)
    session.flush()


def _met(session: Session, institution_code: str, device: Device, seen: Seen) -> str:
    """Keep that a device was seen; return its key."""
    key = device.key
    row = session.scalars(
        select(DeviceRow).where(DeviceRow.institution_code == institution_code, DeviceRow.device_key == key)
    ).one_or_none()
    if row is None:
        row = DeviceRow(
            institution_code=institution_code,
            device_key=key,
            **{name: value[:64] for name, value in asdict(device).items()},
            first_seen_at=seen.first_at,
            last_seen_at=seen.last_at,
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another thread was a moment faster
            return key
    row.first_seen_at = min(row.first_seen_at, seen.first_at)
    row.last_seen_at = max(row.last_seen_at, seen.last_at)
    return key


def _once(findings: Sequence[tuple[str, Finding]]) -> dict[tuple[str, str, str], Finding]:
    """Return the findings by series, code and field; what is of the study stands once, not in each series."""
    kept: dict[tuple[str, str, str], Finding] = {}
    for uid, finding in findings:
        kept.setdefault(("" if finding.field in OF_STUDY else uid, finding.code, finding.field), finding)
    return kept


def _write_findings(
    session: Session, row: NormalisedStudyRow, found: dict[tuple[str, str, str], Finding], now: datetime
) -> None:
    for kept in session.scalars(select(FindingRow).where(FindingRow.study_id == row.id)):
        finding = found.pop((kept.series_instance_uid, kept.code, kept.field), None)
        if finding is None:
            session.delete(kept)
        else:
            kept.severity, kept.raw, kept.proposal = finding.severity, finding.raw, finding.proposal
    session.add_all(
        FindingRow(
            institution_code=row.institution_code,
            study_id=row.id,
            series_instance_uid=uid,
            code=code,
            severity=finding.severity,
            field=field,
            raw=finding.raw,
            proposal=finding.proposal,
            since=now,
        )
        for (uid, code, field), finding in found.items()
    )
    session.flush()
