"""Values as Chinese systems write them."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.interop.hl7v2.errors import FieldProblem
from imaging_core.interop.hl7v2.fields import (
    CHINA,
    date_of,
    encounter_of,
    id_number_of,
    patient_id_of,
    person_name,
    phone_of,
    physician_name,
    sex_of,
    time_of,
)
from imaging_core.interop.hl7v2.message import Segment, read_message
from imaging_core.interop.hl7v2.registration import discharge_time, read_registration
from imaging_core.patients.registration import EncounterClass
from tests.builders.hl7 import ID_NUMBER, PHONE, adt_a03, adt_a04, message, msh
from tests.builders.records import HOSPITAL, NOON


def segment(line: str) -> Segment:
    return read_message(message(msh("ADT^A04"), line)).segments[1]


def pid(**fields: str) -> Segment:
    values = [""] * 41
    values[0] = "PID"
    for name, value in fields.items():
        values[int(name.removeprefix("f"))] = value
    return segment("|".join(values))


class TestTimes:
    @pytest.mark.parametrize(
        "text", ["", "2025", "20250230", "20251301", "2025-03", "99999999", "20250310256060", "昨天", "00000101", "1"]
    )
    def test_nonsense_is_no_time(self, text):
        assert time_of(text) is None

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("20250310", datetime(2025, 3, 10, tzinfo=CHINA)),
            ("202503100930", datetime(2025, 3, 10, 9, 30, tzinfo=CHINA)),
            ("20250310093015", datetime(2025, 3, 10, 9, 30, 15, tzinfo=CHINA)),
            ("20250310093015.1234", datetime(2025, 3, 10, 9, 30, 15, tzinfo=CHINA)),
            ("20250310093015+0000", datetime(2025, 3, 10, 9, 30, 15, tzinfo=UTC)),
            ("2025-03-10", datetime(2025, 3, 10, tzinfo=CHINA)),
            ("2025-3-1", datetime(2025, 3, 1, tzinfo=CHINA)),
            ("2025/03/10 09:30", datetime(2025, 3, 10, 9, 30, tzinfo=CHINA)),
            ("2025-03-10 09:30:15", datetime(2025, 3, 10, 9, 30, 15, tzinfo=CHINA)),
            ("2025-03-10T01:30:15Z", datetime(2025, 3, 10, 9, 30, 15, tzinfo=CHINA)),
            ("2025年3月10日", datetime(2025, 3, 10, tzinfo=CHINA)),
            ("２０２５０３１０", datetime(2025, 3, 10, tzinfo=CHINA)),
        ],
    )
    def test_what_hospitals_write_is_read(self, text, expected):
        assert time_of(text) == expected

    @given(day=st.dates(min_value=date(1880, 1, 1), max_value=date(2100, 1, 1)))
    def test_every_day_comes_back_in_each_writing(self, day):
        assert date_of(day.strftime("%Y%m%d")) == date_of(day.isoformat()) == date_of(f"{day}T00:00:00") == day

    @given(text=st.text(max_size=40))
    def test_any_text_is_survived(self, text):
        at = time_of(text)
        assert at is None or at.tzinfo is not None


class TestPeople:
    @pytest.mark.parametrize(
        ("sent", "sex"),
        [("男", "M"), ("女", "F"), ("m", "M"), ("F", "F"), ("1", "M"), ("2", "F"), ("U", "O"), ("9", "O"), ("x", None)],
    )
    def test_sex(self, sent, sex):
        assert sex_of(sent) == sex

    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            ("I", EncounterClass.INPATIENT),
            ("住院", EncounterClass.INPATIENT),
            ("门诊病人", EncounterClass.OUTPATIENT),
            ("E", EncounterClass.EMERGENCY),
            ("体检", EncounterClass.CHECKUP),
            ("?", None),
        ],
    )
    def test_kind_of_visit(self, sent, expected):
        assert encounter_of(sent) is expected

    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ("张三", "张三"),
            ("张三^ZhangSan", "张三"),
            ("测试^患者", "测试患者"),
            ("Zhang^San", "Zhang San"),
            ("Zhang^San~张三", "张三"),
            ("阿依古丽·买买提", "阿依古丽·买买提"),
            ("𠮷田^Yoshida", "𠮷田"),
            ("", ""),
        ],
    )
    def test_names(self, sent, name):
        assert person_name(pid(f5=sent), 5) == name

    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ("D002^李四", "李四"),
            ("李四", "李四"),
            ("D002&李&四", "李四"),
            ("D1^Li^Si", "Li Si"),
            ("D1", "D1"),
            ("", ""),
        ],
    )
    def test_physicians(self, sent, name):
        assert physician_name(pid(f5=sent), 5) == name

    @pytest.mark.parametrize(
        "sent", [PHONE, "+86 138 0000 0001", "0551-62283114~" + PHONE, "^PRN^PH^^^^" + PHONE, "138-0000-0001^家属"]
    )
    def test_the_mobile_number_is_found(self, sent):
        assert phone_of(pid(f13=sent), 13) == PHONE

    @pytest.mark.parametrize(("sent", "phone"), [("0551-62283114", "055162283114"), ("无", None), ("123", None)])
    def test_other_numbers(self, sent, phone):
        assert phone_of(pid(f13=sent), 13) == phone


class TestNumbers:
    @pytest.mark.parametrize(
        "fields",
        [
            {"f19": ID_NUMBER},
            {"f3": f"T1~{ID_NUMBER}^^^^身份证"},
            {"f3": f"{ID_NUMBER}^^^^NI~T1^^^^MR"},
            {"f3": f"T1~{ID_NUMBER}"},
            {"f3": "T1", "f27": ID_NUMBER},
            {"f3": "T1", "f40": ID_NUMBER},
        ],
    )
    def test_the_id_number_is_found_wherever_it_stands(self, fields):
        assert id_number_of(pid(**{"f3": "T1", **fields})) == ID_NUMBER
        assert patient_id_of(pid(**{"f3": "T1", **fields})) == "T1"

    @pytest.mark.parametrize("fields", [{}, {"f19": "无"}, {"f27": "110101198001010011"}, {"f20": "1" * 18}])
    def test_a_number_without_valid_check_digit_in_a_late_field_is_none(self, fields):
        assert id_number_of(pid(f3="T1", **fields)) is None

    def test_a_stated_number_is_kept_also_when_its_check_digit_is_wrong(self):
        assert id_number_of(pid(f3="T1", f19="11010119800101001x")) == "11010119800101001X"

    def test_the_patient_number_falls_back_to_pid_2_and_to_the_id_number(self):
        assert patient_id_of(pid(f2="T2")) == "T2"
        assert patient_id_of(pid(f3=ID_NUMBER)) == ID_NUMBER
        assert patient_id_of(pid()) == ""


class TestRegistration:
    def read(self, raw: bytes):
        return read_registration(read_message(raw), HOSPITAL, NOON)

    @pytest.mark.parametrize(
        ("change", "location"),
        [
            ({"patient_id": ""}, "PID-3"),
            ({"patient_id": '""'}, "PID-3"),
            ({"patient_id": "9" * 65}, "PID-3"),
            ({"name": ""}, "PID-5"),
            ({"name": "长" * 65}, "PID-5"),
            ({"encounter_class": ""}, "PV1-2"),
        ],
    )
    def test_what_is_needed_and_missing_is_named(self, change, location):
        with pytest.raises(FieldProblem) as refused:
            self.read(adt_a04(**change))
        assert refused.value.location == location

    def test_what_cannot_be_read_is_left_out_and_said(self):
        read = self.read(adt_a04(sex="?", birth_date="去年", phone="无", encounter_class="?"))
        assert [warning[:5] for warning in read.warnings] == ["PID-8", "PID-7", "PID-1", "PV1-2"]
        assert (read.registration.sex, read.registration.birth_date, read.registration.phone) == (None, None, None)

    def test_an_explicit_null_clears_and_a_missing_field_keeps(self):
        nulls = self.read(adt_a04(phone='""', id_number='""')).registration
        missing = self.read(adt_a04(phone="", id_number="")).registration
        assert (nulls.phone, nulls.id_number) == ("", "")
        assert (missing.phone, missing.id_number) == (None, None)

    def test_a_visit_years_ahead_is_not_believed(self):
        raw = adt_a04().replace(b"20250310093000", b"20520310093000")
        assert self.read(raw).registration.visit_at is None

    def test_a_complete_registration(self):
        registration = self.read(adt_a04()).registration
        assert registration.patient_id == "TEST0001"
        assert registration.birth_date == date(1980, 1, 1)
        assert (registration.sex, registration.phone, registration.id_number) == ("F", PHONE, ID_NUMBER)
        assert registration.encounter_class is EncounterClass.OUTPATIENT

    @pytest.mark.parametrize("stated", ["昨天", "20520101"])
    def test_a_discharge_time_that_makes_no_sense_is_refused(self, stated):
        raw = message(msh("ADT^A03"), "PID|1||T1||测试", "PV1" + "|" * 45 + stated)
        with pytest.raises(FieldProblem) as refused:
            discharge_time(read_message(raw), NOON)
        assert refused.value.location == "PV1-45"

    def test_without_pv1_45_the_time_of_the_event_counts(self):
        raw = message(msh("ADT^A03"), "EVN|A03|20250315093000", "PID|1||T1||测试", "PV1|1|I")
        assert discharge_time(read_message(raw), NOON) == datetime(2025, 3, 15, 9, 30, tzinfo=CHINA)
        with pytest.raises(FieldProblem):
            discharge_time(read_message(message(msh("ADT^A03"), "PID|1||T1||测试")), NOON)

    def test_the_builders_discharge_is_read(self):
        at = datetime(2025, 3, 15, 9, 30, tzinfo=CHINA)
        assert discharge_time(read_message(adt_a03(discharged_at=at)), NOON) == at
