"""A hospital over decades: patients, visits, images and holds, and what the law says of each image."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

from sqlalchemy import select

from api.db.engine import Database
from imaging_core.blobs import BlobStore
from imaging_core.dicom.limits import Limits
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import InstanceRow, StudyRow
from imaging_core.ingest import Channel, Ingestor, Origin
from imaging_core.patients.registration import EncounterClass, Registration
from imaging_core.patients.registry import record_discharge, register_patient
from imaging_core.retention.disposal import Archive, carry_out
from imaging_core.retention.holds import place_hold, release_hold
from imaging_core.retention.plans import approve_plan, find_plan, make_plan
from imaging_core.retention.tables import DisposalPlanRow, DisposedInstanceRow, DisposedStudyRow
from imaging_core.retention.terms import Policy
from tests.builders.dicom import ct_instance, study_uid
from tests.builders.records import field_cipher

HOSPITAL = InstitutionCode("12340000TEST000001")
MAKER, CHECKER = "staff-1", "staff-2"
FIRST = Policy("1", date(2000, 1, 1), "", {"outpatient": 15, "emergency": 15, "inpatient": 30})


@dataclass
class Examined:
    """An examination as the hospital knows it."""

    name: str
    patient: str
    kind: str
    day: date


@dataclass
class Hospital:
    """Drives the archive, and keeps its own account of who came when."""

    database: Database
    blobs: BlobStore
    now: datetime = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
    versions: tuple[Policy, ...] = (FIRST,)
    examined: dict[str, Examined] = field(default_factory=dict)
    visits: dict[str, list[date]] = field(default_factory=dict)
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Studies and patients by hold."""
    derived_dropped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ingestor = Ingestor(
            self.blobs,
            reads=self.database.reads,
            writes=self.database.writes,
            limits=Limits(),
            clock=lambda: self.now,
        )
        self.archive = Archive(
            self.database.writes, self.blobs, lambda _code, study: self.derived_dropped.append(study), lambda: self.now
        )

    @property
    def today(self) -> date:
        return self.now.date()

    def visit(self, patient: str, kind: str, *, image: bool = True) -> str:
        """Let a patient come, be examined, and an inpatient go home after five days; return the examination."""
        with self.database.writing() as session:
            register_patient(
                session,
                field_cipher(),
                Registration(HOSPITAL, patient, "测试患者", encounter_class=EncounterClass(kind), visit_at=self.now),
                self.now,
            )
        self.visits.setdefault(patient, []).append(self.today)
        name = self.image(patient, kind) if image else ""
        if kind == "inpatient":
            self.now += timedelta(days=5)
            with self.database.writing() as session:
                record_discharge(
                    session, institution_code=HOSPITAL, patient_id=patient, discharged_at=self.now, now=self.now
                )
            self.visits[patient].append(self.today)
        return name

    def image(self, patient: str, kind: str, name: str = "") -> str:
        """Take in an examination."""
        name = name or f"{patient}-{len(self.examined)}"
        content = ct_instance(
            study=name,
            patient_id=patient,
            patient_name="测试患者",
            accession_number=name[:16],
            study_date=f"{self.today:%Y%m%d}",
        )
        self.ingestor.store_instance(BytesIO(content), institution_code=HOSPITAL, origin=Origin(Channel.STOW, "test"))
        self.examined[name] = Examined(name, patient, kind, self.today)
        return name

    def hold(self, *, study: str = "", patient: str = "", by: str = MAKER) -> str:
        """Hold an examination or a patient."""
        with self.database.writing() as session:
            hold = place_hold(
                session,
                institution_code=HOSPITAL,
                study_instance_uid=study_uid(study) if study else None,
                patient_id=patient or None,
                reason="诉讼",
                by=by,
                now=self.now,
            ).hold_key
        self.held[hold] = (study, patient)
        return hold

    def release(self, hold: str, by: str = CHECKER) -> None:
        """Let go of what is held."""
        with self.database.writing() as session:
            release_hold(session, institution_code=HOSPITAL, hold_key=hold, reason="结案", by=by, now=self.now)
        del self.held[hold]

    def is_held(self, one: Examined) -> bool:
        return any(one.name == study or one.patient == patient for study, patient in self.held.values())

    def lawful_until(self, one: Examined) -> date:
        """Return until when the law wants an examination kept, by the policy of today."""
        policy = [version for version in self.versions if version.in_force_from <= self.today][-1]
        years = policy.years.get(one.kind, max(policy.years.values()))
        last = max([one.day, *self.visits[one.patient]])
        return date(last.year + years, last.month, min(last.day, 28))

    def plan(self, by: str = MAKER) -> str:
        with self.database.writing() as session:
            return make_plan(session, institution_code=HOSPITAL, versions=self.versions, by=by, now=self.now).plan_key

    def approve(self, plan: str, by: str = CHECKER, digest: str = "") -> None:
        with self.database.writing() as session:
            row = find_plan(session, HOSPITAL, plan)
            approve_plan(session, row, content_digest=digest or row.content_digest, by=by, now=self.now)

    def run(self, plan: str, **arguments: object) -> bool:
        return carry_out(
            self.archive,
            institution_code=HOSPITAL,
            plan_key=plan,
            versions=self.versions,
            by=MAKER,
            **arguments,  # type: ignore[arg-type]
        )

    def kept(self) -> set[str]:
        """Return the examinations that are here, every image readable."""
        with self.database.reading() as session:
            here = {uid for (uid,) in session.execute(select(StudyRow.study_instance_uid))}
            from imaging_core.blobs import BlobRef

            for row in session.scalars(select(InstanceRow)):
                assert sum(map(len, self.blobs.read(BlobRef(row.blob_digest, row.blob_size, row.blob_locator)))) > 0
        return {name for name in self.examined if study_uid(name) in here}

    def stones(self) -> dict[str, tuple[DisposedStudyRow, DisposalPlanRow, int]]:
        """Return the tombstones by examination, with their plan and how many instances they name."""
        names = {study_uid(name): name for name in self.examined}
        with self.database.reading() as session:
            rows = session.execute(
                select(DisposedStudyRow, DisposalPlanRow).join(
                    DisposalPlanRow, DisposalPlanRow.plan_key == DisposedStudyRow.plan_key
                )
            ).all()
            counts = [
                len(
                    session.scalars(
                        select(DisposedInstanceRow.id).where(DisposedInstanceRow.disposed_study_id == stone.id)
                    ).all()
                )
                for stone, _ in rows
            ]
            return {
                names[stone.study_instance_uid]: (stone, plan, count)
                for (stone, plan), count in zip(rows, counts, strict=True)
            }
