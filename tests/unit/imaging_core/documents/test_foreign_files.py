"""Slides and electrocardiograms that are no DICOM, read in the limited child."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imaging_core.blobs import BlobRef, MemoryBlobStore
from imaging_core.documents.ecg_files import EcgFileReader
from imaging_core.documents.errors import DocumentTypeRefused, RefusalReason
from imaging_core.documents.slides import TILE, SlideReader, slides_are_read
from imaging_core.documents.sniffing import MediaType
from imaging_core.errors import FrameNotFound, WaveformNotReadable
from tests.builders.foreign import LEADS, aecg, picture, scp_ecg, slide

pytestmark = [pytest.mark.clause("R1.2"), pytest.mark.xdist_group("foreign_files")]

needs_openslide = pytest.mark.skipif(not slides_are_read(), reason="openslide is not installed (extra pathology)")


BLOBS = MemoryBlobStore()


def kept(content: bytes) -> BlobRef:
    return BLOBS.put(BytesIO(content))


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[SlideReader, BlobRef]]:
    with SlideReader(BLOBS) as reader:
        yield reader, kept(slide())


@pytest.fixture(scope="module")
def ecgs() -> Iterator[EcgFileReader]:
    pytest.importorskip("ecgdatakit", reason="ecgdatakit is not installed (extra ecg)")
    with EcgFileReader(BLOBS) as reader:
        yield reader


@needs_openslide
class TestSlides:
    def test_levels_and_tiles(self, opened):
        reader, ref = opened
        found = reader.slide(ref)
        assert [(level.width, level.height, level.columns, level.rows) for level in found.levels] == [
            (1400, 900, 3, 2),
            (350, 225, 1, 1),
        ]
        assert found.microns_per_pixel is None

    @pytest.mark.parametrize(("level", "column", "row"), [(0, 0, 0), (0, 2, 1), (1, 0, 0)])
    def test_a_tile_is_the_part_of_the_picture_it_says(self, opened, level, column, row):
        reader, ref = opened
        there = reader.slide(ref).levels[level]
        tile = np.asarray(Image.open(BytesIO(reader.tile(ref, level=level, column=column, row=row))))
        width, height = (min(TILE, there.width - column * TILE), min(TILE, there.height - row * TILE))
        assert tile.shape == (height, width, 3)
        red = (column * TILE + width // 2) * 255 / there.width
        green = (row * TILE + height // 2) * 255 / there.height
        assert np.abs(tile[height // 2, width // 2] - np.array([red, green, 128])).max() < 6

    @pytest.mark.parametrize(("level", "column", "row"), [(2, 0, 0), (-1, 0, 0), (0, 3, 0), (0, 0, 2), (0, -1, 0)])
    def test_no_such_tile(self, opened, level, column, row):
        reader, ref = opened
        with pytest.raises(FrameNotFound):
            reader.tile(ref, level=level, column=column, row=row)

    def test_the_whole_in_small(self, opened):
        reader, ref = opened
        assert Image.open(BytesIO(reader.overview(ref, size=140))).size == (140, 90)

    @pytest.mark.parametrize("content", [picture("TIFF"), slide()[:3000], b"II*\0" + b"\xff" * 60])
    def test_what_is_no_slide_is_refused_and_the_child_goes_on(self, opened, content):
        reader, good = opened
        with pytest.raises(DocumentTypeRefused) as refused:
            reader.check(kept(content))
        assert refused.value.reason in (RefusalReason.NO_SLIDE, RefusalReason.DAMAGED)
        reader.check(good)


MICROVOLTS = np.array([[120 * np.sin(at / 10 + lead) + lead for at in range(400)] for lead in range(12)])


class TestEcg:
    @pytest.mark.parametrize(
        ("content", "media_type"),
        [(aecg(MICROVOLTS), MediaType.AECG), (scp_ecg(MICROVOLTS), MediaType.SCP_ECG)],
        ids=["aecg", "scp"],
    )
    def test_the_leads_are_those_of_the_file_in_microvolts(self, ecgs, content, media_type):
        ecg = ecgs.read(kept(content), media_type)
        assert ecg.samples_per_second == 500
        assert [lead.name for lead in ecg.leads] == list(LEADS)
        for lead, expected in zip(ecg.leads, MICROVOLTS, strict=True):
            assert lead.microvolts.dtype == np.int32
            assert np.abs(lead.microvolts - expected).max() <= 3  # half a step of 5 µV, and rounding

    @pytest.mark.parametrize(
        ("content", "media_type"),
        [
            (aecg(MICROVOLTS)[:900], MediaType.AECG),
            (aecg(MICROVOLTS, unit="furlong"), MediaType.AECG),
            (aecg(MICROVOLTS).replace(b'increment value="0.002"', b'increment value="0"'), MediaType.AECG),
            (
                aecg(MICROVOLTS).replace(b"<AnnotatedECG", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><AnnotatedECG', 1),
                MediaType.AECG,
            ),
            (scp_ecg(MICROVOLTS)[:400], MediaType.SCP_ECG),
        ],
        ids=["cut", "no unit", "no rate", "entities", "cut scp"],
    )
    def test_what_cannot_be_shown_to_scale_is_refused_in_words(self, ecgs, content, media_type):
        with pytest.raises(WaveformNotReadable) as refused:
            ecgs.read(kept(content), media_type)
        assert refused.value.reason_code
