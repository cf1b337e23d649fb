"""Sealing of fields, blind indexes, and the written forms of phone and ID numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.errors import DamagedField, UnknownFieldKey
from imaging_core.patients.identity import (
    IdNumberFault,
    id_number_fault,
    normalise_id_number,
    normalise_phone,
    same_id_numbers,
)
from tests.builders.hl7 import ID_NUMBER
from tests.builders.records import field_cipher

OLD, NEW, INDEX = b"\x01" * 32, b"\x03" * 32, b"\x02" * 32


class TestSealing:
    @given(text=st.text(max_size=60), row=st.text(max_size=20), position=st.integers(0, 10_000), bit=st.integers(0, 7))
    def test_one_flipped_bit_anywhere_is_noticed(self, text, row, position, bit):
        sealed = bytearray(field_cipher().encrypt(text, row=row))
        sealed[position % len(sealed)] ^= 1 << bit
        with pytest.raises((DamagedField, UnknownFieldKey)):
            field_cipher().decrypt(bytes(sealed), row=row)

    @pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02\x06test-1", b"\x01\xfftest-1", b"\x01\x06test-1short"])
    def test_what_was_never_sealed_does_not_open(self, sealed):
        with pytest.raises(DamagedField):
            field_cipher().open(sealed, row="a")

    def test_another_row_another_key_and_a_missing_key_do_not_open(self):
        sealed = field_cipher().encrypt("13800000001", row="a")
        with pytest.raises(DamagedField):
            field_cipher().decrypt(sealed, row="b")
        with pytest.raises(DamagedField):
            FieldCipher({"test-1": NEW}, "test-1", INDEX).decrypt(sealed, row="a")
        with pytest.raises(UnknownFieldKey):
            FieldCipher({"test-2": OLD}, "test-2", INDEX).decrypt(sealed, row="a")

    @given(text=st.text(), row=st.text())
    def test_what_was_sealed_opens_for_its_row(self, text, row):
        cipher = field_cipher()
        assert cipher.decrypt(cipher.encrypt(text, row=row), row=row) == text

    def test_the_same_value_is_sealed_differently_each_time(self):
        cipher = field_cipher()
        assert cipher.encrypt("1", row="a") != cipher.encrypt("1", row="a")

    def test_after_rotation_old_values_open_and_are_resealed_under_the_new_key(self):
        old = FieldCipher({"2025": OLD}, "2025", INDEX)
        both = FieldCipher({"2025": OLD, "2026": NEW}, "2026", INDEX)
        new = FieldCipher({"2026": NEW}, "2026", INDEX)
        sealed = old.encrypt("secret", row="a")
        assert both.needs_resealing(sealed)
        resealed = both.reseal(sealed, row="a")
        assert not both.needs_resealing(resealed)
        assert new.decrypt(resealed, row="a") == "secret"

    @pytest.mark.parametrize(
        "arguments",
        [
            ({"a": OLD}, "a", b"short"),
            ({"a": b"short"}, "a", INDEX),
            ({"a": OLD}, "a", OLD),
            ({"": OLD}, "", INDEX),
        ],
    )
    def test_weak_keys_are_refused(self, arguments):
        with pytest.raises(ValueError, match=r"key"):
            FieldCipher(*arguments)

    def test_a_current_key_that_was_not_handed_in_is_refused(self):
        with pytest.raises(UnknownFieldKey):
            FieldCipher({"a": OLD}, "b", INDEX)

    def test_repr_shows_no_key(self):
        assert "\\x01" not in repr(field_cipher())
        assert "test-1" in repr(field_cipher())


class TestBlindIndex:
    def test_purposes_and_keys_are_kept_apart(self):
        cipher, other = field_cipher(), FieldCipher({"a": OLD}, "a", b"\x09" * 32)
        indexes = {
            cipher.blind_index("1", purpose="phone"),
            cipher.blind_index("1", purpose="id_number"),
            cipher.blind_index("2", purpose="phone"),
            other.blind_index("1", purpose="phone"),
        }
        assert len(indexes) == 4

    def test_it_is_stable_over_rotation_of_the_field_keys(self):
        rotated = FieldCipher({"test-1": OLD, "n": NEW}, "n", INDEX)
        assert rotated.blind_index("1", purpose="phone") == field_cipher().blind_index("1", purpose="phone")


class TestWrittenForms:
    @pytest.mark.parametrize(
        ("typed", "phone"),
        [
            ("13800000001", "13800000001"),
            ("+8613800000001", "13800000001"),
            ("008613800000001", "13800000001"),
            ("（138）0000 0001", "13800000001"),
            ("8613800", "8613800"),
            ("0551-62283114", "055162283114"),
            ("", ""),
        ],
    )
    def test_phones(self, typed, phone):
        assert normalise_phone(typed) == phone

    @given(text=st.text(max_size=30))
    def test_normalising_twice_changes_nothing(self, text):
        phone, number = normalise_phone(text), normalise_id_number(text)
        assert normalise_id_number(number) == number
        assert phone.isdecimal() or phone == ""

    @pytest.mark.parametrize(
        ("typed", "fault"),
        [
            ("", IdNumberFault.LENGTH),
            (ID_NUMBER[:-1], IdNumberFault.LENGTH),
            ("A" + ID_NUMBER[1:], IdNumberFault.CHARACTERS),
            ("110101198013010010", IdNumberFault.BIRTH_DATE),
            (ID_NUMBER[:-1] + "1", IdNumberFault.CHECK_CHARACTER),
            (ID_NUMBER, None),
            (ID_NUMBER[:6] + ID_NUMBER[8:17], None),
        ],
    )
    def test_faults_of_id_numbers(self, typed, fault):
        assert id_number_fault(typed) is fault

    @given(position=st.integers(0, 16), digit=st.sampled_from("0123456789"))
    def test_any_single_wrong_digit_is_noticed(self, position, digit):
        changed = ID_NUMBER[:position] + digit + ID_NUMBER[position + 1 :]
        assert (id_number_fault(changed) is None) == (changed == ID_NUMBER)

    def test_old_and_new_numbers_are_each_others_twin(self):
        old = ID_NUMBER[:6] + ID_NUMBER[8:17]
        assert same_id_numbers(ID_NUMBER) == (ID_NUMBER, old)
        assert same_id_numbers(old) == (old, ID_NUMBER)
        assert same_id_numbers("E12345678") == ("E12345678", "E12345678")

    def test_somebody_born_after_1999_has_no_old_number(self):
        assert same_id_numbers("110101200501010012")[1] == "110101200501010012"
