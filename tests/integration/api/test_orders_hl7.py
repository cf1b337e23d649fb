"""ORM^O01 as a HIS sends it: checked, kept for the plugin, acknowledged."""

import pytest
from sqlalchemy import select

from api.receivers import answer_hl7
from api.workflows.check_order_hl7 import answer_order
from imaging_core.reminders.tables import OrderCheckRow, OrderReceiptRow
from tests.builders import hl7
from tests.builders.orders import examined_elsewhere, orm

pytestmark = pytest.mark.integration


def answer(hospital, raw):
    reply = answer_order(hospital.services, raw)
    assert reply is not None
    return hl7.read_ack(reply)


def rows(hospital, table):
    with hospital.services.database.reading() as session:
        found = session.scalars(select(table)).all()
        for row in found:
            if isinstance(row, OrderCheckRow):
                assert row.items
        return found


class TestRefused:
    @pytest.mark.parametrize(
        ("raw", "location"),
        [
            (orm("胸部CT平扫", event="O99"), "MSH^1^9"),
            (orm("胸部CT平扫", patient_id=""), "PID^1^3"),
            (orm("胸部CT平扫", control="ZZ"), "ORC^1^1"),
            (orm("胸部CT平扫", control=""), "ORC^1^1"),
            (orm(""), "OBR^1^4"),
            (orm("胸" * 600), "OBR^1^4"),
            (orm(), "ORC"),
            (orm("胸部CT平扫").replace(b"|REQ1", b"|"), "OBR^1^2"),
        ],
    )
    def test_with_the_field_and_nothing_kept(self, clinic, raw, location):
        ack = answer(clinic, raw)
        assert (ack.code, ack.error_location) == ("AR", location)
        assert rows(clinic, OrderReceiptRow) == []

    def test_another_persons_name_is_told_nothing(self, clinic):
        examined_elsewhere(clinic, study="b")
        ack = answer(clinic, orm("胸部CT平扫", name="测试邻居"))
        assert (ack.code, ack.error_location) == ("AE", "PID^1^5")
        assert rows(clinic, OrderCheckRow) == []

    def test_other_messages_are_left_to_the_intake(self, clinic):
        assert answer_order(clinic.services, hl7.adt_a04()) is None
        assert answer_order(clinic.services, hl7.adt_a04(patient_id="ORM1")) is None
        assert answer_order(clinic.services, b"ORM nonsense") is None

    def test_a_database_that_fails_asks_for_another_try(self, clinic):
        clinic.services.database.close()
        (clinic.services.settings.data / "broken").mkdir()
        broken = type(clinic.services.database).open(f"sqlite:///{clinic.services.settings.data / 'broken'}")
        clinic.services.database, kept = broken, clinic.services.database
        try:
            assert answer(clinic, orm("胸部CT平扫")).code == "AE"
        finally:
            clinic.services.database = kept


class TestReceiver:
    def test_checks_orders_and_files_everything_else(self, clinic):
        examined_elsewhere(clinic, study="b")
        order, registration = orm("胸部CT平扫"), hl7.adt_a04(patient_id="TEST0009", name="测试新人", id_number="")
        acks = [hl7.read_ack(answer_hl7(clinic.services, raw)) for raw in (registration, order, b"ORM nonsense")]
        assert [ack.code for ack in acks] == ["AA", "AA", "AR"]
        (check,) = rows(clinic, OrderCheckRow)
        assert [item.level for item in check.items] == ["same"]


class TestTaken:
    @pytest.mark.clause("R2.6")
    def test_what_was_examined_is_kept_for_the_plugin(self, hospital):
        examined_elsewhere(hospital, study="b")
        ack = answer(hospital, orm("胸部+上腹部CT平扫"))
        assert (ack.code, ack.message_type) == ("AA", "ACK^O01^ACK")
        (check,) = rows(hospital, OrderCheckRow)
        (item,) = check.items
        assert (item.level, item.asks_reason, item.order_id) == ("same", True, "REQ1")
        assert [prior["item"] for prior in item.priors] == ["胸部CT平扫"]
        assert (check.ordered_by, check.encounter_class) == ("D001", "outpatient")
        (receipt,) = rows(hospital, OrderReceiptRow)
        assert (receipt.view_record_id, receipt.channel) == (check.view_record_id, "orm")

    def test_the_same_message_again_has_no_second_effect(self, clinic):
        raw = orm("胸部CT平扫")
        assert [answer(clinic, raw).code for _ in range(2)] == ["AA", "AA"]
        assert len(rows(clinic, OrderReceiptRow)) == 1

    def test_several_items_are_one_order(self, clinic):
        examined_elsewhere(clinic, study="b")
        answer(clinic, orm("头颅MRI平扫", "胸部CT平扫", encounter="E"))
        (check,) = rows(clinic, OrderCheckRow)
        assert [(item.level, item.asks_reason) for item in check.items] == [("none", False), ("same", False)]

    def test_a_cancelled_order_is_acknowledged_and_not_checked(self, clinic):
        assert answer(clinic, orm("胸部CT平扫", control="CA")).code == "AA"
        assert rows(clinic, OrderReceiptRow) == []

    def test_a_patient_nobody_registered_is_accepted_and_said_to_be_unknown(self, clinic):
        ack = answer(clinic, orm("胸部CT平扫", patient_id="NOBODY"))
        assert ack.code == "AA"
        assert "未登记" in ack.reason
        assert len(rows(clinic, OrderReceiptRow)) == 1
