from importlib.resources import files

import pytest

from api.demo.errors import DemoContentError
from api.demo.hospital import Phantom, load_hospital
from api.demo.laboratory import laboratory_results
from api.demo.recipes import FIRST_DIAMETER, POLYP_DIAMETER, SECOND_DIAMETER
from api.demo.region.second import second_hospital
from api.settings import DEMO_INSTITUTION_CODE

TEXT = files("api.demo").joinpath("hospital.yaml").read_text(encoding="utf-8")
HOSPITAL = load_hospital()
EXAMS = {exam.phantom: (patient, exam) for patient, exam in HOSPITAL.exams()}
SECOND = second_hospital()
THEIRS = {exam.phantom: exam for _, exam in SECOND.exams()}


class TestWhatCouldBeTakenForReal:
    @pytest.mark.parametrize(
        ("was", "becomes", "complaint"),
        [
            ("12000000001", "13800000001", "begins with 12"),
            ("990000196203150014", "110101196203150019", "begins with 99"),
            ("990000196203150014", "990000196203150015", "check character"),
            ("1962-03-15", "1962-03-16", "differ"),
            ("2025-09-15T09:58:00+08:00", "2025-09-15T09:00:00+08:00", "report comes after"),
            ("CT20260921008", "CT20250918021", "accession_number CT20250918021 is used 2 times"),
            ("modality: DX", "modalty: DX", "modality"),
            ("phantom: echo", "phantom: x-files", "phantom"),
            ("patients:", "patients: [", "not YAML"),
        ],
    )
    def test_is_refused_with_its_place(self, was, becomes, complaint):
        assert was in TEXT
        with pytest.raises(DemoContentError, match=complaint):
            load_hospital(TEXT.replace(was, becomes))


class TestHospital:
    def test_every_phantom_has_its_exam(self):
        assert EXAMS.keys() | THEIRS.keys() == set(Phantom)

    def test_belongs_to_the_demo_institution(self):
        assert HOSPITAL.institution_code == DEMO_INSTITUTION_CODE

    def test_both_scans_of_the_nodule_are_of_one_person_a_year_apart(self):
        (first_patient, first), (second_patient, second) = (
            EXAMS[phantom] for phantom in (Phantom.CHEST_CT_FIRST, Phantom.CHEST_CT_SECOND)
        )
        assert first_patient is second_patient
        assert 350 < (second.performed_at - first.performed_at).days < 380

    def test_the_reports_say_what_the_phantoms_show(self):
        first, second = (EXAMS[phantom][1].report for phantom in (Phantom.CHEST_CT_FIRST, Phantom.CHEST_CT_SECOND))
        size, later = f"直径约{FIRST_DIAMETER:.0f}mm", f"直径约{SECOND_DIAMETER:.0f}mm"
        for text in (first.findings, first.impression):
            assert "右肺上叶尖段" in text
            assert size in text
        for text in (second.findings, second.impression):
            assert all(words in text for words in ("右肺上叶尖段", later, f"{FIRST_DIAMETER:.0f}mm", "较前", "增大"))
        assert "2025-09-18" in second.findings

    def test_the_second_ct_patient_is_wholly_normal(self):
        patient, exam = EXAMS[Phantom.CHEST_CT_NORMAL]
        assert exam.report.impression == "胸部CT平扫未见明显异常。"
        assert "结节" not in exam.report.findings
        assert not [line for report in patient.laboratory for line in report.lines if line.flag]

    def test_age_is_counted_in_full_years_on_the_day_of_the_exam(self):
        patient, exam = EXAMS[Phantom.CHEST_CT_FIRST]
        assert patient.age_on(exam.performed_at.date()) == 63
        assert HOSPITAL.study_header(patient, exam).patient_age == "063Y"


class TestSecondHospital:
    def test_knows_a_person_of_ours_by_the_same_name_and_id_number(self):
        ours, theirs = HOSPITAL.patients[0], SECOND.patients[0]
        assert (theirs.name, theirs.id_number, theirs.birth_date) == (ours.name, ours.id_number, ours.birth_date)
        assert theirs.patient_id != ours.patient_id

    def test_the_reports_of_the_colonoscopy_and_the_biopsy_agree_with_the_pictures_and_each_other(self):
        seen, biopsy = THEIRS[Phantom.ENDOSCOPY], THEIRS[Phantom.MICROSCOPY]
        size = f"直径约{POLYP_DIAMETER:.0f}mm"
        assert size in seen.report.findings
        assert size in seen.report.impression
        assert biopsy.accession_number in seen.report.findings
        assert "乙状结肠" in biopsy.report.impression
        assert seen.report.reported_at < biopsy.report.reported_at


class TestLaboratory:
    def test_flags_agree_with_the_ranges(self):
        for _, results in laboratory_results(HOSPITAL):
            for result in results:
                low, _, high = result.reference_range.replace("<", "0-").partition("-")
                expected = "↑" if float(result.value) > float(high) else "↓" if float(result.value) < float(low) else ""
                assert result.flag == expected, result.item_name

    def test_every_patient_has_results_with_a_time(self):
        by_patient = dict(laboratory_results(HOSPITAL))
        assert set(by_patient) == {patient.patient_id for patient in HOSPITAL.patients}
        assert all(result.observed_at is not None for results in by_patient.values() for result in results)
