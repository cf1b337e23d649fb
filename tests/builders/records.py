"""Patients, studies and reports in a database, for tests of the records."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count

from sqlalchemy.orm import Session

import imaging_core.documents.tables
import imaging_core.interop.hl7v2.tables
import imaging_core.sharing.tables  # noqa: F401  # the tables register themselves
from api.db.engine import Database
from imaging_core.blobs import MemoryBlobStore
from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.index.base import Base
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.intake import handle_message, replay_quarantined
from imaging_core.interop.hl7v2.profile import IntakeProfile
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.registration import Registration
from imaging_core.patients.registry import register_patient
from imaging_core.reports.types import IncomingReport, ReportStatus
from tests.builders.hl7 import FINDINGS, ID_NUMBER, IMPRESSION, PHONE

HOSPITAL = InstitutionCode("12340000TEST000001")
OTHER_HOSPITAL = InstitutionCode("12340000TEST000002")
NOON = datetime(2025, 4, 1, 4, 0, tzinfo=UTC)

_numbers = count(1)


def field_cipher() -> FieldCipher:
    """Return a cipher with fixed test keys."""
    return FieldCipher({"test-1": b"\x01" * 32}, "test-1", b"\x02" * 32)


@dataclass(frozen=True)
class Records:
    """A database with the archive's tables, and what goes with it."""

    database: Database
    blobs: MemoryBlobStore = field(default_factory=MemoryBlobStore)
    cipher: FieldCipher = field(default_factory=field_cipher)
    profile: IntakeProfile = field(default_factory=lambda: IntakeProfile(HOSPITAL))

    def take(self, raw: bytes, now: datetime = NOON, profile: IntakeProfile | None = None) -> bytes:
        """Hand one HL7 message in and return the ACK."""
        return handle_message(
            raw,
            profile=profile or self.profile,
            sessions=self.database.writes,
            cipher=self.cipher,
            blobs=self.blobs,
            now=now,
        )

    def replay(self, now: datetime = NOON) -> int:
        """File what waits in quarantine."""
        return replay_quarantined(
            profile=self.profile, sessions=self.database.writes, cipher=self.cipher, blobs=self.blobs, now=now
        )


def open_records(url: str) -> Records:
    """Open a database and make the tables that are missing."""
    database = Database.open(url)
    Base.metadata.create_all(database.engine)
    return Records(database)


def registration(
    patient_id: str = "TEST0001",
    *,
    name: str = "测试患者",
    institution_code: InstitutionCode = HOSPITAL,
    phone: str | None = PHONE,
    id_number: str | None = ID_NUMBER,
    sex: str | None = "F",
    birth_date: date | None = date(1980, 1, 1),
) -> Registration:
    """Return a registration of an invented person."""
    return Registration(
        institution_code=institution_code,
        patient_id=patient_id,
        name=name,
        sex=sex,
        birth_date=birth_date,
        phone=phone,
        id_number=id_number,
    )


def add_patient(
    session: Session, patient_id: str = "TEST0001", *, institution: InstitutionCode = HOSPITAL
) -> PatientKey:
    """Register an invented person."""
    return register_patient(session, field_cipher(), registration(patient_id, institution_code=institution), NOON)


def add_study(
    session: Session,
    *,
    uid: str | None = None,
    institution: InstitutionCode = HOSPITAL,
    patient_id: str = "TEST0001",
    patient_key: PatientKey | None = None,
    patient_name: str = "测试患者",
    patient_sex: str = "F",
    patient_birth_date: date | None = date(1980, 1, 1),
    accession_number: str = "",
    study_id: str = "",
) -> StudyRow:
    """Add the row of a study as ingest makes it, unmatched unless `patient_key` is given."""
    study = StudyRow(
        institution_code=institution,
        study_instance_uid=uid or f"1.2.826.0.1.3680043.10.999.{next(_numbers)}",
        patient_key=patient_key,
        patient_id=patient_id,
        patient_name=patient_name,
        patient_sex=patient_sex,
        patient_birth_date=patient_birth_date,
        accession_number=accession_number,
        study_id=study_id,
        modalities=["CT"],
        first_received_at=NOON,
        last_received_at=NOON,
    )
    session.add(study)
    session.flush()
    return study


def incoming_report(
    patient: PatientKey,
    *,
    source_id: str = "ACC0001",
    study: str | None = None,
    accession_number: str = "ACC0001",
    exam_id: str = "",
    status: ReportStatus = ReportStatus.VERIFIED,
    findings: str = FINDINGS,
    impression: str = IMPRESSION,
    reported_at: datetime | None = NOON,
    digest: str | None = None,
    institution: InstitutionCode = HOSPITAL,
) -> IncomingReport:
    """Return a report as it comes in; each call is another message unless `digest` is given."""
    return IncomingReport(
        institution_code=institution,
        patient=patient,
        source_id=source_id,
        source_digest=digest or f"{next(_numbers):064x}",
        status=status,
        study_instance_uid=None if study is None else StudyInstanceUid(study),
        accession_number=accession_number,
        exam_id=exam_id,
        exam_item="胸部CT平扫",
        findings=findings,
        impression=impression,
        reporting_physician="测试报告医师",
        verifying_physician="测试审核医师",
        reported_at=reported_at,
    )
