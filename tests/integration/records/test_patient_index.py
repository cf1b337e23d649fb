"""The patient index: registering, keeping secrets, matching studies, verifying visitors."""

import logging
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import ChangeRow
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.errors import DamagedField, IdentityConflict, PatientNotFound
from imaging_core.patients.matching import match_study
from imaging_core.patients.names import same_person_name
from imaging_core.patients.registration import EncounterClass
from imaging_core.patients.registry import (
    find_patient,
    phone_of,
    record_discharge,
    register_patient,
    reseal_patient,
)
from imaging_core.patients.tables import PatientRow
from imaging_core.patients.verification import verify_id_number, verify_phone
from tests.builders.hl7 import ID_NUMBER, PHONE
from tests.builders.records import HOSPITAL, NOON, OTHER_HOSPITAL, add_patient, add_study, field_cipher, registration

FULL_WIDTH_PHONE = "".join(chr(ord(digit) + 0xFEE0) for digit in PHONE)
OTHER_ID_NUMBER = "110101197506150022"


def kinds(session) -> list[str]:
    return list(session.scalars(select(ChangeRow.kind).order_by(ChangeRow.sequence)))


class TestRegister:
    def test_the_same_number_in_another_hospital_is_another_patient(self, session):
        here = add_patient(session)
        there = add_patient(session, institution=OTHER_HOSPITAL)
        assert here != there

    def test_another_name_and_another_id_number_under_a_known_patient_id_is_refused(self, session):
        key = add_patient(session)
        with pytest.raises(IdentityConflict) as refused:
            register_patient(session, field_cipher(), registration(name="别人", id_number=OTHER_ID_NUMBER), NOON)
        assert "别人" not in str(refused.value)
        assert OTHER_ID_NUMBER not in str(refused.value)
        assert session.get_one(PatientRow, key).name == "测试患者"

    def test_a_newborn_that_gets_its_name_stays_the_same_patient(self, session):
        baby = registration(name="测试患者之子", id_number=None)
        key = register_patient(session, field_cipher(), baby, NOON)
        assert register_patient(session, field_cipher(), replace(baby, name="测试小宝"), NOON) == key
        assert session.get_one(PatientRow, key).name == "测试小宝"

    def test_a_corrected_id_number_under_the_same_name_is_taken(self, session):
        key = add_patient(session)
        register_patient(session, field_cipher(), registration(id_number=OTHER_ID_NUMBER), NOON)
        assert verify_id_number(session, field_cipher(), key, OTHER_ID_NUMBER)
        assert not verify_id_number(session, field_cipher(), key, ID_NUMBER)

    def test_an_update_without_phone_keeps_the_phone_and_an_empty_one_clears_it(self, session):
        key = add_patient(session)
        register_patient(session, field_cipher(), registration(phone=None), NOON)
        assert phone_of(session, field_cipher(), key) == PHONE
        register_patient(session, field_cipher(), registration(phone=""), NOON)
        assert phone_of(session, field_cipher(), key) is None

    def test_an_older_visit_that_arrives_late_does_not_hide_the_newer_one(self, session):
        newer = replace(registration(), encounter_class=EncounterClass.INPATIENT, visit_at=NOON)
        older = replace(registration(), encounter_class=EncounterClass.OUTPATIENT, visit_at=NOON - timedelta(days=9))
        key = register_patient(session, field_cipher(), newer, NOON)
        register_patient(session, field_cipher(), older, NOON)
        row = session.get_one(PatientRow, key)
        assert (row.encounter_class, row.last_visit_at) == ("inpatient", NOON)

    def test_the_change_feed_tells_registration_from_update(self, session):
        add_patient(session)
        add_patient(session)
        session.flush()
        assert kinds(session) == ["patient_registered", "patient_updated"]


class TestSecrets:
    def test_no_column_of_the_database_holds_phone_or_id_number(self, session):
        add_patient(session)
        session.flush()
        for row in session.execute(text("SELECT * FROM patients")):
            written = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in map(_bytes, row))
            assert PHONE.encode() not in written
            assert ID_NUMBER.encode() not in written

    def test_repr_and_logs_of_a_registration_show_nobody(self, session, caplog):
        with caplog.at_level(logging.DEBUG):
            add_patient(session)
        shown = repr(registration()) + caplog.text
        for secret in (PHONE, ID_NUMBER, "测试患者", "1980", "TEST0001"):
            assert secret not in shown

    def test_a_sealed_value_moved_to_another_patient_does_not_open(self, session):
        first, second = add_patient(session), add_patient(session, "TEST0002")
        session.get_one(PatientRow, second).phone_sealed = session.get_one(PatientRow, first).phone_sealed
        with pytest.raises(DamagedField):
            phone_of(session, field_cipher(), second)

    def test_rotation_puts_both_fields_under_the_new_key_once(self, session):
        key = add_patient(session)
        rotated = FieldCipher({"test-1": b"\x01" * 32, "test-2": b"\x03" * 32}, "test-2", b"\x02" * 32)
        assert reseal_patient(session, rotated, key) is True
        assert reseal_patient(session, rotated, key) is False
        only_new = FieldCipher({"test-2": b"\x03" * 32}, "test-2", b"\x02" * 32)
        assert phone_of(session, only_new, key) == PHONE


class TestDischarge:
    def test_an_unknown_patient_cannot_be_discharged(self, session):
        with pytest.raises(PatientNotFound):
            record_discharge(session, institution_code=HOSPITAL, patient_id="NOBODY", discharged_at=NOON, now=NOON)

    def test_only_a_later_discharge_moves_the_date(self, session):
        key = add_patient(session)
        for days in (0, -3, 5):
            record_discharge(
                session,
                institution_code=HOSPITAL,
                patient_id="TEST0001",
                discharged_at=NOON + timedelta(days=days),
                now=NOON,
            )
        assert session.get_one(PatientRow, key).discharged_at == NOON + timedelta(days=5)


