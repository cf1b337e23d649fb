"""Slabs of stored series: real CT, enhanced multi-frame, late images, eviction; nothing of it can stop the next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from imaging_core.blobs import SegmentBlobStore
from imaging_core.derive import DerivedReader, DerivedStore, Deriver, Renderer, RendererLimits
from imaging_core.derive.encoding import decode_lossless
from imaging_core.errors import SlabNotPossible
from imaging_core.volume import Mode, NamedPlane, SlabWish, Volumes
from tests.builders import slabs as reference
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import ct_instance, ct_pixels, ct_series, series_uid, study_uid

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("volume")]

HEAD_SLICES = 12


class House:
    """An archive, its derived objects and its slabs."""

    def __init__(self, folder: Path, renderer: Renderer) -> None:
        self.archive: Archive = open_archive(f"sqlite:///{folder / 'index.db'}", SegmentBlobStore(folder / "blobs"))
        self.store = DerivedStore(folder / "derived")
        self.deriver = Deriver(self.archive.blobs, self.store, self.archive.database.writes, renderer)
        self.volumes = Volumes(DerivedReader(self.store), lambda: renderer)

    def slab(self, wish: SlabWish, study: str = study_uid(), series: str = series_uid()):
        made = self.volumes.slab(INSTITUTION, study, series, wish)
        assert made is not None
        return made

    def kept(self) -> list[Path]:
        return sorted(self.store.study_folder(INSTITUTION, study_uid()).glob("*.slab"))


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer(RendererLimits(memory_bytes=4 * 1024**3)) as shared:
        yield shared


@pytest.fixture
def house(tmp_path: Path, renderer: Renderer) -> Iterator[House]:
    opened = House(tmp_path, renderer)
    yield opened
    opened.archive.database.close()


def pixels(slab: Any) -> np.ndarray:
    return decode_lossless(slab.codestream)


MIP = SlabWish(NamedPlane.NATIVE, Mode.MIP, 2.0)


@pytest.fixture(scope="module")
def head(
    tmp_path_factory: pytest.TempPathFactory, renderer: Renderer, shared_data: Path
) -> Iterator[tuple[House, list[Any]]]:
    """A part of a real CT of a head, its slices from the feet up."""
    house = House(tmp_path_factory.mktemp("head"), renderer)
    files = (shared_data / "dicom/ct_cranium_0051").glob("*.dcm")
    found = sorted((pydicom.dcmread(path) for path in files), key=lambda item: float(item.ImagePositionPatient[2]))
    found = found[40 : 40 + HEAD_SLICES]
    house.archive.store(*[Path(item.filename).read_bytes() for item in found])
    house.deriver.derive_study(INSTITUTION, found[0].StudyInstanceUID)
    yield house, found
    house.archive.database.close()


@pytest.mark.clause("R2.8")
class TestRealCt:
    def asked(self, head, wish: SlabWish):
        house, found = head
        return house.slab(wish, found[0].StudyInstanceUID, found[0].SeriesInstanceUID)

    @pytest.mark.parametrize("mode", list(Mode))
    @pytest.mark.parametrize("thickness", [0.0, 5.0, 10.0, 17.3])
    def test_slabs_are_those_of_the_definition_pixel_for_pixel(self, head, mode, thickness):
        volume = np.stack([item.pixel_array for item in head[1]])
        along = np.array([float(item.ImagePositionPatient[2]) for item in head[1]])
        made = self.asked(head, SlabWish(NamedPlane.AXIAL, mode, thickness, HEAD_SLICES - 6))
        expected = reference.native(volume, along, 6, thickness, mode)
        assert np.array_equal(pixels(made), reference.rounded(expected))
        assert made.metadata["00281052"]["Value"] == [float(head[1][0].RescaleIntercept)]

    def test_a_sagittal_plane_is_interpolated_between_the_slices(self, head):
        found = head[1]
        made = self.asked(head, SlabWish(NamedPlane.SAGITTAL, Mode.MIP, 3.0, 200))
        volume = np.stack([item.pixel_array for item in found])[:, :, 190:210]
        along = np.array([float(item.ImagePositionPatient[2]) for item in found])
        step = float(found[0].PixelSpacing[0])
        reach = int(1.5 / step + 1e-9)
        heights = along[-1] - np.arange(made.metadata["00280010"]["Value"][0]) * step
        lower = np.clip(np.searchsorted(along, heights + 1e-3, side="right") - 1, 0, len(along) - 2)
        share = ((heights - along[lower]) / (along[lower + 1] - along[lower]))[:, None, None]
        between = volume[lower] * (1 - share) + volume[lower + 1] * share
        expected = between[:, :, 9 - reach : 9 + reach + 1].max(axis=2)
        assert np.array_equal(pixels(made), reference.rounded(expected))


class TestSlabsOfStoredSeries:
    def test_are_made_once_and_kept_with_what_else_is_derived(self, house: House):
        house.archive.store(*ct_series(5, 8, 8))
        assert house.volumes.slab(INSTITUTION, study_uid(), series_uid(), MIP) is None
        house.deriver.derive_study(INSTITUTION, study_uid())
        first = house.slab(MIP)
        [kept] = house.kept()
        kept.write_bytes(kept.read_bytes().replace(b'"number":3', b'"number":4'))
        assert (first.slab["number"], house.slab(MIP).slab["number"]) == (3, 4), "what is kept is not made again"
        house.store.evict(INSTITUTION, study_uid())
        assert house.volumes.slab(INSTITUTION, study_uid(), series_uid(), MIP) is None
        house.deriver.derive_study(INSTITUTION, study_uid())
        assert house.slab(MIP) == first

    def test_are_refused_for_a_moment_when_too_many_are_asked_for_and_those_kept_are_not(
        self, house: House, renderer: Renderer
    ):
        house.archive.store(*ct_series(3, 8, 8))
        house.deriver.derive_study(INSTITUTION, study_uid())
        busy = Volumes(DerivedReader(house.store), lambda: renderer, most_at_once=0)
        with pytest.raises(SlabNotPossible) as refused:
            busy.slab(INSTITUTION, study_uid(), series_uid(), MIP)
        assert refused.value.reason_code == "busy"
        made = house.slab(MIP)
        assert busy.slab(INSTITUTION, study_uid(), series_uid(), MIP) == made

    def test_hold_late_images(self, house: House):
        house.archive.store(*ct_series(3, 8, 8))
        house.deriver.derive_study(INSTITUTION, study_uid())
        wish = SlabWish(NamedPlane.NATIVE, Mode.MIP, 100.0)
        before = house.slab(wish)
        house.archive.store(ct_instance(8, 8, number=4))
        house.deriver.derive_study(INSTITUTION, study_uid())
        after = house.slab(wish)
        assert (before.slab["slices"], after.slab["slices"]) == (3, 4)
        assert after.name != before.name
        assert np.array_equal(pixels(after), np.maximum.reduce([ct_pixels(8, 8, slice_number=n) for n in (1, 2, 3, 4)]))

    def test_of_an_enhanced_multi_frame_object_lie_where_its_frames_say(self, house: House):
        frames = np.stack([ct_pixels(8, 8, slice_number=number) for number in (1, 2, 3, 4)])
        heights = [0.0, 2.0, 3.0, 1.0]  # not in the order of the frames

        def group(height: float) -> Dataset:
            position, plane, value = Dataset(), Dataset(), Dataset()
            plane.ImagePositionPatient = [0, 0, height]
            position.PlanePositionSequence = Sequence([plane])
            value.RescaleSlope, value.RescaleIntercept, value.RescaleType = 2, -1000, "HU"
            position.PixelValueTransformationSequence = Sequence([value])
            return position

        shared, orientation, measures = Dataset(), Dataset(), Dataset()
        orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        measures.PixelSpacing = [0.5, 0.5]
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
        several = ct_instance(
            8,
            8,
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
            NumberOfFrames=4,
            PixelData=frames.tobytes(),
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence([group(height) for height in heights]),
            ImagePositionPatient=None,
            ImageOrientationPatient=None,
            PixelSpacing=None,
            RescaleSlope=None,
            RescaleIntercept=None,
        )
        house.archive.store(several)
        house.deriver.derive_study(INSTITUTION, study_uid())
        made = house.slab(SlabWish(NamedPlane.AXIAL, Mode.MINIP, 2.0, 2))  # from the head: 3, 2, 1, 0
        assert [frame for _, frame in made.slab["frames"]] == [4, 2, 3]
        assert np.array_equal(pixels(made), frames[[3, 1, 2]].min(axis=0))
        assert made.metadata["00281052"]["Value"] == [-1000]

    def test_that_are_not_possible_leave_the_next_alone_whatever_becomes_of_child_and_pack(
        self, house: House, renderer: Renderer
    ):
        house.archive.store(*ct_series(3, 8, 8))
        house.deriver.derive_study(INSTITUTION, study_uid())
        with pytest.raises(SlabNotPossible):
            house.slab(SlabWish(NamedPlane.NATIVE, Mode.MIP, 1.0, 9))
        assert house.slab(MIP).slab["slices"] == 3
        renderer.close()
        [pack] = house.store.study_folder(INSTITUTION, study_uid()).glob("*.pack")
        pack.unlink()
        other = SlabWish(NamedPlane.NATIVE, Mode.AVGIP, 2.0)
        with pytest.raises(SlabNotPossible) as refused:
            house.slab(other)
        assert refused.value.reason_code == "gone"
        house.deriver.derive_study(INSTITUTION, study_uid())
        assert house.slab(other).slab["slices"] == 3
