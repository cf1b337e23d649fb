"""Every type of image through the whole of deriving: samples bit by bit, pictures as they should look."""

import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging_core.blobs import SegmentBlobStore
from imaging_core.derive import DerivedReader, DerivedStore, Deriver, Renderer
from imaging_core.dicom.frames import decode_frames, open_dataset
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.rendition import Rendition, rendered
from tests.builders.archive import INSTITUTION, open_archive
from tests.builders.dicom import ct_instance, study_uid
from tests.builders.ecg import NO_PICTURE
from tests.builders.image_types import ImageType, image_types

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("image types")]

TYPES = {item.name: item for item in image_types()}
REFUSED = {
    "YBR_PARTIAL_420": "unsupported_photometric",
    "HSV": "unsupported_photometric",
    "ARGB": "unsupported_photometric",
    "CMYK": "unsupported_photometric",
}


def presentation() -> bytes:
    image = {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": "1.2.3"}
    given: Any = NO_PICTURE | {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1",
        "Modality": "PR",
        "ReferencedSeriesSequence": [{"SeriesInstanceUID": "1.2", "ReferencedImageSequence": [image]}],
        "SoftcopyVOILUTSequence": [{"WindowCenter": 40, "WindowWidth": 400}],
        "ImageRotation": 180,
        "ImageHorizontalFlip": "Y",
    }
    return ct_instance(series="presentation", window=None, **given)


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DerivedReader]:
    """All types in one study, each a series of its own, derived once."""
    folder = tmp_path_factory.mktemp("types")
    archive = open_archive(f"sqlite:///{folder / 'index.db'}", SegmentBlobStore(folder / "blobs"))
    archive.store(*[item.content for item in TYPES.values()], presentation())
    store = DerivedStore(folder / "derived")
    with Renderer() as renderer:
        report = Deriver(archive.blobs, store, archive.database.writes, renderer).derive_study(INSTITUTION, study_uid())
    assert list(report.failed) == []
    yield DerivedReader(store)
    archive.database.close()


def sop(item: ImageType) -> str:
    return str(open_dataset(item.content, "").SOPInstanceUID)


@pytest.mark.clause("R1.3")
@pytest.mark.parametrize("name", TYPES)
def test_samples_are_those_that_were_stored(derived: DerivedReader, name: str):
    item = TYPES[name]
    for number, samples in enumerate(item.samples, start=1):
        cells = derived.little_endian_frame(INSTITUTION, study_uid(), sop(item), number)
        assert cells == samples.astype(samples.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("name", TYPES)
def test_previews_and_thumbnails_are_made_of_each(derived: DerivedReader, name: str):
    item = TYPES[name]
    height, width = item.samples.shape[1:3]
    for number in range(1, len(item.samples) + 1):
        preview = Image.open(BytesIO(derived.preview(INSTITUTION, study_uid(), sop(item), number)))
        assert preview.size == (width, height)
        assert len(derived.thumbnail(INSTITUTION, study_uid(), sop(item), number)) > 0


@pytest.mark.parametrize("name", [name for name, item in TYPES.items() if item.looks is not None])
def test_pictures_look_as_they_should(name: str):
    item = TYPES[name]
    picture = rendered(open_dataset(item.content, ""), Rendition(media_type="image/png"), Limits())
    shown = np.asarray(Image.open(BytesIO(picture))).astype(int)
    assert item.looks is not None
    assert shown.shape == item.looks.shape
    # one level: colour spaces are converted by others, in whole numbers
    assert np.abs(shown - item.looks).max() <= ("YBR" in name)


@pytest.mark.parametrize("name", [name for name in TYPES if name.startswith(("8 bits", "16 bits", "32 bits", "Fl"))])
def test_pictures_without_a_window_use_the_whole_range(name: str):
    picture = rendered(open_dataset(TYPES[name].content, ""), Rendition(media_type="image/png"), Limits())
    shown = np.asarray(Image.open(BytesIO(picture)))
    assert (shown.min(), shown.max()) == (0, 255)


@pytest.mark.parametrize("photometric", REFUSED)
def test_what_left_the_standard_is_refused_with_a_reason(photometric: str):
    colour: Any = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    content = ct_instance(
        2, 2, PhotometricInterpretation=photometric, PixelRepresentation=0, PixelData=bytes(12), window=None, **colour
    )
    [frame] = decode_frames(open_dataset(content, ""), Limits())
    assert isinstance(frame, tuple)
    assert frame[1].reason_code == REFUSED[photometric]


def test_a_drawing_that_is_damaged_costs_no_picture():
    overlaid = TYPES["overlay apart"].content
    for tag in (b"\x00\x60\x10\x00US\x02\x00\x03\x00", b"\x00\x60\x11\x00US\x02\x00\x03\x00"):
        assert tag in overlaid
        damaged = overlaid.replace(tag, tag[:-2] + b"\xff\x7f")
        shown = rendered(open_dataset(damaged, ""), Rendition(media_type="image/png"), Limits())
        assert set(np.asarray(Image.open(BytesIO(shown))).ravel()) == {128}


def manifest(derived: DerivedReader) -> list[dict[str, Any]]:
    found = derived.manifest_gz(INSTITUTION, study_uid())
    assert found is not None
    return [instance for series in json.loads(gzip.decompress(found[0]))["series"] for instance in series["instances"]]


def test_presentation_states_are_told_to_viewers_whole(derived: DerivedReader):
    [told] = [instance["presentation"] for instance in manifest(derived) if "presentation" in instance]
    assert told["applies_to"] == [{"sop_instance_uid": "1.2.3", "frames": None}]
    assert (told["voi"][0]["center"], told["rotation"], told["flip"]) == (40.0, 180, True)


def test_drawings_are_told_to_viewers_beside_the_pixels(derived: DerivedReader):
    instances = manifest(derived)
    told = {instance["sop_instance_uid"]: instance["metadata"] for instance in instances}
    apart = told[sop(TYPES["overlay apart"])]
    assert (apart["60000010"]["Value"], apart["60000050"]["Value"]) == ([3], [2, 2])
    assert apart["60003000"]["InlineBinary"]
    floats = told[sop(TYPES["FloatPixelData"])]
    assert (floats["7FE00008"], floats["00280100"]["Value"]) == ({"vr": "OF"}, [32])
    assert "00280101" not in floats
