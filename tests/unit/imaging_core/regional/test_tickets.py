"""Retrieval tickets and signatures: good for one institution, for minutes, and for nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imaging_core.interop.regional.fields import FieldNames
from imaging_core.interop.regional.signing import new_ticket, open_ticket, seal_ticket, sign_answer

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SECRET = b"shared with one hospital"
HOLDER = "12340000TEST000002"
LONGEST = timedelta(minutes=5)
TICKET = new_ticket(
    institution_code=HOLDER,
    examination_id="exam-1",
    requested_by="12340000TEST000001",
    view_record_id="record",
    now=NOW,
    lasts=timedelta(minutes=2),
)


def opened(sealed: str, *, secret: bytes = SECRET, institution_code: str = HOLDER, now: datetime = NOW):
    return open_ticket(secret, sealed, institution_code=institution_code, now=now, longest=LONGEST)


class TestTicket:
    def test_opens_as_it_was_sealed(self):
        assert opened(seal_ticket(SECRET, TICKET)) == TICKET

    def test_of_another_secret_does_not_open(self):
        assert opened(seal_ticket(b"other", TICKET)) is None

    def test_for_another_institution_does_not_open(self):
        assert opened(seal_ticket(SECRET, TICKET), institution_code="12340000TEST000003") is None

    def test_does_not_open_once_it_ended(self):
        sealed = seal_ticket(SECRET, TICKET)
        assert opened(sealed, now=NOW + timedelta(seconds=119)) is not None
        assert opened(sealed, now=NOW + timedelta(seconds=120)) is None

    def test_that_would_last_longer_than_we_allow_does_not_open(self):
        forever = replace(TICKET, expires_at=int((NOW + timedelta(days=1)).timestamp()))
        assert opened(seal_ticket(SECRET, forever)) is None

    def test_with_one_letter_changed_does_not_open(self):
        sealed = seal_ticket(SECRET, TICKET)
        for place in (0, 20, len(sealed) - 1):
            changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
            assert opened(changed) is None

    @pytest.mark.parametrize("nonsense", ["", ".", "a.b", "…", "\udc80", "A" * 100_000])
    def test_that_is_none_does_not_open(self, nonsense):
        assert opened(nonsense) is None

    def test_is_not_signed_by_the_signature_of_an_answer(self):
        content, _, _ = seal_ticket(SECRET, TICKET).partition(".")
        signature = sign_answer(SECRET, nonce="", timestamp="", path="", body=content.encode())
        assert opened(f"{content}.{signature}") is None


class TestFieldNames:
    def test_come_back_as_they_went_out(self):
        names = FieldNames({"organ_code": "orgCode", "name": "patientName"})
        message = {"organ_code": "1", "list": [{"name": "测试", "other": {"name": None}}]}
        assert names.inward(names.outward(message)) == message

    def test_that_would_make_two_fields_one_are_refused(self):
        with pytest.raises(ValueError, match="same name"):
            FieldNames({"a": "x", "b": "x"})
