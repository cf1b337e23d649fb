"""Which version of a report counts, and what a further message makes of it."""

from collections.abc import Sequence

from imaging_core.reports.tables import ReportVersionRow
from imaging_core.reports.types import IncomingReport, ReportStatus

_READABLE = {ReportStatus.VERIFIED, ReportStatus.AMENDED}


def shown_version(versions: Sequence[ReportVersionRow]) -> ReportVersionRow | None:
    """Return the version people read: the newest that is verified, unless a later one withdrew it.

    A preliminary version that follows a verified one does not hide it: radiology systems send
    one each time a report is opened for editing, and withdraw explicitly.
    """
    newest = newest_decided(versions)
    return newest if newest is not None and newest.status in _READABLE else None


def newest_decided(versions: Sequence[ReportVersionRow]) -> ReportVersionRow | None:
    """Return the newest version that is not preliminary and was not overtaken."""
    decided = [v for v in versions if v.status != ReportStatus.PRELIMINARY and not v.outdated]
    return max(decided, key=lambda v: v.version, default=None)


def repeats(incoming: IncomingReport, versions: Sequence[ReportVersionRow]) -> ReportVersionRow | None:
    """Return the version that says the same already, None if the message brings something new.

    The same message again counts wherever it stands in the history: a late retransmission of the
    first version must not undo a correction.
    """
    for version in versions:
        if version.source_digest == incoming.source_digest:
            return version
    newest = max(versions, key=lambda v: v.version, default=None)
    return newest if newest is not None and _same_content(incoming, newest) else None


def _same_content(incoming: IncomingReport, version: ReportVersionRow) -> bool:
    # AMENDED is our word for a verified version that replaces another: F after F, and C.
    same_status = version.status == incoming.status or {version.status, incoming.status} == _READABLE
    return same_status and (
        incoming.exam_item,
        incoming.findings,
        incoming.impression,
        incoming.reporting_physician,
        incoming.verifying_physician,
        incoming.critical,
    ) == (
        version.exam_item,
        version.findings,
        version.impression,
        version.reporting_physician,
        version.verifying_physician,
        version.critical,
    )


def overtaken(incoming: IncomingReport, versions: Sequence[ReportVersionRow]) -> bool:
    """Return whether a version issued later is already here."""
    newest = newest_decided(versions)
    return (
        newest is not None
        and newest.reported_at is not None
        and incoming.reported_at is not None
        and incoming.reported_at < newest.reported_at
    )


def status_of(incoming: IncomingReport, versions: Sequence[ReportVersionRow]) -> ReportStatus:
    """Return the status to keep: a verified report is amended when a verified one was there before."""
    if incoming.status is ReportStatus.VERIFIED and any(v.status in _READABLE for v in versions):
        return ReportStatus.AMENDED
    return incoming.status
