"""The DICOMDIR of a package: read back by pydicom, every kind of instance in its kind of record."""

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from imaging_core.dicom.file_set import DirectoryFile, DirectoryStudy, FileSetDirectory
from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, uid

STUDY = DirectoryStudy(
    patient_id="TEST0001",
    patient_name="测试^患者",
    study_instance_uid=uid("study"),
    study_id="7",
    study_date=date(2026, 3, 1),
    study_time="093000",
    study_description="胸部CT平扫",
    accession_number="ACC0001",
)
KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"


def never() -> BytesIO:
    raise AssertionError("an image is not opened for its record")


def file(number: int = 1, *, series: str = "series", **other: Any) -> DirectoryFile:
    values: dict[str, Any] = {
        "series_instance_uid": uid(series),
        "series_number": 3,
        "modality": "CT",
        "sop_class_uid": CT_IMAGE_STORAGE,
        "sop_instance_uid": uid(series, number),
        "transfer_syntax_uid": "1.2.840.10008.1.2.4.201",
        "instance_number": number,
        "is_image": True,
        "content": never,
    }
    return DirectoryFile(**{**values, **other})


def records(directory: FileSetDirectory) -> list[Dataset]:
    return list(dcmread(BytesIO(directory.dicomdir())).DirectoryRecordSequence)


class TestDicomdir:
    def test_pydicom_finds_every_file_by_following_the_offsets(self, tmp_path):
        directory = FileSetDirectory(STUDY)
        places = {directory.add(file(number, series=name)): (name, number) for name in "ab" for number in (1, 2, 3)}
        for place, (name, number) in places.items():
            content = ct_instance(series=name, number=number, SOPInstanceUID=uid(name, number))
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / place).write_bytes(content)
        (tmp_path / "DICOMDIR").write_bytes(directory.dicomdir())
        found = FileSet(tmp_path / "DICOMDIR")
        assert {str(item.SOPInstanceUID) for item in found} == {uid(*item) for item in places.values()}
        assert all(item.load().SOPInstanceUID == item.SOPInstanceUID for item in found)
        assert found.find_values("PatientName") == ["测试^患者"]
        assert found.find_values("StudyDescription") == ["胸部CT平扫"]

    def test_file_ids_are_what_media_allow(self):
        directory = FileSetDirectory(STUDY)
        assert directory.add(file()) == "DICOM/SE000001/IM000001"
        (record,) = [item for item in records(directory) if item.DirectoryRecordType == "IMAGE"]
        assert record.ReferencedFileID == ["DICOM", "SE000001", "IM000001"]
        assert record.ReferencedTransferSyntaxUIDInFile == "1.2.840.10008.1.2.4.201"

    def test_what_a_file_lacks_and_a_record_must_have_is_filled_in(self):
        bare = DirectoryStudy(
            patient_id="",
            patient_name="",
            study_instance_uid=uid("study"),
            study_id="",
            study_date=None,
            study_time="",
            study_description="",
            accession_number="",
        )
        directory = FileSetDirectory(bare)
        directory.add(file(modality="", series_number=None, instance_number=None))
        by_kind = {item.DirectoryRecordType: item for item in records(directory)}
        assert set(by_kind) == {"PATIENT", "STUDY", "SERIES", "IMAGE"}
        assert (by_kind["PATIENT"].PatientID, by_kind["STUDY"].StudyDate) == ("0", "19000101")

    @pytest.mark.parametrize(
        ("sop_class", "attributes", "kind"),
        [
            ("1.2.840.10008.5.1.4.1.1.104.1", {"MIMETypeOfEncapsulatedDocument": "application/pdf"}, "ENCAP DOC"),
            ("1.2.840.10008.5.1.4.1.1.9.1.1", {"ContentDate": "20260301", "ContentTime": "0930"}, "WAVEFORM"),
            ("1.2.840.10008.5.1.4.1.1.66.4", {}, "IMAGE"),
            ("1.2.840.10008.5.1.4.1.1.481.2", {"DoseSummationType": "PLAN"}, "RT DOSE"),
        ],
    )
    def test_other_kinds_get_their_own_record(self, sop_class, attributes, kind):
        content = ct_instance(SOPClassUID=sop_class, **attributes)
        directory = FileSetDirectory(STUDY)
        directory.add(file(sop_class_uid=sop_class, is_image=kind == "IMAGE", content=lambda: BytesIO(content)))
        assert records(directory)[-1].DirectoryRecordType == kind

    def test_a_text_in_another_character_set_is_written_readably(self):
        concept = Dataset()
        concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "113000", "DCM", "重点图像"
        content = ct_instance(
            SOPClassUID=KEY_OBJECT,
            SpecificCharacterSet="GB18030",
            ContentDate="20260301",
            ContentTime="093000",
            ConceptNameCodeSequence=[concept],
        )
        directory = FileSetDirectory(STUDY)
        directory.add(file(sop_class_uid=KEY_OBJECT, is_image=False, content=lambda: BytesIO(content)))
        record = records(directory)[-1]
        assert record.DirectoryRecordType == "KEY OBJECT DOC"
        assert record.ConceptNameCodeSequence[0].CodeMeaning == "重点图像"

    def test_what_no_record_can_be_made_of_gets_a_place_beside_the_set(self):
        directory = FileSetDirectory(STUDY)
        content = ct_instance(SOPClassUID=KEY_OBJECT)
        place = directory.add(file(sop_class_uid=KEY_OBJECT, is_image=False, content=lambda: BytesIO(content)))
        unknown = directory.add(file(2, sop_class_uid="1.2.3.4", is_image=False))
        assert (place, unknown) == ("OTHER/000001.DCM", "OTHER/000002.DCM")
        assert directory.dicomdir() == b""
