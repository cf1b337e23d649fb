"""The way in for HL7 messages: `handle_message` answers one, `replay_quarantined` files what had to wait.

Nothing is acknowledged with AA before it is committed. What is understood but cannot be filed is kept
in quarantine, its bytes sealed, because they hold phone and ID numbers.
"""

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.errors import ImagingError
from imaging_core.index.tables import QuarantineRow
from imaging_core.interop.hl7v2.acknowledgement import AckCode, Verdict, write_ack
from imaging_core.interop.hl7v2.errors import FieldProblem, MessageError, NeedsAPerson, UnreadableMessage
from imaging_core.interop.hl7v2.filing import Delivery, filing_for
from imaging_core.interop.hl7v2.message import Message, read_message
from imaging_core.interop.hl7v2.profile import IntakeProfile
from imaging_core.interop.hl7v2.registration import patient_id
from imaging_core.interop.hl7v2.tables import Hl7MessageRow
from imaging_core.patients.cipher import FieldCipher
from imaging_core.reports.tables import ReportVersionRow

log = logging.getLogger(__name__)

_CHANNEL = "hl7"
_FILED, _QUARANTINED = "filed", "quarantined"
_ACCEPTED = Verdict(AckCode.ACCEPT)
_UNSAVED = Verdict(AckCode.ERROR, "系统暂时无法保存，请稍后重发", condition="207")
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class _Intake:
    """One message with everything it needs on its way."""

    raw: bytes = field(repr=False)
    digest: str
    profile: IntakeProfile
    sessions: sessionmaker[Session]
    cipher: FieldCipher
    blobs: BlobStore
    now: datetime
    decided_patient: PatientKey | None = None


def handle_message(
    raw: bytes,
    *,
    profile: IntakeProfile,
    sessions: sessionmaker[Session],
    cipher: FieldCipher,
    blobs: BlobStore,
    now: datetime,
) -> bytes:
    """Take one message and return its acknowledgement, in the character set of the message.

    Never raises for what a sender can send, nor when database or blob store fail: these answer AE.
    """
    intake = _Intake(raw, hashlib.sha256(raw).hexdigest(), profile, sessions, cipher, blobs, now)
    try:
        verdict = _verdict(intake)
    except (SQLAlchemyError, ImagingError, OSError) as failure:
        log.error("hl7 message not saved", extra={"failure": type(failure).__name__, "digest": intake.digest})
        verdict = _UNSAVED
    return write_ack(raw, verdict, application=profile.application, now=now)


def refuse_oversize(head: bytes, *, profile: IntakeProfile, now: datetime) -> bytes:
    """Return the answer to a message that was cut off for its size; `head` is its beginning."""
    verdict = Verdict(AckCode.REJECT, "消息超过允许的大小", "MSH", "207")
    return write_ack(head, verdict, application=profile.application, now=now)


def replay_quarantined(
    *,
    profile: IntakeProfile,
    sessions: sessionmaker[Session],
    cipher: FieldCipher,
    blobs: BlobStore,
    now: datetime,
    institution_code: InstitutionCode | None = None,
    patient_id: str | None = None,
) -> int:
    """File what can be filed by now, oldest first; return how many messages left the quarantine.

    Registering a patient does this for the patient's own messages; a schedule does it for all.
    """
    waiting = (
        select(QuarantineRow, Hl7MessageRow.digest)
        .join(Hl7MessageRow, Hl7MessageRow.quarantine_id == QuarantineRow.id)
        .where(Hl7MessageRow.outcome == _QUARANTINED, QuarantineRow.resolved_at.is_(None))
        .order_by(QuarantineRow.id)
    )
    if institution_code is not None:
        waiting = waiting.where(Hl7MessageRow.institution_code == institution_code)
    if patient_id is not None:
        waiting = waiting.where(Hl7MessageRow.patient_id == patient_id)
    with sessions() as session:
        kept = [(_ref(row), row.institution_code, digest) for row, digest in session.execute(waiting)]
    filed = 0
    for ref, institution, digest in kept:
        try:
            raw = cipher.open(b"".join(blobs.read(ref)), row=_sealed_name(institution, digest))
            filed += _file(_Intake(raw, digest, profile, sessions, cipher, blobs, now), read_message(raw)) is not None
        except MessageError as still:
            log.info("hl7 message still waits", extra={"digest": digest, "location": still.location})
        except ImagingError as damage:
            # One blob that is gone or does not open must not hold up the others.
            log.error("hl7 message cannot be replayed", extra={"digest": digest, "failure": type(damage).__name__})
    return filed


def file_for_patient(
    quarantine_id: int,
    patient: PatientKey,
    *,
    profile: IntakeProfile,
    sessions: sessionmaker[Session],
    cipher: FieldCipher,
    blobs: BlobStore,
    now: datetime,
) -> bool:
    """File a report that waits in quarantine with the patient a person chose; False when it does not wait any more.

    The message stays as it came: the decision stands beside it.

    Raises:
        MessageError: it cannot be filed with this patient either.
        ImagingError: its bytes are gone or do not open.
    """
    with sessions() as session:
        found = session.execute(
            select(QuarantineRow, Hl7MessageRow.digest)
            .join(Hl7MessageRow, Hl7MessageRow.quarantine_id == QuarantineRow.id)
            .where(QuarantineRow.id == quarantine_id, QuarantineRow.resolved_at.is_(None))
        ).one_or_none()
        if found is None:
            return False
        ref, institution, digest = _ref(found[0]), found[0].institution_code, found[1]
    raw = cipher.open(b"".join(blobs.read(ref)), row=_sealed_name(institution, digest))
    intake = _Intake(raw, digest, profile, sessions, cipher, blobs, now, patient)
    return _file(intake, read_message(raw)) is not None


