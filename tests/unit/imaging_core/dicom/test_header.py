"""Reading what strangers send: right, within limits, and never a crash."""

import struct
import zlib
from datetime import date
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.dicom.header import InstanceHeader, read_header
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.syntaxes import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from imaging_core.dicom.writing import file_meta
from imaging_core.errors import DamagedDicom, LimitExceeded, NotDicom
from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, instance_uid, series_uid, study_uid

REFUSALS = (NotDicom, DamagedDicom, LimitExceeded)


def read(content: bytes, **limits: int) -> InstanceHeader:
    return read_header(BytesIO(content), len(content), Limits(**limits))


def with_dataset(dataset: bytes, transfer_syntax_uid: str = "1.2.840.10008.1.2.1") -> bytes:
    meta = file_meta(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=instance_uid(), transfer_syntax_uid=transfer_syntax_uid
    )
    return meta + dataset


def answer(content: bytes) -> str:
    """Return the UID that was read, or the words of the refusal; any other exception is a crash."""
    try:
        return read(content).sop_instance_uid
    except REFUSALS as refusal:
        return str(refusal)


def dataset_of(content: bytes) -> bytes:
    return content[read(content).dataset_offset :]


class TestHeader:
    def test_holds_what_the_index_needs(self):
        header = read(ct_instance(rows=4, columns=6))
        assert (header.sop_class_uid, header.sop_instance_uid) == (CT_IMAGE_STORAGE, instance_uid())
        assert (header.study_instance_uid, header.series_instance_uid) == (study_uid(), series_uid())
        assert (header.patient_name, header.patient_id, header.patient_sex) == ("测试^患者", "TEST0001", "F")
        assert (header.patient_birth_date, header.study_date) == (date(1980, 1, 1), date(2026, 3, 1))
        assert (header.rows, header.columns, header.number_of_frames, header.bits_allocated) == (4, 6, 1, 16)
        assert header.pixels is not None
        assert ct_instance(rows=4, columns=6)[header.pixels.offset :] == ct_instance(rows=4, columns=6)[-48:]

    @pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"])
    def test_is_the_same_in_every_encoding(self, syntax: str):
        from imaging_core.dicom.writing import dicom_file

        attributes = {
            "SOPClassUID": CT_IMAGE_STORAGE,
            "SOPInstanceUID": "1.2.3",
            "StudyInstanceUID": "1.2.4",
            "SeriesInstanceUID": "1.2.5",
            "ReferencedStudySequence": [{"ReferencedSOPInstanceUID": "1.2.9"}],
            "PatientID": "TEST0001",
        }
        header = read(dicom_file(attributes, transfer_syntax_uid=syntax))
        assert (header.sop_instance_uid, header.patient_id, header.pixels) == ("1.2.3", "TEST0001", None)
        assert header.number_of_frames == 0

    @pytest.mark.parametrize("written", ["2026.03.01", "20260301", "2026-03-01"])
    def test_dates_are_read_as_people_wrote_them(self, written: str):
        content = ct_instance(study_date="20260301").replace(
            b"DA\x08\x0020260301", b"DA" + struct.pack("<H", len(written)) + written.encode(), 1
        )
        assert read(content).study_date == date(2026, 3, 1)

    @pytest.mark.parametrize("nonsense", ["20261399", "00000000", "        "])
    def test_a_date_that_is_none_is_left_out(self, nonsense: str):
        content = ct_instance(study_date="20260301").replace(b"20260301", nonsense.encode(), 1)
        assert read(content).study_date is None

    def test_a_file_without_preamble_or_meta_is_read(self):
        dataset = dataset_of(ct_instance())
        assert read(dataset).sop_instance_uid == instance_uid()

    def test_a_data_set_that_is_not_written_as_labelled_is_read(self):
        assert read(with_dataset(dataset_of(ct_instance()), IMPLICIT_VR_LITTLE_ENDIAN)).rows == 4


