"""Shares: what they give, how they are counted, and who may end them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from imaging_core.domain.grants import Grant, Holder, Right
from imaging_core.domain.identifiers import PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.sharing.errors import StudyWithoutPatient
from imaging_core.sharing.grants import grant_of, open_grant
from imaging_core.sharing.links import LinkIssuer, LinkKind, redeem_link
from imaging_core.sharing.shares import (
    MOST_WRONG_TRIES,
    ShareState,
    issue_share,
    note_opened,
    note_wrong_try,
    revoke_share,
    share_of,
    shares_of,
)
from tests.builders.records import HOSPITAL, NOON, add_patient, add_study

WEEK = timedelta(days=7)
ISSUER = LinkIssuer(b"\x05" * 32)


@pytest.fixture
def study(session) -> StudyRow:
    return add_study(session, patient_key=add_patient(session))


def share(session, study, *, more=frozenset(), passcode_hash="kept", expires_at=NOON + WEEK):
    return issue_share(session, ISSUER, study, passcode_hash=passcode_hash, more=more, expires_at=expires_at, now=NOON)


def owner(study: StudyRow) -> Grant:
    assert study.patient_key is not None
    return Grant(
        "g",
        HOSPITAL,
        PatientKey(study.patient_key),
        StudyInstanceUid(study.study_instance_uid),
        frozenset(Right),
        Holder.PATIENT,
        NOON + timedelta(hours=2),
    )


@pytest.mark.clause("R3.5")
class TestIssue:
    def test_a_share_shows_its_study_and_nothing_beyond_what_was_chosen(self, session, study):
        issued = share(session, study)
        found = share_of(session, issued.link.link_id)
        assert found is not None
        assert found.rights == {Right.REPORT, Right.JPG, Right.DICOM}
        assert issued.link.kind is LinkKind.SHARE

    def test_no_choice_lets_it_download_or_share_on(self, session, study):
        issued = share(session, study, more=frozenset(Right))
        found = share_of(session, issued.link.link_id)
        assert found is not None
        assert found.rights == frozenset(Right) - {Right.DOWNLOAD, Right.SHARE}

    def test_neither_token_nor_passcode_stand_in_the_database(self, session, study):
        issued = share(session, study)
        rows = str(
            session.execute(text("SELECT * FROM shares")).all() + session.execute(text("SELECT * FROM links")).all()
        )
        assert issued.token not in rows

    def test_a_report_link_is_no_share(self, session, study):
        assert share_of(session, "0" * 32) is None

    def test_a_study_without_patient_cannot_be_shared(self, session):
        with pytest.raises(StudyWithoutPatient):
            share(session, add_study(session))

    def test_it_ends_to_the_moment(self, session, study):
        issued = share(session, study)
        assert redeem_link(session, issued.token, NOON + WEEK - timedelta(microseconds=1)) is not None
        assert redeem_link(session, issued.token, NOON + WEEK) is None


class TestList:
    def test_newest_first_with_state_and_last_use(self, session, study):
        ended = share(session, study, expires_at=NOON)
        opened = share(session, study, more=frozenset({Right.HISTORY}), passcode_hash=None)
        note_opened(session, opened.link, NOON)
        note_opened(session, opened.link, NOON + timedelta(hours=1))
        first, second = shares_of(session, owner(study), NOON)
        assert (first.share_id, first.state, first.opened_count, first.protected) == (
            opened.link.link_id,
            ShareState.ACTIVE,
            2,
            False,
        )
        assert first.last_opened_at == NOON + timedelta(hours=1)
        assert Right.HISTORY in first.rights
        assert (second.share_id, second.state, second.last_opened_at) == (ended.link.link_id, ShareState.EXPIRED, None)

    def test_all_studies_of_the_patient_and_nobody_elses(self, session, study):
        other = add_study(session, patient_key=study.patient_key)
        foreign = add_study(session, patient_key=add_patient(session, "TEST0002"))
        mine = {share(session, item).link.link_id for item in (study, other)}
        share(session, foreign)
        assert {item.share_id for item in shares_of(session, owner(study), NOON)} == mine

    def test_a_study_moved_to_another_patient_takes_its_shares_out_of_both_lists(self, session, study):
        share(session, study)
        before = owner(study)
        study.patient_key = add_patient(session, "TEST0002")
        session.flush()
        assert shares_of(session, before, NOON) == shares_of(session, owner(study), NOON) == []


@pytest.mark.clause("R3.5")
class TestRevoke:
    def test_ends_what_was_opened_with_it_at_once(self, session, study):
        issued = share(session, study)
        _, cookie = open_grant(session, issued.link, frozenset({Right.REPORT}), NOON, WEEK)
        assert revoke_share(session, owner(study), issued.link.link_id, NOON) is True
        assert grant_of(session, cookie, NOON) is None
        assert redeem_link(session, issued.token, NOON) is None
        assert shares_of(session, owner(study), NOON)[0].state is ShareState.REVOKED
        assert revoke_share(session, owner(study), issued.link.link_id, NOON) is False

    def test_another_patients_share_and_an_unknown_one_look_the_same(self, session, study):
        issued = share(session, study)
        stranger = replace(owner(study), patient=add_patient(session, "TEST0002"))
        assert revoke_share(session, stranger, issued.link.link_id, NOON) is None
        assert revoke_share(session, stranger, "0" * 32, NOON) is None
        assert redeem_link(session, issued.token, NOON) is not None


class TestWrongTries:
    def test_too_many_in_its_whole_life_end_the_share(self, session, study):
        issued = share(session, study)
        ended = [note_wrong_try(session, issued.link, NOON) for _ in range(MOST_WRONG_TRIES)]
        assert ended == [False] * (MOST_WRONG_TRIES - 1) + [True]
        assert redeem_link(session, issued.token, NOON) is None
        assert session.scalars(select(StudyRow)).one() is study
        assert shares_of(session, owner(study), NOON)[0].state is ShareState.LOCKED