def take_back_report(session: Session, quarantine_id: int) -> bool:
    """Undo `file_for_patient`: the message waits again; False when a later version of its report came since."""
    message = session.scalars(select(Hl7MessageRow).where(Hl7MessageRow.quarantine_id == quarantine_id)).one()
    versions = session.scalars(
        select(ReportVersionRow).where(
            ReportVersionRow.institution_code == message.institution_code,
            ReportVersionRow.source_digest == message.digest,
        )
    ).all()
    if any(version is not version.report.versions[-1] for version in versions):
        return False
    for version in versions:
        report = version.report
        report.versions.remove(version)
        if not report.versions:
            session.delete(report)
    message.outcome = _QUARANTINED
    session.get_one(QuarantineRow, quarantine_id).resolved_at = None
    session.flush()
    return True


def _verdict(intake: _Intake) -> Verdict:
    try:
        message = read_message(intake.raw)
        if not message.header.value(10):
            raise FieldProblem("MSH-10", "缺少消息控制号", condition="101")
        warnings = _file(intake, message)
    except NeedsAPerson as problem:
        _quarantine(intake, message, problem)
        return _said(intake, Verdict(AckCode.ERROR, problem.reason, problem.location, problem.condition))
    except (FieldProblem, UnreadableMessage) as problem:
        return _said(intake, Verdict(AckCode.REJECT, problem.reason, problem.location, problem.condition))
    if warnings is not None and message.header.value(9).upper() == "ADT":
        _replay_own(intake, message)
    return _said(intake, Verdict(AckCode.ACCEPT, "；".join(warnings)) if warnings else _ACCEPTED)


def _file(intake: _Intake, message: Message) -> tuple[str, ...] | None:
    """Do what the message asks, in one transaction; return what was left out, None if it was filed before."""
    for _ in range(_RETRIES):
        try:
            return _file_once(intake, message)
        except (IntegrityError, OperationalError):
            # Another connection registered the same patient, took the same message or held the lock just now.
            continue
    return _file_once(intake, message)


def _file_once(intake: _Intake, message: Message) -> tuple[str, ...] | None:
    institution = intake.profile.institution_of(message)
    filing = filing_for(message)
    delivery = Delivery(
        message,
        institution,
        intake.digest,
        intake.profile.report_codes,
        intake.cipher,
        intake.now,
        intake.decided_patient,
    )
    with intake.sessions.begin() as session:
        known = _known(session, institution, intake.digest)
        if known is not None and known.outcome == _FILED:
            return None
        warnings = filing(session, delivery)
        if known is None:
            session.add(_row(intake, message, institution, _FILED))
        else:
            known.outcome = _FILED
            session.get_one(QuarantineRow, known.quarantine_id).resolved_at = intake.now
    return warnings


def _quarantine(intake: _Intake, message: Message, problem: NeedsAPerson) -> None:
    institution = intake.profile.institution_of(message)
    with intake.sessions() as session:
        if _known(session, institution, intake.digest) is not None:
            return
    sealed = intake.cipher.seal(intake.raw, row=_sealed_name(institution, intake.digest))
    ref = intake.blobs.put(BytesIO(sealed))
    try:
        with intake.sessions.begin() as session:
            waiting = QuarantineRow(
                institution_code=institution,
                channel=_CHANNEL,
                reason_code=problem.reason_code,
                reason=f"{problem.location} {problem.reason}",
                blob_digest=ref.digest,
                blob_locator=ref.locator,
                blob_size=ref.size,
                received_at=intake.now,
            )
            session.add(waiting)
            session.flush()
            row = _row(intake, message, institution, _QUARANTINED)
            row.quarantine_id = waiting.id
            session.add(row)
    except IntegrityError:
        # The same message came on two connections; the other one keeps it.
        log.info("hl7 message already waits", extra={"digest": intake.digest})


def _replay_own(intake: _Intake, message: Message) -> None:
    # The registration itself is committed; what waits for it must not spoil its answer.
    try:
        replay_quarantined(
            profile=intake.profile,
            sessions=intake.sessions,
            cipher=intake.cipher,
            blobs=intake.blobs,
            now=intake.now,
            institution_code=intake.profile.institution_of(message),
            patient_id=patient_id(message),
        )
    except (SQLAlchemyError, ImagingError, OSError) as failure:
        log.error("hl7 replay failed", extra={"failure": type(failure).__name__})


def _known(session: Session, institution_code: InstitutionCode, digest: str) -> Hl7MessageRow | None:
    return session.scalars(
        select(Hl7MessageRow).where(Hl7MessageRow.institution_code == institution_code, Hl7MessageRow.digest == digest)
    ).one_or_none()


def _row(intake: _Intake, message: Message, institution_code: InstitutionCode, outcome: str) -> Hl7MessageRow:
    return Hl7MessageRow(
        institution_code=institution_code,
        digest=intake.digest,
        control_id=message.header.value(10)[:199],
        message_type=f"{message.header.value(9)}^{message.header.value(9, 2)}"[:16],
        patient_id=patient_id(message),
        outcome=outcome,
        received_at=intake.now,
    )


def _ref(row: QuarantineRow) -> BlobRef:
    return BlobRef(digest=row.blob_digest, size=row.blob_size, locator=row.blob_locator)


def _sealed_name(institution_code: str, digest: str) -> str:
    return f"quarantine\0{institution_code}\0{digest}"


def _said(intake: _Intake, verdict: Verdict) -> Verdict:
    extra = {"ack": verdict.code.value, "location": verdict.location, "digest": intake.digest}
    log.info("hl7 message answered", extra=extra)
    return verdict
