"""Links and grants: what a token opens, for how long, and what it never opens."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from imaging_core.domain.grants import Grant, Holder, Right
from imaging_core.domain.identifiers import PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.sharing.errors import LinkEnded, StudyWithoutPatient
from imaging_core.sharing.grants import grant_of, open_grant, revoke_grant, visible_studies
from imaging_core.sharing.links import (
    LinkIssuer,
    LinkKind,
    issue_report_link,
    redeem_link,
    revoke_link,
    usable_link,
)
from imaging_core.sharing.tables import LinkRow
from tests.builders.records import HOSPITAL, NOON, OTHER_HOSPITAL, add_patient, add_study

TTL = timedelta(minutes=30)
MOMENT = timedelta(microseconds=1)
ALL = frozenset(Right)
OWN_ONLY = ALL - {Right.HISTORY}


@pytest.fixture
def issuer() -> LinkIssuer:
    return LinkIssuer(b"\x05" * 32)


@pytest.fixture
def study(session) -> StudyRow:
    return add_study(session, patient_key=add_patient(session))


@pytest.fixture
def issued(session, issuer, study):
    return issue_report_link(session, issuer, study, NOON)


def expire(session, link_id: str, at) -> None:
    session.scalars(select(LinkRow).where(LinkRow.link_id == link_id)).one().expires_at = at
    session.flush()


class TestRedeem:
    @pytest.mark.parametrize("token", ["", "A" * 27, "../../etc/passwd", "\udc80", "令牌", "x" * 100_000])
    def test_a_guessed_token_opens_nothing(self, session, issued, token):
        assert redeem_link(session, token, NOON) is None

    def test_the_hash_in_the_database_is_no_token(self, session, issued):
        stored = session.scalars(select(LinkRow.token_hash)).one()
        assert redeem_link(session, stored, NOON) is None
        assert redeem_link(session, issued.link.link_id, NOON) is None

    def test_revoked_expired_and_unknown_links_look_the_same(self, session, issuer, issued, study):
        revoke_link(session, issued.link.link_id, NOON)
        second = issue_report_link(session, issuer, study, NOON)
        expire(session, second.link.link_id, NOON)
        assert redeem_link(session, issued.token, NOON) is None
        assert redeem_link(session, second.token, NOON) is None
        assert usable_link(session, second.link.link_id, NOON - MOMENT) is not None

    def test_a_study_moved_to_another_patient_ends_the_old_paper(self, session, issued, study):
        study.patient_key = add_patient(session, "TEST0002")
        session.flush()
        assert redeem_link(session, issued.token, NOON) is None

    def test_the_same_study_uid_in_another_hospital_does_not_keep_a_link_alive(self, session, issued, study):
        add_study(session, uid=study.study_instance_uid, institution=OTHER_HOSPITAL, patient_key=study.patient_key)
        study.patient_key = None
        session.flush()
        assert redeem_link(session, issued.token, NOON) is None

    @pytest.mark.clause("R3.2")
    def test_the_token_of_the_paper_opens_its_study_years_later(self, session, issued, study):
        link = redeem_link(session, issued.token, NOON + timedelta(days=15 * 365))
        assert link is not None
        assert (link.study, link.patient, link.kind) == (
            study.study_instance_uid,
            study.patient_key,
            LinkKind.REPORT_QR,
        )

    def test_the_last_use_is_noted(self, session, issued):
        redeem_link(session, issued.token, NOON + TTL)
        assert session.scalars(select(LinkRow.last_used_at)).one() == NOON + TTL


class TestIssue:
    def test_a_study_without_patient_gets_no_link(self, session, issuer):
        with pytest.raises(StudyWithoutPatient):
            issue_report_link(session, issuer, add_study(session), NOON)

    def test_printing_again_gives_the_same_code(self, session, issuer, issued, study):
        assert issue_report_link(session, issuer, study, NOON + TTL) == issued

    def test_after_revoking_a_new_print_has_a_new_code(self, session, issuer, issued, study):
        revoke_link(session, issued.link.link_id, NOON)
        again = issue_report_link(session, issuer, study, NOON)
        assert again.token != issued.token
        assert redeem_link(session, again.token, NOON) is not None

    def test_with_another_key_a_new_link_is_made_and_the_old_paper_still_works(self, session, issued, study):
        other = issue_report_link(session, LinkIssuer(b"\x06" * 32), study, NOON)
        assert other.link.link_id != issued.link.link_id
        assert redeem_link(session, issued.token, NOON) is not None
        assert redeem_link(session, other.token, NOON) is not None

    def test_the_token_has_162_bits_in_url_safe_characters_and_is_nowhere_in_the_database(self, session, issued):
        assert re.fullmatch(r"[A-Za-z0-9_-]{27}", issued.token)
        assert issued.token not in str(session.execute(text("SELECT * FROM links")).all())
        assert issued.token not in repr(issued)

    def test_a_short_key_is_refused(self):
        with pytest.raises(ValueError, match="32 bytes"):
            LinkIssuer(b"short")


class TestGrant:
    def test_no_grant_from_a_link_that_was_revoked_since(self, session, issued):
        revoke_link(session, issued.link.link_id, NOON)
        with pytest.raises(LinkEnded):
            open_grant(session, issued.link, ALL, NOON, TTL)

    @pytest.mark.parametrize("cookie", ["", "A" * 43, "\udc80"])
    def test_a_guessed_cookie_finds_no_grant(self, session, issued, cookie):
        open_grant(session, issued.link, ALL, NOON, TTL)
        assert grant_of(session, cookie, NOON) is None

    def test_a_grant_ends_to_the_moment(self, session, issued):
        grant, cookie = open_grant(session, issued.link, ALL, NOON, TTL)
        assert grant_of(session, cookie, NOON + TTL - MOMENT) == grant
        assert grant_of(session, cookie, NOON + TTL) is None

    def test_a_grant_does_not_outlive_its_link(self, session, issued):
        expire(session, issued.link.link_id, NOON + TTL / 2)
        grant, cookie = open_grant(session, issued.link, ALL, NOON, TTL)
        assert grant.expires_at == NOON + TTL / 2
        assert grant_of(session, cookie, NOON + TTL / 2) is None

    def test_shortening_a_link_ends_grants_that_were_opened_before(self, session, issued):
        _, cookie = open_grant(session, issued.link, ALL, NOON, TTL)
        expire(session, issued.link.link_id, NOON + TTL / 2)
        assert grant_of(session, cookie, NOON + TTL / 2) is None

    @pytest.mark.clause("R3.5")
    def test_revoking_a_link_ends_all_its_grants_at_once_and_no_others(self, session, issuer, issued):
        _, first = open_grant(session, issued.link, ALL, NOON, TTL)
        _, second = open_grant(session, issued.link, ALL, NOON, TTL)
        elsewhere = issue_report_link(
            session, issuer, add_study(session, patient_key=add_patient(session, "TEST0002")), NOON
        )
        _, third = open_grant(session, elsewhere.link, ALL, NOON, TTL)
        assert revoke_link(session, issued.link.link_id, NOON) is True
        assert [grant_of(session, cookie, NOON) is None for cookie in (first, second, third)] == [True, True, False]
        assert revoke_link(session, issued.link.link_id, NOON) is False

    def test_leaving_ends_only_ones_own_grant(self, session, issued):
        mine, first = open_grant(session, issued.link, ALL, NOON, TTL)
        _, second = open_grant(session, issued.link, ALL, NOON, TTL)
        revoke_grant(session, mine, NOON)
        assert grant_of(session, first, NOON) is None
        assert grant_of(session, second, NOON) is not None

    def test_rights_and_holder_are_kept(self, session, issued):
        rights = frozenset({Right.REPORT, Right.JPG})
        _, cookie = open_grant(session, issued.link, rights, NOON, TTL)
        grant = grant_of(session, cookie, NOON)
        assert grant is not None
        assert (grant.rights, grant.holder) == (rights, Holder.PATIENT)

    def test_the_cookie_is_not_in_the_database(self, session, issued):
        _, cookie = open_grant(session, issued.link, ALL, NOON, TTL)
        assert cookie not in str(session.execute(text("SELECT * FROM grants")).all())


@dataclass
class Ward:
    """One patient with two studies among everything that must stay hidden."""

    patient: PatientKey
    link_study: StudyRow
    older: StudyRow


@pytest.fixture
def ward(session) -> Ward:
    patient = add_patient(session)
    link_study, older = add_study(session, patient_key=patient), add_study(session, patient_key=patient)
    other = add_patient(session, "TEST0002")
    elsewhere = add_patient(session, institution=OTHER_HOSPITAL)
    add_study(session, patient_key=other, patient_id="TEST0001")
    add_study(session, patient_key=None)
    add_study(session, patient_key=elsewhere, institution=OTHER_HOSPITAL)
    # Hostile rows: the same UID and even the same key under another institution.
    add_study(session, uid=link_study.study_instance_uid, institution=OTHER_HOSPITAL, patient_key=patient)
    add_study(session, uid=older.study_instance_uid, institution=OTHER_HOSPITAL)
    return Ward(patient, link_study, older)


def grant_for(ward: Ward, rights=ALL) -> Grant:
    return Grant(
        grant_id="g",
        institution_code=HOSPITAL,
        patient=ward.patient,
        study=StudyInstanceUid(ward.link_study.study_instance_uid),
        rights=rights,
        holder=Holder.PATIENT,
        expires_at=NOON + TTL,
    )


class TestVisibleStudies:
    def seen(self, session, grant, now=NOON) -> set[int]:
        return {row.id for row in session.scalars(visible_studies(grant, now))}

    def test_nothing_once_expired(self, session, ward):
        grant = grant_for(ward)
        assert self.seen(session, grant, grant.expires_at) == set()
        assert self.seen(session, grant, grant.expires_at + timedelta(days=1)) == set()

    @pytest.mark.clause("R3.4")
    def test_with_history_all_studies_of_the_patient_and_no_other(self, session, ward):
        assert self.seen(session, grant_for(ward)) == {ward.link_study.id, ward.older.id}

    @pytest.mark.clause("R3.5")
    def test_without_history_only_the_study_of_the_link(self, session, ward):
        assert self.seen(session, grant_for(ward, OWN_ONLY)) == {ward.link_study.id}

    def test_a_study_moved_to_another_patient_is_gone_at_once(self, session, ward):
        ward.link_study.patient_key = add_patient(session, "TEST0002")
        session.flush()
        assert self.seen(session, grant_for(ward)) == {ward.older.id}
        assert self.seen(session, grant_for(ward, OWN_ONLY)) == set()

    def test_a_study_that_lost_its_patient_is_gone(self, session, ward):
        ward.link_study.patient_key = None
        session.flush()
        assert self.seen(session, grant_for(ward, OWN_ONLY)) == set()

    def test_a_patient_without_studies_sees_nothing_with_any_study_uid(self, session, ward):
        lonely = replace(grant_for(ward), patient=add_patient(session, "TEST0003"))
        assert self.seen(session, lonely) == set()

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        rows=st.lists(
            st.tuples(
                st.sampled_from([HOSPITAL, OTHER_HOSPITAL]),
                st.sampled_from([0, 1, 2, None]),
                st.sampled_from(["1.2.1", "1.2.2", "1.2.3"]),
            ),
            max_size=6,
            unique_by=lambda row: (row[0], row[2]),
        ),
        rights=st.frozensets(st.sampled_from(list(Right))),
        wanted=st.sampled_from(["1.2.1", "1.2.2", "1.2.9"]),
        seconds=st.integers(-2, 2),
    )
    def test_every_visible_study_is_of_this_patient_here_and_now(self, session, rows, rights, wanted, seconds):
        with session.begin_nested() as undone:
            keys = [add_patient(session, f"TEST{number}") for number in range(3)]
            for institution, owner, uid in rows:
                add_study(
                    session,
                    uid=uid,
                    institution=institution,
                    patient_key=None if owner is None else keys[owner],
                    patient_id="TEST0",
                )
            grant = Grant("g", HOSPITAL, keys[0], StudyInstanceUid(wanted), rights, Holder.PATIENT, NOON)
            seen = session.scalars(visible_studies(grant, NOON + timedelta(seconds=seconds))).all()
            expected = {
                uid
                for institution, owner, uid in rows
                if seconds < 0 and institution == HOSPITAL and owner == 0 and (uid == wanted or Right.HISTORY in rights)
            }
            assert {study.study_instance_uid for study in seen} == expected
            assert all((s.institution_code, s.patient_key) == (HOSPITAL, keys[0]) for s in seen)
            undone.rollback()
