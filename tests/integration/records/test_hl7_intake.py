"""HL7 messages from the bytes to the database and back to the acknowledgement."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from imaging_core.blobs import BlobRef, MemoryBlobStore
from imaging_core.domain.identifiers import PatientKey
from imaging_core.errors import StorageFull
from imaging_core.index.tables import QuarantineRow, StudyRow
from imaging_core.interop.hl7v2.intake import handle_message, refuse_oversize
from imaging_core.interop.hl7v2.profile import IntakeProfile
from imaging_core.interop.hl7v2.tables import Hl7MessageRow
from imaging_core.patients.tables import PatientRow
from imaging_core.patients.verification import verify_id_number, verify_phone
from imaging_core.reports.reading import current_report
from imaging_core.reports.tables import ReportRow, ReportVersionRow
from tests.builders.hl7 import (
    FINDINGS,
    ID_NUMBER,
    PHONE,
    SENT_AT,
    adt_a03,
    adt_a04,
    message,
    msh,
    oru_r01,
    read_ack,
)
from tests.builders.records import HOSPITAL, NOON, OTHER_HOSPITAL, add_patient, add_study


def rows(records, table) -> int:
    with records.database.reads() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def everything(records) -> int:
    return sum(rows(records, t) for t in (PatientRow, ReportRow, ReportVersionRow, QuarantineRow, Hl7MessageRow))


@pytest.mark.clause("R2.3")
class TestRefused:
    @pytest.mark.parametrize(
        ("raw", "location"),
        [
            (b"", "MSH"),
            (b"not HL7 at all", "MSH"),
            (b"\x00\xff\x80" * 30, "MSH-18"),
            (adt_a04(charset="BIG5"), "MSH-18^"),
            (adt_a04(control_id=""), "MSH^1^10"),
            (adt_a04(patient_id=""), "PID^1^3"),
            (adt_a04(name=""), "PID^1^5"),
            (adt_a04(event="A24"), "MSH^1^9"),
            (message(msh("ORM^O01"), "PID|1||T1"), "MSH^1^9"),
            (message(msh(""), "PID|1||T1"), "MSH^1^9"),
            (message(msh("ADT^A04")), "PID"),
            (message(msh("ADT^A04"), "PID|1||T1||测试"), "PV1^1^2"),
            (oru_r01(findings="", impression=""), "OBX^1^5"),
            (oru_r01(status=""), "OBR^1^25"),
            (oru_r01(patient_id=""), "PID^1^3"),
        ],
    )
    def test_what_cannot_be_taken_stores_nothing_and_names_the_field(self, records, raw, location):
        ack = read_ack(records.take(raw))
        assert ack.code == "AR"
        assert ack.reason
        assert ack.error_location.startswith(location.rstrip("^").replace("MSH-18", "MSH^1^18"))
        assert everything(records) == 0

    @pytest.mark.parametrize("raw", [adt_a04(), adt_a04(event="A08"), adt_a03(), oru_r01(study_instance_uid="1.2.3")])
    def test_a_message_cut_anywhere_is_never_taken_for_a_whole_one_unawares(self, records, raw):
        # The last segment may miss its line end and trailing optional fields; everything shorter is refused.
        head = raw[: raw.index(b"\rPV1") if b"\rPV1" in raw else raw.index(b"\rOBX|2")]
        for length in range(0, len(head) if b"A08" not in raw and b"A03" not in raw else raw.index(b"\rPID"), 7):
            ack = read_ack(records.take(raw[:length]), encoding="gb18030")
            assert ack.code == "AR", raw[:length]
        assert everything(records) == 0

    def test_an_unknown_sender_is_refused_where_several_hospitals_send(self, records):
        profile = IntakeProfile(HOSPITAL, facilities={"EAST": HOSPITAL, "WEST": OTHER_HOSPITAL})
        assert read_ack(records.take(adt_a04(facility="NORTH"), profile=profile)).error_location == "MSH^1^4"
        assert read_ack(records.take(adt_a04(facility="WEST"), profile=profile)).code == "AA"
        with records.database.reads() as session:
            assert session.scalars(select(PatientRow.institution_code)).one() == OTHER_HOSPITAL

    def test_an_oversize_message_is_answered_by_its_control_id(self, records):
        answer = refuse_oversize(adt_a04(control_id="BIG1")[:200], profile=records.profile, now=NOON)
        ack = read_ack(answer)
        assert (ack.code, ack.control_id) == ("AR", "BIG1")


class TestFailures:
    def test_a_database_that_fails_at_commit_is_answered_ae_and_the_resend_is_taken(self, records):
        raw = adt_a04()

        def fail(_session):
            raise OperationalError("commit", {}, Exception("disk full"))

        event.listen(records.database.writes, "before_commit", fail)
        ack = read_ack(records.take(raw))
        event.remove(records.database.writes, "before_commit", fail)
        assert ack.code == "AE"
        assert everything(records) == 0
        assert read_ack(records.take(raw)).code == "AA"

    def test_a_full_blob_store_is_answered_ae_and_nothing_pretends_to_be_kept(self, records):
        class Full(MemoryBlobStore):
            def put(self, content, *, limit=None):
                raise StorageFull

        answer = handle_message(
            oru_r01(),
            profile=records.profile,
            sessions=records.database.writes,
            cipher=records.cipher,
            blobs=Full(),
            now=NOON,
        )
        assert read_ack(answer).code == "AE"
        assert everything(records) == 0


class TestRegistration:
    @pytest.mark.clause("R2.3")
    @pytest.mark.parametrize(
        ("charset", "encoding"), [("GB18030", "gb18030"), ("", "gb18030"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8")]
    )
    def test_a_registration_is_answered_in_its_own_charset_and_verifies_the_patient(self, records, charset, encoding):
        raw = adt_a04(charset=charset, encoding=encoding, control_id="C1")
        ack = read_ack(records.take(raw), encoding=encoding)
        assert (ack.code, ack.control_id, ack.message_type) == ("AA", "C1", "ACK^A04^ACK")
        with records.database.reads() as session:
            row = session.scalars(select(PatientRow)).one()
            assert (row.name, row.sex, row.encounter_class) == ("测试患者", "F", "outpatient")
            assert verify_phone(session, records.cipher, PatientKey(row.id), PHONE)
            assert verify_id_number(session, records.cipher, PatientKey(row.id), ID_NUMBER)

    def test_a_duplicate_is_accepted_without_a_second_effect(self, records):
        raw = adt_a04()
        records.take(raw)
        records.take(adt_a04(event="A08", phone="13800000002"))
        assert read_ack(records.take(raw)).code == "AA"
        with records.database.reads() as session:
            key = session.scalars(select(PatientRow.id)).one()
            assert verify_phone(session, records.cipher, PatientKey(key), "13800000002")

    def test_unreadable_details_are_accepted_and_said(self, records):
        ack = read_ack(records.take(adt_a04(birth_date="去年")))
        assert ack.code == "AA"
        assert ack.reason.startswith("PID-7")

    def test_another_identity_under_a_known_number_waits_for_a_person(self, records):
        records.take(adt_a04())
        ack = read_ack(records.take(adt_a04(name="别人", id_number="110101197506150022")))
        assert (ack.code, ack.error_location) == ("AE", "PID^1^19")
        with records.database.reads() as session:
            assert session.scalars(select(PatientRow.name)).one() == "测试患者"
            assert session.scalars(select(QuarantineRow.reason_code)).one() == "identity_conflict"

    def test_the_same_registration_on_many_connections_makes_one_patient(self, records):
        messages = [adt_a04(control_id=f"P{number}") for number in range(8)] + [adt_a04(control_id="P0")] * 4
        with ThreadPoolExecutor(6) as threads:
            codes = {read_ack(answer).code for answer in threads.map(records.take, messages)}
        assert codes == {"AA"}
        assert rows(records, PatientRow) == 1
        assert rows(records, Hl7MessageRow) == 8

    def test_a_discharge_sets_the_date_also_for_a_patient_never_registered_here(self, records):
        for patient_id in ("TEST0001", "TEST0002"):
            if patient_id == "TEST0001":
                records.take(adt_a04(encounter_class="I"))
            at = SENT_AT + timedelta(days=5)
            assert read_ack(records.take(adt_a03(patient_id=patient_id, discharged_at=at))).code == "AA"
        with records.database.reads() as session:
            assert set(session.scalars(select(PatientRow.discharged_at))) == {at}


class TestReport:
    def test_a_report_for_an_unknown_patient_waits_sealed_and_is_filed_by_the_registration(self, records):
        raw = oru_r01()
        ack = read_ack(records.take(raw))
        assert (ack.code, ack.error_location) == ("AE", "PID^1^3")
        assert "患者未登记" in ack.reason
        assert read_ack(records.take(raw)).code == "AE"
        assert rows(records, QuarantineRow) == 1
        assert FINDINGS[:5].encode("gb18030") not in b"".join(
            piece for ref in stored(records) for piece in records.blobs.read(ref)
        )
        assert read_ack(records.take(adt_a04())).code == "AA"
        with records.database.reads() as session:
            assert session.scalars(select(ReportVersionRow.findings)).one() == FINDINGS
            assert session.scalars(select(QuarantineRow.resolved_at)).one() == NOON
        assert read_ack(records.take(raw)).code == "AA"
        assert rows(records, ReportVersionRow) == 1

    def test_replay_files_only_what_can_be_filed(self, records):
        records.take(oru_r01(patient_id="TEST0007"))
        assert records.replay() == 0
        records.take(oru_r01())
        with records.database.writing() as session:
            add_patient(session)
        assert records.replay() == 1
        assert records.replay() == 0
        assert rows(records, ReportRow) == 1

    def test_several_versions_that_wait_are_filed_in_their_order(self, records):
        for status, text in (("P", "草稿"), ("F", "旧"), ("C", "新")):
            records.take(oru_r01(status=status, impression=text))
        records.take(adt_a04())
        with records.database.reads() as session:
            found = session.execute(
                select(ReportVersionRow.version, ReportVersionRow.status).order_by(ReportVersionRow.id)
            )
            assert list(found) == [(1, "preliminary"), (2, "verified"), (3, "amended")]

    def test_a_blob_that_is_gone_does_not_hold_up_the_others(self, records):
        records.take(oru_r01(accession_number="A1"))
        records.take(oru_r01(accession_number="A2"))
        with records.database.writing() as session:
            first = session.scalars(select(QuarantineRow).order_by(QuarantineRow.id)).first()
            first.blob_locator = "gone"
        assert read_ack(records.take(adt_a04())).code == "AA"
        with records.database.reads() as session:
            assert list(session.scalars(select(ReportRow.source_id))) == ["A2"]

    def test_a_report_with_another_name_than_the_registered_waits_for_a_person(self, records):
        records.take(adt_a04())
        ack = read_ack(records.take(oru_r01(name="李四")))
        assert (ack.code, ack.error_location) == ("AE", "PID^1^5")
        assert "李四" not in ack.reason
        assert rows(records, ReportRow) == 0

    def test_a_report_for_another_patients_study_waits_for_a_person(self, records):
        records.take(adt_a04())
        records.take(adt_a04(patient_id="TEST0002", name="另一患者", id_number="110101197506150022"))
        with records.database.writing() as session:
            owner = session.scalars(select(PatientRow.id).where(PatientRow.patient_id == "TEST0002")).one()
            add_study(session, uid="1.2.3", patient_key=PatientKey(owner), patient_id="TEST0002")
        ack = read_ack(records.take(oru_r01(study_instance_uid="1.2.3")))
        assert (ack.code, ack.error_location) == ("AE", "ZDS^1^1")
        assert rows(records, ReportRow) == 0

    @pytest.mark.clause("R3.2")
    def test_a_verified_report_is_on_its_study_and_a_correction_replaces_it(self, records):
        with records.database.writing() as session:
            add_study(session, uid="1.2.3", accession_number="ACC0001")
        records.take(adt_a04())
        assert read_ack(records.take(oru_r01())).code == "AA"
        records.take(oru_r01(status="C", impression="更正。"))
        with records.database.reads() as session:
            study = session.scalars(select(StudyRow)).one()
            shown = current_report(session, study)
            assert shown is not None
            assert (shown.findings, shown.impression, shown.amended) == (FINDINGS, "更正。", True)
            assert (shown.exam_item, shown.verifying_physician) == ("胸部CT平扫", "测试审核医师")


class TestPrivacy:
    def test_logs_answers_and_quarantine_rows_name_no_patient(self, records, caplog):
        with caplog.at_level(logging.DEBUG):
            answers = [
                records.take(raw)
                for raw in (
                    oru_r01(patient_id="TEST0009"),
                    adt_a04(),
                    adt_a04(name="别人", id_number="110101197506150022"),
                    adt_a04(birth_date="去年"),
                    b"garbage " + adt_a04(),
                )
            ]
        with records.database.reads() as session:
            reasons = " ".join(session.scalars(select(QuarantineRow.reason)))
        shown = caplog.text + reasons + " ".join(answer.decode("gb18030") for answer in answers)
        shown += " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("imaging_core"))
        for secret in (PHONE, ID_NUMBER, "110101197506150022", "测试患者", "别人", "TEST0001", "TEST0009", "去年"):
            assert secret not in shown


def stored(records):
    with records.database.reads() as session:
        return [
            BlobRef(row.blob_digest, row.blob_size, row.blob_locator) for row in session.scalars(select(QuarantineRow))
        ]


class TestHostileBytes:
    @settings(
        max_examples=80,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(data=st.data())
    def test_any_damage_to_a_message_gets_an_answer(self, records, data):
        whole = [adt_a04(), adt_a03(), oru_r01(study_instance_uid="1.2.3"), adt_a04(event="A08")]
        pieces = st.one_of(st.binary(max_size=6), st.sampled_from([b"|", b"^", b"~", b"\r", b"\\", b'""', b"\x00"]))
        raw = data.draw(st.sampled_from(whole))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(raw)))
            raw = raw[:at] + data.draw(pieces) + raw[at + data.draw(st.integers(0, 12)) :]
        answer = records.take(raw)
        assert re.search(rb"\rMSA\|(AA|AE|AR)\|", answer)
        # 207 is for our own failures: no sender may cause one.
        assert b"|207^" not in answer
