"""Passcodes and extraction codes: forgiving to type, useless to who has only the database."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.sharing.codes import CodeHasher, check_passcode, new_extraction_code, new_passcode, tidy_code
from imaging_core.sharing.errors import PasscodeUnsuitable

HASHER = CodeHasher(b"\x05" * 32)


class TestHash:
    @settings(max_examples=10, deadline=None)
    @given(code=st.text(min_size=1, max_size=12), other=st.text(min_size=1, max_size=12))
    def test_a_code_matches_its_own_hash_and_no_other(self, code, other):
        assert HASHER.matches(HASHER.hash(code), code)
        assert HASHER.matches(HASHER.hash(code), other) is (tidy_code(code) == tidy_code(other))

    def test_the_database_alone_does_not_give_the_code(self):
        assert not CodeHasher(b"\x06" * 32).matches(HASHER.hash("482915"), "482915")

    @pytest.mark.parametrize("typed", ["４８２９ab", "482 9AB", " 4829-ab "])
    def test_what_a_phone_keyboard_adds_does_not_matter(self, typed):
        assert HASHER.matches(HASHER.hash("4829Ab"), typed)

    @pytest.mark.parametrize("kept", ["", "plain", "$argon2id$broken"])
    def test_a_damaged_hash_matches_nothing(self, kept):
        assert not HASHER.matches(kept, "482915")


class TestPasscode:
    def test_a_proposed_one_is_six_digits_and_passes_its_own_check(self):
        for _ in range(200):
            code = new_passcode()
            assert re.fullmatch(r"\d{6}", code)
            check_passcode(code)

    @pytest.mark.parametrize(
        "code", ["48a", "4" * 13, "4 8 1", "1234", "0123", "987654", "8888", "８８８８", "", "aaaa"]
    )
    def test_one_that_protects_nothing_is_refused(self, code):
        with pytest.raises(PasscodeUnsuitable) as refused:
            check_passcode(code)
        assert not code or code not in str(refused.value)

    @pytest.mark.parametrize("code", ["4815", "妈妈生日", "1224", "x" * 11 + "y"])
    def test_four_to_twelve_characters_of_any_kind_do(self, code):
        check_passcode(code)


class TestExtractionCode:
    def test_six_characters_none_of_which_looks_like_another(self):
        seen = {new_extraction_code() for _ in range(500)}
        assert len(seen) > 490
        assert not set("".join(seen)) & set("0OI1L2Z5S8B")
        assert {len(code) for code in seen} == {6}