class TestRefused:
    def test_no_cut_gives_a_whole_picture(self):
        content = ct_instance()
        whole = [length for length in range(len(content) - 1) if answer(content[:length]) == instance_uid()]
        # a file that ends between two elements is a valid one, without pixels
        assert len(whole) < 30
        assert all(read(content[:length]).pixels is None for length in whole)

    @pytest.mark.parametrize("missing", ["SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"])
    def test_an_identifier_is_missing(self, missing: str):
        content = ct_instance()
        value = {"SOPClassUID": CT_IMAGE_STORAGE, "StudyInstanceUID": study_uid(), "SeriesInstanceUID": series_uid()}[
            missing
        ]
        at = content.rindex(value.encode())
        with pytest.raises(DamagedDicom) as refused:
            read(content[:at] + b"\0" * len(value) + content[at + len(value) :])
        assert refused.value.reason_code == "no_identifier"

    @pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/3", "1.2 3", "1" * 66])
    def test_an_identifier_is_no_uid(self, uid: str):
        dataset = b"".join(
            struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"UI", len(value)) + value.encode()
            for tag, value in (
                (0x00080016, CT_IMAGE_STORAGE),
                (0x00080018, uid + "\0" * (len(uid) % 2)),
                (0x0020000D, "1.2"),
                (0x0020000E, "1.2"),
            )
        )
        with pytest.raises(DamagedDicom) as refused:
            read(with_dataset(dataset))
        assert refused.value.reason_code == "bad_identifier"


class TestLimits:
    def test_a_length_that_lies_allocates_nothing(self):
        element = struct.pack("<HH2sHL", 0x0010, 0x0010, b"UT", 0, 0xFFFFFFF0)
        with pytest.raises(LimitExceeded):
            read(with_dataset(element))
        private = struct.pack("<HH2sHL", 0x0011, 0x0010, b"UT", 0, 0xFFFFFFF0)
        with pytest.raises(DamagedDicom):
            read(with_dataset(private))

    def test_sequences_nested_too_deep_are_refused_without_recursion(self):
        opening = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
            "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
        )
        with pytest.raises(LimitExceeded) as refused:
            read(with_dataset(opening * 50_000))
        assert refused.value.limit == "sequence depth"

    def test_a_deflate_bomb_is_stopped_while_it_inflates(self):
        squeeze = zlib.compressobj(9, wbits=-15)
        private = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, 200_000_000)
        bomb = (
            squeeze.compress(private)
            + b"".join(squeeze.compress(bytes(1_000_000)) for _ in range(200))
            + squeeze.flush()
        )
        assert len(bomb) < 300_000
        with pytest.raises(LimitExceeded) as refused:
            read(with_dataset(bomb, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN))
        assert refused.value.limit == "deflate ratio"
        with pytest.raises(LimitExceeded):
            read(with_dataset(bomb, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN), inflated_bytes=10_000_000)

    def test_millions_of_elements_are_refused(self):
        element = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 0)
        with pytest.raises(LimitExceeded):
            read(with_dataset(element * 2000), elements=1000)


class TestRobustness:
    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=400))
    def test_random_bytes_are_refused_in_words(self, junk: bytes):
        for content in (
            junk,
            bytes(128) + b"DICM" + junk,
            with_dataset(junk),
            with_dataset(junk, IMPLICIT_VR_LITTLE_ENDIAN),
        ):
            assert answer(content)

    @settings(max_examples=400, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 1200), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6))
    def test_a_mutated_file_is_read_or_refused_in_words(self, changes: list[tuple[int, bytes]]):
        content = bytearray(ct_instance())
        for at, piece in changes:
            content[at : at + len(piece)] = piece
        assert answer(bytes(content))

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=300))
    def test_a_damaged_deflate_stream_is_refused_in_words(self, junk: bytes):
        assert answer(with_dataset(junk, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN))
