"""Quality indicators against archives counted by hand, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import imaging_core.documents.tables
import imaging_core.interop.regional.tables  # noqa: F401  # the tables register themselves
from imaging_core.documents.tables import DocumentRow
from imaging_core.index.tables import SeriesRow, StudyRow
from imaging_core.interop.regional.tables import RegistrationRow
from imaging_core.normalise.tables import NormalisedSeriesRow, NormalisedStudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.quality import (
    INDICATORS,
    Period,
    PeriodReversed,
    Side,
    measure,
    studies_behind,
    undated,
)
from imaging_core.reports.reading import current_report
from imaging_core.reports.tables import ReportRow, ReportVersionRow
from imaging_core.sharing.tables import DownloadRow, GrantRow, LinkRow
from tests.builders.archive import INSTITUTION, open_archive

pytestmark = [pytest.mark.integration, pytest.mark.clause("R1.1")]

DAY = date(2026, 3, 1)
EXAMINED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EVER = Period()
BY_KEY = {indicator.key: indicator for indicator in INDICATORS}


@dataclass
class Shelf:
    """An archive filled row by row."""

    session: Session
    numbers: Iterator[int]

    def add(self, row):
        self.session.add(row)
        self.session.flush()
        return row

    def number(self) -> str:
        return f"{next(self.numbers):032d}"

    def patient(self, **columns) -> PatientRow:
        return self.add(
            PatientRow(
                institution_code=INSTITUTION,
                patient_id=self.number(),
                name="测试患者",
                registered_at=EXAMINED,
                updated_at=EXAMINED,
                **{"sex": "F", "birth_date": date(1980, 1, 1), **columns},
            )
        )

    def study(self, patient: PatientRow | None = None, body_part: str = "", **columns) -> StudyRow:
        about = {
            "institution_code": INSTITUTION,
            "study_instance_uid": f"1.2.{self.number()}",
            "patient_id": "TEST0001",
            "patient_name": "测试患者",
            "patient_sex": "F",
            "patient_birth_date": date(1980, 1, 1),
            "accession_number": "ACC",
            "study_date": DAY,
            "study_time": "080000",
            "modalities": ["CT"],
            "instance_count": 1,
            "first_received_at": EXAMINED + timedelta(hours=1),
            "manifest_version": "1",
            **columns,
        }
        row = StudyRow(patient_key=patient and patient.id, last_received_at=EXAMINED, **about)
        row.series = [
            SeriesRow(
                institution_code=row.institution_code,
                series_instance_uid=f"{row.study_instance_uid}.1",
                body_part_examined=body_part,
            )
        ]
        return self.add(row)

    def report(self, study: StudyRow, *versions: dict, patient: PatientRow | None = None) -> None:
        """Add a report with one version each; what a version leaves out is in order."""
        row = self.add(
            ReportRow(
                report_key=self.number(),
                institution_code=INSTITUTION,
                patient_key=patient.id if patient else study.patient_key,
                source_id=self.number(),
                study_instance_uid=study.study_instance_uid,
                created_at=EXAMINED,
            )
        )
        for number, version in enumerate(versions, 1):
            said = {
                "status": "verified",
                "exam_code": "CT001",
                "exam_item": "胸部CT平扫",
                "findings": "双肺未见异常。",
                "impression": "未见异常。",
                "reporting_physician": "测试报告医师",
                "verifying_physician": "测试审核医师",
                "examined_at": EXAMINED,
                "reported_at": EXAMINED + timedelta(hours=2),
                "critical": False,
                **version,
            }
            self.add(
                ReportVersionRow(
                    institution_code=INSTITUTION,
                    report_id=row.id,
                    version=number,
                    source_digest="",
                    received_at=EXAMINED,
                    **said,
                )
            )

    def link(self, study: StudyRow, kind: str, holder: str = "") -> None:
        """Add a link, and a grant opened with it where somebody holds one."""
        about = {
            "institution_code": INSTITUTION,
            "study_instance_uid": study.study_instance_uid,
            "patient_key": study.patient_key,
            "created_at": EXAMINED,
        }
        link = self.add(LinkRow(link_id=self.number(), token_hash=self.number(), kind=kind, **about))
        if holder:
            opened = {"rights": ["report"], "holder": holder, "expires_at": EXAMINED}
            self.add(
                GrantRow(grant_id=self.number(), token_hash=self.number(), link_id=link.link_id, **opened, **about)
            )

    def document(self, study: StudyRow) -> None:
        self.add(
            DocumentRow(
                document_key=self.number(),
                institution_code=INSTITUTION,
                study_instance_uid=study.study_instance_uid,
                title="电子报告单",
                media_type="application/pdf",
                blob_digest=self.number(),
                blob_locator="",
                blob_size=1,
                received_at=EXAMINED,
            )
        )

    def download(self, study: StudyRow, patient: PatientRow) -> None:
        self.add(
            DownloadRow(
                download_id=self.number(),
                institution_code=INSTITUTION,
                patient_key=patient.id,
                study_instance_uid=study.study_instance_uid,
                code_hash="",
                created_at=EXAMINED,
                expires_at=EXAMINED,
            )
        )

    def registration(self, study: StudyRow, state: str) -> None:
        self.add(
            RegistrationRow(
                institution_code=INSTITUTION,
                study_instance_uid=study.study_instance_uid,
                examination_id=self.number(),
                state=state,
                changed_at=EXAMINED,
            )
        )

    def counts(self, period: Period = EVER) -> dict[str, tuple[int, int]]:
        found = measure(self.session, INSTITUTION, period)
        return {item.indicator.key: (item.numerator, item.denominator) for item in found}

    def behind(self, key: str, side: Side, limit: int = 10) -> list[str]:
        _, found = studies_behind(self.session, INSTITUTION, EVER, BY_KEY[key], side, limit=limit)
        return sorted(study.accession_number for study in found)


@pytest.fixture(params=["sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'index.db'}"
    else:
        url = str(request.getfixturevalue("postgres_url"))
    archive = open_archive(url)
    with archive.database.writing() as session:
        yield Shelf(session, count(1))
    archive.database.close()


class TestNothingToCount:
    def test_an_empty_archive_is_neither_perfect_nor_bad(self, shelf):
        found = measure(shelf.session, INSTITUTION, EVER)
        assert len(found) == len(INDICATORS)
        assert {(item.numerator, item.denominator, item.ratio) for item in found} == {(0, 0, None)}

    def test_what_no_indicator_may_count(self, shelf):
        shelf.study(institution_code="12340000TEST000002")
        shelf.study(instance_count=0)
        shelf.study(study_date=None)
        assert set(shelf.counts().values()) == {(0, 0)}
        assert shelf.behind("patient_matched", Side.MISSING) == []
        assert undated(shelf.session, INSTITUTION) == 1

    def test_a_platform_that_is_not_connected_is_not_zero_percent(self, shelf):
        patient = shelf.patient()
        shelf.report(shelf.study(patient), {})
        assert shelf.counts()["registered"] == (0, 0)
        assert shelf.counts()["reported"] == (1, 1)

    def test_a_period_that_ends_before_it_begins_is_refused(self):
        with pytest.raises(PeriodReversed):
            Period(DAY, DAY - timedelta(days=1))


class TestPeriod:
    def test_both_its_days_count_and_no_other(self, shelf):
        for days in (-1, 0, 1, 2):
            shelf.study(study_date=DAY + timedelta(days=days))
        assert shelf.counts(Period(DAY, DAY + timedelta(days=1)))["reported"] == (0, 2)
        assert shelf.counts(Period(DAY, DAY))["reported"] == (0, 1)
        assert shelf.counts(Period(since=DAY))["reported"] == (0, 3)
        assert shelf.counts(Period(until=DAY))["reported"] == (0, 2)
        assert shelf.counts()["reported"] == (0, 4)


class TestCountedByHand:
    @pytest.fixture
    def filled(self, shelf) -> Shelf:
        first = shelf.patient(id_number_index="known")
        second = shelf.patient(sex="M", birth_date=date(1970, 1, 1))
        a = shelf.study(first, "CHEST", accession_number="A")
        shelf.report(a, {})
        shelf.link(a, "report_qr", holder="patient")
        shelf.link(a, "share", holder="share")
        shelf.document(a)
        shelf.document(a)
        shelf.download(a, first)
        shelf.registration(a, "registered")

        b = shelf.study(
            second,
            accession_number="",
            patient_birth_date=date(1970, 1, 1),  # the sex is another than registered
            manifest_version=None,
            first_received_at=EXAMINED + timedelta(hours=25),
        )
        late = {"reported_at": EXAMINED + timedelta(hours=24, seconds=1), "critical": True}
        shelf.report(b, {}, {"status": "amended", "impression": "  ", "verifying_physician": "", **late})
        shelf.download(b, first)  # not the patient of this study
        shelf.registration(b, "refused")

        unknown = {"patient_id": "", "patient_sex": "", "patient_birth_date": None}
        shelf.study(None, accession_number="C", study_time="", manifest_version=None, **unknown)

        d = shelf.study(first, "ABDOMEN", accession_number="D")
        shelf.report(d, {"status": "preliminary"})
        shelf.registration(d, "withdrawn")

        shelf.report(shelf.study(first, accession_number="E"), {}, {"status": "withdrawn"})

        f = shelf.study(first, accession_number="F", patient_birth_date=None)
        shelf.report(f, {"examined_at": None, "critical": None, "exam_code": ""}, {"status": "preliminary"})
        shelf.link(f, "report_qr", holder="doctor")

        g = shelf.study(second, accession_number="G", patient_sex="M", patient_birth_date=date(1970, 1, 1))
        shelf.report(g, {}, patient=first)  # left behind when the study was moved to another patient
        return shelf

    def test_every_indicator(self, filled):
        assert filled.counts() == {
            "patient_matched": (6, 7),  # not C
            "person_consistent": (4, 5),  # A D E G of A B D E G
            "person_complete": (5, 7),  # not C F
            "id_number_registered": (4, 6),  # A D E F of all but C
            "accession_present": (6, 7),  # not B
            "time_present": (6, 7),  # not C
            "body_part_present": (2, 7),  # A D
            "images_ready": (5, 7),  # not B C
            "images_in_time": (1, 2),  # A of A B
            "reported": (3, 7),  # A B F
            "report_complete": (2, 3),  # A F
            "item_coded": (2, 3),  # A B
            "report_signed": (2, 3),  # A F
            "report_timed": (2, 3),  # A B
            "report_in_time": (1, 2),  # A of A B
            "critical_stated": (2, 3),  # A B
            "critical": (1, 2),  # B of A B
            "amended": (1, 3),  # B
            "document_uploaded": (1, 3),  # A
            "link_issued": (2, 3),  # A F
            "opened": (1, 3),  # A
            "shared": (1, 3),  # A
            "download_prepared": (1, 3),  # A
            "registered": (1, 2),  # A of A B
        }

    @pytest.mark.clause("R4.4")
    def test_a_body_part_counts_as_it_was_normalised_once_it_was(self, filled):
        before = filled.counts()["body_part_present"]
        odd, described = (
            filled.study(body_part="BASE 3MM"),
            filled.study(body_part="", accession_number="DESCRIBED", study_date=DAY + timedelta(days=20)),
        )
        assert filled.counts()["body_part_present"] == (before[0] + 1, before[1] + 2)
        for study, part in ((odd, ""), (described, "胸部")):
            about = {"institution_code": INSTITUTION, "version": 1, "normalised_at": EXAMINED}
            row = filled.add(
                NormalisedStudyRow(
                    study_instance_uid=study.study_instance_uid, modalities=["DR"], body_parts=[part], **about
                )
            )
            filled.add(
                NormalisedSeriesRow(
                    institution_code=INSTITUTION,
                    study_id=row.id,
                    series_instance_uid="1",
                    device_key="0" * 32,
                    body_part=part,
                )
            )
        assert filled.counts()["body_part_present"] == (before[0] + 1, before[1] + 2)
        assert "DESCRIBED" in filled.behind("body_part_present", Side.COUNTED, limit=50)
        _, [shown, *_] = studies_behind(
            filled.session, INSTITUTION, EVER, BY_KEY["body_part_present"], Side.COUNTED, limit=50
        )
        assert (shown.modalities, shown.body_parts) == (("DR",), ("胸部",))

    def test_the_studies_behind(self, filled):
        assert filled.behind("reported", Side.MISSING) == ["C", "D", "E", "G"]
        assert filled.behind("reported", Side.COUNTED) == ["", "A", "F"]
        assert filled.behind("critical", Side.COUNTED) == [""]
        assert filled.behind("person_consistent", Side.MISSING) == [""]
        assert filled.behind("registered", Side.MISSING) == [""]

    def test_the_studies_behind_are_as_many_as_the_figure_says(self, filled):
        figures = filled.counts()
        counted = {key: len(filled.behind(key, Side.COUNTED)) for key in figures}
        missing = {key: len(filled.behind(key, Side.MISSING)) for key in figures}
        assert {key: (counted[key], counted[key] + missing[key]) for key in figures} == figures

    def test_no_more_than_asked_for_and_the_newest_first(self, filled):
        filled.study(accession_number="NEW", study_date=DAY + timedelta(days=9), modalities=["MR", "SR"])
        total, [newest] = studies_behind(filled.session, INSTITUTION, EVER, BY_KEY["reported"], Side.MISSING, limit=1)
        assert (total, newest.accession_number, newest.modalities) == (5, "NEW", ("MR", "SR"))


class TestWhichReport:
    @pytest.mark.parametrize(("seconds", "in_time"), [(-1, 0), (0, 1), (86_400, 1), (86_401, 0)])
    def test_in_time_is_up_to_24_hours_and_not_before_the_examination(self, shelf, seconds, in_time):
        study = shelf.study(shelf.patient(), first_received_at=EXAMINED + timedelta(seconds=seconds))
        shelf.report(study, {"reported_at": EXAMINED + timedelta(seconds=seconds)})
        found = shelf.counts()
        assert (found["report_in_time"], found["images_in_time"]) == ((in_time, 1), (in_time, 1))

    def test_is_the_one_that_people_read(self, shelf):
        study = shelf.study(shelf.patient())
        hours = [{"reported_at": EXAMINED + timedelta(hours=number)} for number in range(5)]
        shelf.report(study, {"critical": True, **hours[1]}, {"critical": True, **hours[2]})
        shelf.report(
            study,
            {"critical": True, **hours[3]},
            {"status": "amended", "critical": False, **hours[4]},
            {"critical": True, "outdated": True, **hours[3]},
        )
        shelf.report(study, {"critical": True, "reported_at": None})
        read = current_report(shelf.session, shelf.session.scalars(select(StudyRow)).one())
        assert read is not None
        assert (read.status, read.critical) == ("amended", False)
        found = shelf.counts()
        assert (found["reported"], found["critical"], found["amended"]) == ((1, 1), (0, 1), (1, 1))
