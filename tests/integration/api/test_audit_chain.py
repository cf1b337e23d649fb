from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from api.audit.chain import seal_pending, verify
from api.audit.record import Actor, record
from api.db.tables import AuditEventRow, AuditLinkRow

pytestmark = pytest.mark.integration

KEY = b"k" * 32
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACTOR = Actor("patient", "grant:1", "12340000TEST000001")


@pytest.fixture
def written(database):
    with database.writing() as session:
        for number in range(5):
            at = NOON + timedelta(seconds=number)
            record(
                session,
                ACTOR,
                "study.viewed",
                object_kind="study",
                object_id=f"1.2.{number}",
                now=at,
                detail={"n": number, "why": "复查"},
            )
    with database.writing() as session:
        assert seal_pending(session, KEY) == (5, 5)
    return database


def faults(database, key=KEY, now=NOON):
    with database.reading() as session:
        return verify(session, key, now).faults


@pytest.mark.clause("R4.3")
class TestAuditChain:
    def test_an_untouched_chain_is_intact(self, written):
        with written.reading() as session:
            report = verify(session, KEY, NOON)
        assert report.intact
        assert (report.sealed, report.open) == (5, 0)

    def test_a_changed_row_breaks_it_and_is_named(self, written):
        with written.writing() as session:
            session.execute(update(AuditEventRow).where(AuditEventRow.object_id == "1.2.2").values(outcome="refused"))
        assert len(faults(written)) == 1
        assert "link 3" in faults(written)[0]

    def test_a_changed_detail_breaks_it(self, written):
        with written.writing() as session:
            session.execute(update(AuditEventRow).where(AuditEventRow.object_id == "1.2.0").values(detail={"n": 7}))
        assert "link 1" in faults(written)[0]

    def test_a_removed_event_breaks_it(self, written):
        with written.writing() as session:
            session.execute(delete(AuditEventRow).where(AuditEventRow.object_id == "1.2.1"))
        assert any("removed" in fault for fault in faults(written))

    def test_a_removed_link_with_its_event_breaks_it(self, written):
        with written.writing() as session:
            session.execute(delete(AuditEventRow).where(AuditEventRow.object_id == "1.2.1"))
            session.execute(delete(AuditLinkRow).where(AuditLinkRow.sequence == 2))
        assert any("link 2 is missing" in fault for fault in faults(written))

    def test_a_cut_off_end_breaks_it(self, written):
        with written.writing() as session:
            session.execute(delete(AuditEventRow).where(AuditEventRow.object_id == "1.2.4"))
            session.execute(delete(AuditLinkRow).where(AuditLinkRow.sequence == 5))
        with written.reading() as session:
            report = verify(session, KEY, NOON, head=5)
        assert any("ends at 4" in fault for fault in report.faults)

    def test_who_has_no_key_cannot_forge_it(self, written):
        assert len(faults(written, key=b"x" * 32)) == 5

    def test_an_event_that_is_never_sealed_is_a_fault_and_a_fresh_one_is_not(self, written):
        with written.writing() as session:
            record(session, ACTOR, "study.viewed", object_kind="study", object_id="1", now=NOON)
        assert faults(written, now=NOON + timedelta(seconds=5)) == ()
        assert "no seal" in faults(written, now=NOON + timedelta(hours=1))[0]
