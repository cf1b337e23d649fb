"""The DICOM JSON model by hand against pydicom's, and what it makes of damaged data sets."""

import contextlib
import io
import struct

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.dicom.header import read_header
from imaging_core.dicom.json_model import DatasetBytes, JsonModel, json_model
from imaging_core.dicom.limits import Limits
from imaging_core.errors import ImagingError
from tests.builders.dicom import ct_instance

EXPLICIT_BIG = "1.2.840.10008.1.2.2"


def told(raw: bytes, *, explicit: bool = True, little: bool = True, limits: Limits | None = None) -> JsonModel:
    """Return the model of a data set without file meta information."""
    dataset = DatasetBytes(before=raw, start=0, explicit_vr=explicit, little_endian=little)
    return json_model(dataset, limits or Limits(), address="u/")


def of_file(raw: bytes) -> JsonModel:
    """Return the model of a file, read without its pixels."""
    header = read_header(io.BytesIO(raw), len(raw), Limits())
    assert header.pixels is not None
    end = header.pixels.offset + header.pixels.length
    dataset = DatasetBytes(
        before=raw[: header.pixels.offset],
        start=header.dataset_offset,
        explicit_vr=True,
        little_endian=True,
        after=raw[end:],
        after_offset=end,
    )
    return json_model(dataset, Limits(), address="u/")


def element(group: int, number: int, vr: str, value: bytes) -> bytes:
    short = vr not in ("OB", "OW", "SQ", "UN", "UT")
    length = struct.pack("<H", len(value)) if short else struct.pack("<HL", 0, len(value))
    return struct.pack("<HH", group, number) + vr.encode() + length + value


class TestModel:
    def test_says_the_same_as_pydicom(self):
        raw = ct_instance(
            PatientName="Zhang^San=张^三",
            OtherPatientNames=["A^B", "C^D"],
            WindowCenter=[40, 50.5],
            WindowWidth=[400, 500],
            ProcedureCodeSequence=[{"CodeValue": "1", "CodingSchemeDesignator": "99T", "CodeMeaning": "胸部"}],
            FrameIncrementPointer=0x00181063,
            RecommendedDisplayFrameRate=25,
            LossyImageCompressionRatio=None,
            DataSetTrailingPadding=b"\0\0",
        )
        ours = of_file(raw).attributes
        theirs = pydicom.dcmread(io.BytesIO(raw)).to_json_dict(5, lambda element: f"u/{element.tag:08X}")
        assert ours == theirs

    def test_words_of_big_endian_values_are_turned(self):
        value = element(0x0028, 0x0010, "US", b"\1\2")
        big = struct.pack(">HH", 0x0028, 0x0010) + b"US" + struct.pack(">H", 2) + b"\1\2"
        assert told(value).attributes["00280010"]["Value"] == [0x0201]
        assert told(big, little=False).attributes["00280010"]["Value"] == [0x0102]

    def test_numbers_that_are_none_stay_text(self):
        raw = element(0x0028, 0x1050, "DS", b"40.50\\x\\ ") + element(0x0028, 0x1051, "DS", b"1e400 ")
        assert told(raw).attributes["00281050"]["Value"] == [40.5, "x", None]
        assert told(raw).attributes["00281051"]["Value"] == ["1e400"]

    def test_a_large_value_has_an_address_of_its_own(self):
        inner = element(0x0042, 0x0011, "OB", b"x" * 2000)
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(inner)) + inner
        model = told(element(0x0040, 0xA730, "SQ", item))
        assert model.attributes["0040A730"]["Value"][0]["00420011"] == {
            "vr": "OB",
            "BulkDataURI": "u/0040A730/1/00420011",
        }
        value = model.bulk["0040A730/1/00420011"]
        assert (value.length, value.vr) == (2000, "OB")

    def test_what_a_writer_did_not_know_is_told_by_its_own_representation(self):
        inner = struct.pack("<HHL", 0x0008, 0x0100, 2) + b"1 "
        raw = element(0x0008, 0x0018, "UN", b"1.2.3\0")
        raw += element(0x0008, 0x1032, "UN", b"\xfe\xff\x00\xe0" + struct.pack("<L", len(inner)) + inner)
        raw += element(0x0009, 0x1001, "UN", b"ab")
        assert told(raw).attributes == {
            "00080018": {"vr": "UI", "Value": ["1.2.3"]},
            "00081032": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["1"]}}]},
            "00091001": {"vr": "UN", "InlineBinary": "YWI="},
        }

    def test_a_group_length_and_the_declared_charset_are_left_out(self):
        raw = element(0x0008, 0x0000, "UL", b"\0\0\0\0") + element(0x0008, 0x0005, "CS", b"GB18030 ")
        raw += element(0x0010, 0x0010, "PN", "张三".encode("gb18030"))
        assert told(raw).attributes == {
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "张三"}]},
        }


class TestDamaged:
    def test_a_value_that_ends_early_is_noticed(self):
        with pytest.raises(ImagingError):
            told(element(0x0010, 0x0020, "LO", b"TEST01")[:-1])

    def test_sequences_nested_too_deeply_are_refused(self):
        raw = b""
        for _ in range(40):
            raw = element(0x0040, 0xA730, "SQ", b"\xfe\xff\x00\xe0" + struct.pack("<L", len(raw)) + raw)
        with pytest.raises(ImagingError):
            told(raw)

    @given(st.binary(max_size=300), st.booleans(), st.booleans())
    def test_nothing_but_our_own_errors_comes_of_any_bytes(self, raw, explicit, little):
        with contextlib.suppress(ImagingError):
            told(raw, explicit=explicit, little=little)

    @given(st.integers(0, 600), st.integers(0, 255))
    def test_nor_of_a_real_header_with_a_byte_changed(self, at, byte):
        raw = bytearray(ct_instance()[380:])
        raw[at % len(raw)] = byte
        with contextlib.suppress(ImagingError):
            told(bytes(raw))
