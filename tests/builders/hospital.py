"""A small hospital in one process: real database, Redis, blobs and knowledge; two invented patients with a CT each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import httpx
from sqlalchemy import select

from api.app import create_app
from api.settings import Mode, Settings
from api.wiring import Services, build_services
from api.workflows.follow_changes import audit_changes, match_arrivals, owe_derivations
from api.workflows.print_report import report_link
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import StudyRow
from imaging_core.ingest import Channel, Origin
from imaging_core.interop.hl7v2.intake import handle_message
from imaging_core.interop.hl7v2.profile import IntakeProfile
from imaging_core.reports.reading import current_report
from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
OTHER_PHONE = "13800000002"
OTHER_ID_NUMBER = "110101198001010029"


class SteppingClock:
    """A clock that tests move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class SmallHospital:
    """Services and what was loaded into them."""

    services: Services
    clock: SteppingClock

    def load(self, *, patient_id: str, accession_number: str, study: str, derive: bool = False, **person: str) -> str:
        """Register a patient with a verified report and a CT; return the token of the report's link."""
        self.hl7(hl7.adt_a04(patient_id=patient_id, **person))
        name = person.get("name", "测试患者")
        self.images(
            ct_series(
                3, 16, 16, study=study, patient_id=patient_id, patient_name=name, accession_number=accession_number
            )
        )
        uid = study_uid(study)
        self.hl7(
            hl7.oru_r01(patient_id=patient_id, name=name, accession_number=accession_number, study_instance_uid=uid)
        )
        self.follow(derive=derive)
        return self.token(uid)

    def hl7(self, message: bytes) -> bytes:
        """Hand one HL7 message in; return its acknowledgement."""
        services = self.services
        answer = handle_message(
            message,
            profile=IntakeProfile(InstitutionCode(services.settings.hospital.institution_code)),
            sessions=services.database.writes,
            cipher=services.cipher,
            blobs=services.blobs,
            now=services.clock(),
        )
        assert b"MSA|AA" in answer, answer.decode("gb18030")
        return answer

    def images(self, instances: Sequence[bytes]) -> None:
        """Store instances."""
        code = self.services.settings.hospital.institution_code
        for instance in instances:
            origin = Origin(Channel.IMPORT, "test")
            self.services.ingestor.store_instance(BytesIO(instance), institution_code=code, origin=origin)

    def follow(self, *, derive: bool) -> None:
        """Do what the worker does: follow the feed and, when asked to, derive every study."""
        services = self.services
        with services.database.writing() as session:
            match_arrivals(session, services.clock())
            owe_derivations(session, services.clock(), quiet=timedelta(0))
            audit_changes(session, services.clock())
        if not derive:
            return
        with services.database.reading() as session:
            studies = session.scalars(select(StudyRow.study_instance_uid)).all()
        for study in studies:
            services.deriver.derive_study(services.settings.hospital.institution_code, study)

    def token(self, study: str) -> str:
        """Return the token in the QR of a study's report."""
        with self.services.database.writing() as session:
            row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study)).one()
            return report_link(self.services, session, row).partition("#")[2]

    def report_id(self, study: str) -> str:
        """Return the id of a study's report."""
        with self.services.database.reading() as session:
            row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study)).one()
            report = current_report(session, row)
            assert report is not None
            return report.report_key

    def client(self) -> httpx.AsyncClient:
        """Return a browser without cookies."""
        app = create_app(self.services)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hospital.test")


def small_hospital(data: Path, *, database_url: str, redis_url: str, **settings: object) -> SmallHospital:
    """Open a hospital in demo mode over a migrated database."""
    clock = SteppingClock(NOW)
    loaded = Settings(mode=Mode.DEMO, data=data, database_url=database_url, redis_url=redis_url, **settings)
    return SmallHospital(build_services(loaded, clock=clock), clock)


async def verified(client: httpx.AsyncClient, token: str, id_number: str = hl7.ID_NUMBER) -> httpx.AsyncClient:
    """Exchange a link and verify by ID number."""
    assert (await client.post("/api/patient/link", json={"token": token})).status_code == 204
    proof = {"method": "id_number", "id_number": id_number}
    answer = await client.post("/api/patient/verification", json=proof)
    assert answer.status_code == 200, answer.text
    return client
