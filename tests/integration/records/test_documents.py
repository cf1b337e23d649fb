"""Documents and laboratory lines in the database."""

from datetime import timedelta
from functools import partial
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import func, select

from imaging_core.documents.errors import DocumentTooLarge, DocumentTypeRefused
from imaging_core.documents.laboratory import LaboratoryResult, laboratory_results_of, store_laboratory_results
from imaging_core.documents.store import documents_of, find_document, store_document
from imaging_core.documents.tables import DocumentRow
from imaging_core.index.tables import ChangeRow, StudyRow
from tests.builders.records import HOSPITAL, NOON, OTHER_HOSPITAL, add_patient, add_study

LIMIT = 1024 * 1024


def jpeg(shade: int = 255) -> bytes:
    buffer = BytesIO()
    Image.new("L", (32, 32), shade).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def study(session):
    return add_study(session, patient_key=add_patient(session))


def keep(session, records, study, data=None, limit=LIMIT):
    return store_document(
        session, records.blobs, BytesIO(data or jpeg()), study=study, title="电子报告单", limit=limit, now=NOON
    )


class TestDocuments:
    def test_what_is_refused_leaves_no_row_and_no_bytes(self, session, records, study):
        with pytest.raises(DocumentTypeRefused):
            keep(session, records, study, b"<html>")
        with pytest.raises(DocumentTooLarge):
            keep(session, records, study, limit=100)
        assert session.scalar(select(func.count()).select_from(DocumentRow)) == 0
        assert records.blobs._contents == {}

    def test_a_document_is_found_only_through_a_visible_study(self, session, records, study):
        document = keep(session, records, study)
        other = add_study(session, uid=study.study_instance_uid, institution=OTHER_HOSPITAL)
        seen, unseen = (select(StudyRow).where(StudyRow.id == row.id) for row in (study, other))
        assert find_document(session, seen, document.document_id) == document
        assert find_document(session, unseen, document.document_id) is None
        assert find_document(session, seen, "0" * 32) is None
        assert documents_of(session, other) == []

    @pytest.mark.clause("R3.10")
    def test_a_document_is_kept_byte_for_byte(self, session, records, study):
        document = keep(session, records, study)
        assert b"".join(records.blobs.read(document.blob)) == jpeg()
        assert (document.media_type, document.bytes, document.title) == ("image/jpeg", len(jpeg()), "电子报告单")

    def test_the_same_bytes_again_are_the_same_document_and_others_are_added(self, session, records, study):
        first, again, second = (
            keep(session, records, study),
            keep(session, records, study),
            keep(session, records, study, jpeg(9)),
        )
        assert first == again
        assert documents_of(session, study) == [first, second]
        attached = select(func.count()).select_from(ChangeRow).where(ChangeRow.kind == "document_attached")
        assert session.scalar(attached) == 2


class TestLaboratory:
    def line(self, item="WBC", value="6.1", report="L1", **more):
        return LaboratoryResult(
            report_number=report,
            item_code=item,
            item_name="白细胞计数",
            value=value,
            unit="10^9/L",
            reference_range="3.5-9.5",
            **more,
        )

    def test_a_line_sent_again_replaces_what_it_said(self, session):
        patient = add_patient(session)
        keep = partial(store_laboratory_results, session, institution_code=HOSPITAL, patient=patient, now=NOON)
        assert keep(results=[self.line(), self.line("RBC")]) == 2
        assert keep(results=[self.line(value="11.2", flag="H")]) == 0
        lines = laboratory_results_of(session, institution_code=HOSPITAL, patient=patient)
        assert [(line.item_code, line.value, line.flag) for line in lines] == [("WBC", "11.2", "H"), ("RBC", "6.1", "")]

    def test_lines_of_others_and_of_other_hospitals_stay_out(self, session):
        patient, other = add_patient(session), add_patient(session, "TEST0002")
        store_laboratory_results(session, institution_code=HOSPITAL, patient=patient, results=[self.line()], now=NOON)
        assert laboratory_results_of(session, institution_code=HOSPITAL, patient=other) == []
        assert laboratory_results_of(session, institution_code=OTHER_HOSPITAL, patient=patient) == []

    def test_the_newest_report_comes_first(self, session):
        patient = add_patient(session)
        results = [
            self.line(report="OLD", observed_at=NOON - timedelta(days=300)),
            self.line(report="NEW", observed_at=NOON),
        ]
        store_laboratory_results(session, institution_code=HOSPITAL, patient=patient, results=results, now=NOON)
        found = laboratory_results_of(session, institution_code=HOSPITAL, patient=patient)
        assert [line.report_number for line in found] == ["NEW", "OLD"]