class TestMatchStudies:
    def test_images_that_came_before_the_registration_get_their_patient(self, session):
        study = add_study(session)
        key = add_patient(session)
        assert study.patient_key == key

    def test_images_that_come_after_the_registration_get_their_patient(self, session):
        key = add_patient(session)
        study = add_study(session)
        assert match_study(session, study, NOON) is True
        assert study.patient_key == key

    def test_a_study_of_another_hospital_with_the_same_number_stays_alone(self, session):
        study = add_study(session, institution=OTHER_HOSPITAL)
        add_patient(session)
        assert study.patient_key is None

    def test_a_study_without_patient_id_belongs_to_nobody(self, session):
        study = add_study(session, patient_id="")
        assert match_study(session, study, NOON) is False

    @pytest.mark.parametrize(
        "header",
        [
            {"patient_name": "LI^SI", "patient_sex": "M"},
            {"patient_name": "李四"},
            {"patient_name": "测试患者", "patient_sex": "M", "patient_birth_date": date(1951, 2, 3)},
            {"patient_name": "", "patient_sex": "", "patient_birth_date": None},
            {"patient_name": "ce4shi4 broken", "patient_sex": "", "patient_birth_date": None},
        ],
    )
    def test_a_header_that_names_somebody_else_is_left_for_a_person_and_told_once(self, session, header):
        study = add_study(session, **header)
        add_patient(session)
        add_patient(session)
        assert match_study(session, study, NOON) is False
        assert study.patient_key is None
        session.flush()
        assert kinds(session).count("study_patient_conflict") == 1

    @pytest.mark.parametrize(
        "header",
        [
            {"patient_name": "CE^SHI HUAN ZHE"},
            {"patient_name": "CeShi^HuanZhe=测试^患者", "patient_sex": "M"},
            {"patient_name": "测试患者", "patient_birth_date": date(1981, 1, 1)},
            {"patient_name": "", "patient_sex": ""},
            {"patient_name": "ce4shi4 broken"},
        ],
    )
    def test_the_same_name_in_another_writing_or_a_single_difference_matches(self, session, header):
        study = add_study(session, **header)
        assert study.patient_key is None
        key = add_patient(session)
        assert study.patient_key == key


class TestVerify:
    def test_an_unknown_patient_a_missing_phone_and_a_wrong_phone_look_the_same(self, session):
        key = register_patient(session, field_cipher(), registration(phone=None, id_number=None), NOON)
        for patient in (key, PatientKey(key + 1000)):
            assert verify_phone(session, field_cipher(), patient, PHONE) is False
            assert verify_phone(session, field_cipher(), patient, "") is False
            assert verify_id_number(session, field_cipher(), patient, ID_NUMBER) is False
            assert verify_id_number(session, field_cipher(), patient, "") is False

    @pytest.mark.clause("R3.5")
    @pytest.mark.parametrize("typed", [PHONE, "+86 " + PHONE, "0086" + PHONE, "138-0000-0001", FULL_WIDTH_PHONE])
    def test_the_phone_on_record_is_accepted_however_it_is_typed(self, session, typed):
        assert verify_phone(session, field_cipher(), add_patient(session), typed) is True

    @pytest.mark.clause("R3.5")
    @pytest.mark.parametrize("typed", ["", "13800000002", "3800000001", "113800000001", "'; DROP TABLE patients"])
    def test_any_other_phone_is_refused(self, session, typed):
        assert verify_phone(session, field_cipher(), add_patient(session), typed) is False

    @pytest.mark.clause("R3.5")
    def test_an_id_number_is_accepted_in_lower_case_with_blanks_and_in_its_old_form(self, session):
        key = register_patient(session, field_cipher(), registration(id_number="11010119800101007x"), NOON)
        for typed in ("11010119800101007X", " 110101 19800101 007x ", "110101800101007"):
            assert verify_id_number(session, field_cipher(), key, typed) is True
        assert verify_id_number(session, field_cipher(), key, "110101800101999") is False

    def test_a_record_with_an_old_15_digit_number_accepts_the_new_one(self, session):
        key = register_patient(session, field_cipher(), registration(id_number=ID_NUMBER[:6] + ID_NUMBER[8:17]), NOON)
        assert verify_id_number(session, field_cipher(), key, ID_NUMBER) is True

    def test_one_patients_number_does_not_verify_another(self, session):
        add_patient(session)
        other = register_patient(
            session, field_cipher(), registration("TEST0002", phone="13800000002", id_number=OTHER_ID_NUMBER), NOON
        )
        assert verify_phone(session, field_cipher(), other, PHONE) is False
        assert verify_id_number(session, field_cipher(), other, ID_NUMBER) is False


class TestNames:
    def test_a_name_on_paper_is_compared_with_the_patient(self, session):
        key = add_patient(session)
        assert same_person_name(session, key, " 测试 患者 ") is True
        assert same_person_name(session, key, "册市患者") is False
        assert same_person_name(session, PatientKey(key + 1000), "测试患者") is False

    def test_a_patient_is_found_by_number_within_the_hospital_only(self, session):
        key = add_patient(session)
        assert find_patient(session, institution_code=HOSPITAL, patient_id="TEST0001") == key
        assert find_patient(session, institution_code=OTHER_HOSPITAL, patient_id="TEST0001") is None


def _bytes(value):
    return value.tobytes() if isinstance(value, memoryview) else value
