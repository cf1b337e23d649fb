"""Which of two contents of one SOP Instance UID is served. Both stay kept, whatever is decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from imaging_core.index.feed import INSTANCE_STORED
from imaging_core.index.tables import ChangeRow, InstanceRow, SeriesRow, StudyRow


@dataclass(frozen=True, slots=True)
class Revision:
    """What a person sees of one content."""

    sop_instance_uid: str
    revision: int
    current: bool
    received_at: datetime
    received_from: str
    size: int
    digest: str
    rows: int
    columns: int
    frames: int
    transfer_syntax_uid: str
    series_instance_uid: str


def revisions_of(session: Session, code: str, study_instance_uid: str, *, most: int = 50) -> list[Revision]:
    """Return the contents between which a person must decide, those of one UID together, oldest first."""
    uids = _undecided_uids(session, code, study_instance_uid)[:most]
    found = session.execute(
        select(InstanceRow, SeriesRow.series_instance_uid)
        .join(SeriesRow, SeriesRow.id == InstanceRow.series_id)
        .where(InstanceRow.institution_code == code, InstanceRow.sop_instance_uid.in_(uids))
        .order_by(InstanceRow.instance_number, InstanceRow.sop_instance_uid, InstanceRow.revision)
    )
    return [
        Revision(
            row.sop_instance_uid,
            row.revision,
            row.current,
            row.received_at,
            row.received_from,
            row.blob_size,
            row.blob_digest,
            row.rows,
            row.columns,
            row.number_of_frames,
            row.transfer_syntax_uid,
            series,
        )
        for row, series in found
    ]


def settle_revisions(
    session: Session, code: str, study_instance_uid: str, *, adopt_newest: bool, now: datetime
) -> dict[str, Any]:
    """Serve the newest content of each undecided UID, or go on with the one that is served; return what was before."""
    rows = _rows(session, code, _undecided_uids(session, code, study_instance_uid))
    before = {"instances": [[row.id, row.current, row.conflict] for row in rows]}
    newest = {row.sop_instance_uid: row.id for row in rows}  # by revision: the last one stays
    current = {row.id: row.id == newest[row.sop_instance_uid] if adopt_newest else row.current for row in rows}
    _serve(session, rows, current, dict.fromkeys(current, False), now)
    return before


def restore_revisions(session: Session, before: dict[str, Any], now: datetime) -> bool:
    """Put back what `settle_revisions` changed; False when another content came or was decided about since."""
    known = {int(key): (bool(current), bool(conflict)) for key, current, conflict in before["instances"]}
    uids = session.scalars(select(InstanceRow.sop_instance_uid).where(InstanceRow.id.in_(known)).distinct()).all()
    codes = session.scalars(select(InstanceRow.institution_code).where(InstanceRow.id.in_(known)).distinct()).all()
    rows = _rows(session, codes[0], uids) if codes else []
    if {row.id for row in rows} != set(known) or any(row.conflict for row in rows):
        return False
    _serve(
        session,
        rows,
        {key: current for key, (current, _) in known.items()},
        {key: conflict for key, (_, conflict) in known.items()},
        now,
    )
    return True


def _undecided_uids(session: Session, code: str, study_instance_uid: str) -> Sequence[str]:
    return session.scalars(
        select(InstanceRow.sop_instance_uid)
        .join(SeriesRow, SeriesRow.id == InstanceRow.series_id)
        .join(StudyRow, StudyRow.id == SeriesRow.study_id)
        .where(
            StudyRow.institution_code == code,
            StudyRow.study_instance_uid == study_instance_uid,
            InstanceRow.conflict,
            InstanceRow.current.is_(False),
        )
        .distinct()
        .order_by(InstanceRow.sop_instance_uid)
    ).all()


def _rows(session: Session, code: str, uids: Sequence[str]) -> Sequence[InstanceRow]:
    return session.scalars(
        select(InstanceRow)
        .where(InstanceRow.institution_code == code, InstanceRow.sop_instance_uid.in_(uids))
        .order_by(InstanceRow.sop_instance_uid, InstanceRow.revision)
        .with_for_update()
    ).all()


def _serve(
    session: Session,
    rows: Sequence[InstanceRow],
    current: dict[int, bool],
    conflict: dict[int, bool],
    now: datetime,
) -> None:
    changed = [row for row in rows if row.current != current[row.id]]
    # the database lets only one of a UID be current: first none, then the chosen one
    session.execute(update(InstanceRow).where(InstanceRow.id.in_([row.id for row in changed])).values(current=False))
    for row in rows:
        row.current, row.conflict = current[row.id], conflict[row.id]
    session.flush()
    if changed:
        studies = _recount(session, {row.series_id for row in changed})
        _tell(session, studies, changed, now)


def _recount(session: Session, series: Iterable[int]) -> list[StudyRow]:
    """Count what is served in the studies of these series anew."""
    of = select(SeriesRow.study_id).where(SeriesRow.id.in_(series)).distinct()
    studies = list(session.scalars(select(StudyRow).where(StudyRow.id.in_(of)).order_by(StudyRow.id)))
    for study in studies:
        count = select(func.count()).where(InstanceRow.series_id == SeriesRow.id, InstanceRow.current).scalar_subquery()
        pairs = session.execute(select(SeriesRow, count).where(SeriesRow.study_id == study.id)).all()
        for row, number in pairs:
            row.instance_count = number
        served = [row for row, number in pairs if number]
        study.instance_count = sum(number for _, number in pairs)
        study.series_count = len(served)
        study.modalities = sorted({row.modality for row in served} - {""})
    session.flush()
    return studies


def _tell(session: Session, studies: Sequence[StudyRow], changed: Sequence[InstanceRow], now: datetime) -> None:
    """Let what is derived be made anew."""
    session.add_all(
        ChangeRow(
            institution_code=study.institution_code,
            kind=INSTANCE_STORED,
            study_instance_uid=study.study_instance_uid,
            subject=changed[0].sop_instance_uid,
            at=now,
        )
        for study in studies
    )
    session.flush()
