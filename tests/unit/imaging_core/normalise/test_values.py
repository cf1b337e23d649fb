"""Dates, identifiers, sex and age as devices write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.normalise.dates import check_order, read_date, read_time
from imaging_core.normalise.identifiers import read_identifier, read_uid
from imaging_core.normalise.person import read_age, read_sex
from imaging_core.normalise.values import FindingCode, Judged

pytestmark = pytest.mark.clause("R4.4")


def codes(judged: Judged) -> list[str]:
    return [finding.code for finding in judged.findings]


class TestDates:
    @pytest.mark.parametrize(
        ("raw", "day", "rule", "found"),
        [
            ("20200131", "20200131", "date.da", []),
            ("2020.01.31", "20200131", "date.acr_nema", ["date_old_form"]),
            ("2020-1-31", "20200131", "date.acr_nema", ["date_old_form"]),
            ("2020年1月31日", "20200131", "date.acr_nema", ["date_old_form"]),
            ("20200131093000.000", "20200131", "date.date_time", ["date_old_form"]),
            ("20200231", "", "date.impossible", ["date_impossible"]),
            ("2020013", "", "date.impossible", ["date_impossible"]),
            ("31012020", "", "date.impossible", ["date_impossible"]),
            ("18000101", "18000101", "date.da", ["date_placeholder"]),
            ("19000101", "19000101", "date.da", ["date_placeholder"]),
            ("\0\0\0\0\0\0\0\0", "", "date.empty", []),
        ],
    )
    def test_each_form_is_read_or_named(self, raw: str, day: str, rule: str, found: list[str]):
        read, judged = read_date("study_date", raw)
        assert (judged.value.value, judged.value.rule, codes(judged)) == (day, rule, found)
        assert (read is None) == (day == "")

    @given(st.dates(min_value=date(1901, 1, 1)))
    def test_every_legal_date_comes_back_as_it_was(self, day: date):
        read, judged = read_date("study_date", f"{day:%Y%m%d}")
        assert read == day
        assert judged.findings == ()

    @given(st.text(max_size=20))
    def test_nothing_is_too_odd(self, raw: str):
        assert len(read_date("study_date", raw)[1].findings) <= 2
        assert len(read_time("study_time", raw).findings) <= 1

    @pytest.mark.parametrize(
        ("raw", "value", "found"),
        [
            ("103722.000000", "103722.000000", []),
            ("1200", "1200", []),
            ("10:19:38.29", "101938.29", ["time_old_form"]),
            ("9:05", "0905", ["time_old_form"]),
            ("246100", "", ["time_impossible"]),
            ("abc", "", ["time_impossible"]),
        ],
    )
    def test_times(self, raw: str, value: str, found: list[str]):
        judged = read_time("study_time", raw)
        assert (judged.value.value, codes(judged)) == (value, found)

    def test_a_study_after_it_was_received_or_before_birth_is_a_finding(self):
        def found(study: date, birth: date) -> list[str]:
            return [one.code for one in check_order(study=study, birth=birth, received=date(2026, 3, 1))]

        assert found(date(2026, 3, 2), date(1960, 1, 1)) == []
        assert found(date(2026, 3, 3), date(1960, 1, 1)) == [FindingCode.DATE_IN_FUTURE]
        assert found(date(2020, 1, 1), date(2021, 1, 1)) == [FindingCode.DATE_BEFORE_BIRTH]


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("raw", "value", "rule", "found"),
        [
            ("TEST0001 ", "TEST0001", "identifier.as_is", []),
            ("００１２\u300034", "001234", "identifier.cleaned", ["identifier_cleaned"]),
            ("12 34\t5", "12345", "identifier.cleaned", ["identifier_cleaned"]),
            ("0000", "", "identifier.placeholder", ["identifier_placeholder"]),
            ("unknown", "", "identifier.placeholder", ["identifier_placeholder"]),
            ("110101198001010010", "110101198001010010", "identifier.id_number", []),
            ("110101198001010011", "110101198001010011", "identifier.id_number", ["id_number_checksum"]),
            ("110101198013010011", "110101198013010011", "identifier.id_number", []),
            ("", "", "identifier.as_is", []),
        ],
    )
    def test_each_is_cleaned_or_named(self, raw: str, value: str, rule: str, found: list[str]):
        judged = read_identifier("patient_id", raw)
        assert (judged.value.value, judged.value.rule, codes(judged)) == (value, rule, found)

    @given(st.text(max_size=64))
    def test_cleaning_twice_changes_nothing_more(self, raw: str):
        once = read_identifier("patient_id", raw).value.value
        assert read_identifier("patient_id", once).value.value == once

    @pytest.mark.parametrize(
        ("uid", "found"),
        [
            ("1.2.840.10008.1", []),
            ("1.02.3", ["uid_form"]),
            ("2e2884fea560", ["uid_form"]),
            ("1." + "2" * 63, ["uid_form"]),
        ],
    )
    def test_a_uid_of_another_form_is_kept_and_named(self, uid: str, found: list[str]):
        judged = read_uid("study_instance_uid", uid)
        assert (judged.value.value, codes(judged)) == (uid, found)


class TestPerson:
    @pytest.mark.parametrize(
        ("raw", "value", "found"),
        [
            ("M ", "M", []),
            ("男", "M", []),
            ("female", "F", []),
            ("2", "F", []),
            ("X", "", ["sex_unknown"]),
            ("", "", []),
        ],
    )
    def test_sex(self, raw: str, value: str, found: list[str]):
        judged = read_sex(raw)
        assert (judged.value.value, codes(judged)) == (value, found)

    @pytest.mark.parametrize(
        ("raw", "value", "found"),
        [
            ("040Y", "040Y", []),
            ("40", "040Y", ["age_form"]),
            ("３岁", "003Y", ["age_form", "age_contradicts"]),
            ("18个月", "018M", ["age_form", "age_contradicts"]),
            ("old", "", ["age_form"]),
            ("000Y", "000Y", []),
        ],
    )
    def test_age_is_held_against_the_dates(self, raw: str, value: str, found: list[str]):
        judged = read_age(raw, study=date(2020, 6, 1), birth=date(1980, 1, 1))
        assert (judged.value.value, codes(judged)) == (value, found)
