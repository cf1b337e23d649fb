"""How each phantom of the demo hospital is scanned, and at which size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from api.demo.hospital import Phantom
from imaging_core.phantoms.ecg import EcgAcquisition, render_ecg
from imaging_core.phantoms.endoscopy import EndoscopyAcquisition, render_endoscopy
from imaging_core.phantoms.head_mr import HeadAcquisition, HeadAnatomy, Weighting, render_head
from imaging_core.phantoms.light_files import write_endoscopy, write_microscopy
from imaging_core.phantoms.other_files import write_chest_radiograph, write_ecg, write_echo
from imaging_core.phantoms.part10 import SeriesHeader, StudyHeader
from imaging_core.phantoms.radiograph import project_chest
from imaging_core.phantoms.slice_files import TablePlace, write_ct_series, write_mr_series
from imaging_core.phantoms.thorax_anatomy import Nodule, ThoraxAnatomy
from imaging_core.phantoms.thorax_ct import Acquisition, render_thorax, table_row
from imaging_core.phantoms.tissue import MicroscopyAcquisition, render_tissue
from imaging_core.phantoms.ultrasound import EchoAcquisition, render_echo


class Scale(StrEnum):
    """How large the demo is made."""

    FULL = "full"
    TEST = "test"
    """The same objects with few, coarse pixels: made in about a second, not for measuring."""


NODULE_CENTRE = (-60.0, 8.0, 248.0)
"""Apical segment of the right upper lobe, in patient mm."""
FIRST_DIAMETER, SECOND_DIAMETER = 6.0, 9.0
"""mm, as the reports say."""

POLYP_DIAMETER = 6.0
"""mm, as the report of the second hospital says."""

_PERSON = ThoraxAnatomy(seed=11, nodules=(Nodule(NODULE_CENTRE, FIRST_DIAMETER),))
_HEALTHY = ThoraxAnatomy(seed=29, scale=0.96, fat=8.0, aortic_calcification=False)
_HEAD = HeadAnatomy(
    seed=5,
    lesions=(
        ((-24.0, -22.0, 26.0), 5.0),
        ((22.0, -14.0, 28.0), 4.0),
        ((-26.0, 18.0, 26.0), 4.0),
        ((27.0, 24.0, 22.0), 5.0),
    ),
    atrophy=0.6,
)


@dataclass(frozen=True, slots=True)
class ChestScan:
    """A chest, how it is scanned and where the table stood."""

    anatomy: ThoraxAnatomy
    acquisition: Acquisition
    place: TablePlace
    description: str


CHEST_SCANS: Mapping[Phantom, ChestScan] = {
    Phantom.CHEST_CT_FIRST: ChestScan(
        _PERSON,
        Acquisition(seed=1),
        TablePlace(frame="2025", lowest_z=-342.0, slice_thickness=1.0),
        "Lung 1.0 mm",
    ),
    # A year later: another table height and position, another slice thickness, turned a little, less breath.
    Phantom.CHEST_CT_SECOND: ChestScan(
        replace(_PERSON, nodules=(Nodule(NODULE_CENTRE, SECOND_DIAMETER),), breath=5.0),
        Acquisition(
            slices=256,
            slice_spacing=1.25,
            pixel_spacing=0.742,
            lowest=-20.0,
            centre=(5.0, -4.0),
            roll=1.2,
            table_depth=116.0,
            seed=2,
        ),
        TablePlace(frame="2026", lowest_z=812.5, slice_thickness=1.25, tube_current=160),
        "Lung 1.25 mm",
    ),
    Phantom.CHEST_CT_NORMAL: ChestScan(
        _HEALTHY,
        Acquisition(slices=120, slice_spacing=2.5, thin_slices=2, centre=(-2.0, 0.0), seed=3),
        TablePlace(frame="2026", lowest_z=-1120.0, slice_thickness=2.5, tube_current=120),
        "Chest 2.5 mm",
    ),
}

_RADIOGRAPH_PIXEL = 0.2


def make(jobs: Sequence[tuple[Phantom, StudyHeader, Path]], scale: Scale) -> None:
    """Write the files of one or more studies into their folders; a radiograph shares the CT it is projected from."""
    if not jobs:
        return
    chest = [job for job in jobs if job[0] in CHEST_SCANS or job[0] is Phantom.CHEST_RADIOGRAPH]
    if chest:
        _make_chest(chest, scale)
    for phantom, study, folder in jobs:
        writer = _WRITERS.get(phantom)
        if writer is not None:
            writer(study, folder, scale)


def _make_chest(jobs: Sequence[tuple[Phantom, StudyHeader, Path]], scale: Scale) -> None:
    scanned = next((phantom for phantom, _, _ in jobs if phantom in CHEST_SCANS), Phantom.CHEST_CT_FIRST)
    scan = CHEST_SCANS[scanned]
    acquisition = scan.acquisition if scale is Scale.FULL else _coarse(scan.acquisition)
    volume = render_thorax(scan.anatomy, acquisition)
    for phantom, study, folder in jobs:
        if phantom is Phantom.CHEST_RADIOGRAPH:
            pixel = _RADIOGRAPH_PIXEL if scale is Scale.FULL else 2.8
            spacing = (acquisition.slice_spacing, acquisition.pixel_spacing, acquisition.pixel_spacing)
            image = project_chest(volume, spacing=spacing, table_row=table_row(acquisition), pixel=pixel, seed=1)
            series = SeriesHeader("DX", 1, "PA", "CHEST", "Demo DR")
            write_chest_radiograph(image, pixel=pixel, study=study, series=series, folder=folder)
        else:
            series = SeriesHeader("CT", 2, scan.description, "CHEST", "Demo CT 64", "HFS", "Chest routine")
            write_ct_series(
                volume, study=study, series=series, acquisition=acquisition, place=scan.place, folder=folder
            )


def _coarse(acquisition: Acquisition) -> Acquisition:
    return replace(
        acquisition,
        rows=128,
        columns=128,
        pixel_spacing=acquisition.pixel_spacing * acquisition.rows / 128,
        slices=24,
        slice_spacing=acquisition.slice_spacing * acquisition.slices / 24,
        thin_slices=1,
        detail=0.03,
    )


def _make_head(study: StudyHeader, folder: Path, scale: Scale) -> None:
    acquisition = HeadAcquisition()
    if scale is Scale.TEST:
        acquisition = HeadAcquisition(size=64, pixel_spacing=3.6, slices=6, slice_spacing=24.0)
    for number, weighting in enumerate(Weighting, start=1):
        series = SeriesHeader(
            "MR", number, f"{weighting} TSE ax", "HEAD", "Demo MR 1.5T", "HFS", f"{weighting}_tse_tra"
        )
        volume = render_head(_HEAD, acquisition, weighting)
        write_mr_series(volume, study=study, series=series, acquisition=acquisition, weighting=weighting, folder=folder)


def _make_echo(study: StudyHeader, folder: Path, scale: Scale) -> None:
    acquisition = EchoAcquisition()
    if scale is Scale.TEST:
        acquisition = EchoAcquisition(columns=160, rows=120, frames=5)
    series = SeriesHeader("US", 1, "Apical 4 chamber", "HEART", "Demo Echo")
    write_echo(render_echo(acquisition), acquisition=acquisition, study=study, series=series, folder=folder)


def _make_ecg(study: StudyHeader, folder: Path, scale: Scale) -> None:
    acquisition = EcgAcquisition()  # small at every scale
    series = SeriesHeader("ECG", 1, "12 lead", "HEART", "Demo ECG 12")
    write_ecg(render_ecg(acquisition), acquisition=acquisition, study=study, series=series, folder=folder)


def _make_endoscopy(study: StudyHeader, folder: Path, scale: Scale) -> None:
    acquisition = EndoscopyAcquisition(polyp_diameter=POLYP_DIAMETER)
    if scale is Scale.TEST:
        acquisition = replace(acquisition, size=96)
    series = SeriesHeader("ES", 1, "Colonoscopy", "COLON", "Demo Scope")
    write_endoscopy(render_endoscopy(acquisition), study=study, series=series, folder=folder)


def _make_microscopy(study: StudyHeader, folder: Path, scale: Scale) -> None:
    acquisition = MicroscopyAcquisition()
    if scale is Scale.TEST:
        acquisition = MicroscopyAcquisition(columns=160, rows=120, pixel=4.0)
    series = SeriesHeader("GM", 1, "HE x20", "COLON", "Demo Microscope")
    write_microscopy(render_tissue(acquisition), study=study, series=series, folder=folder)


_WRITERS: Mapping[Phantom, Callable[[StudyHeader, Path, Scale], None]] = {
    Phantom.HEAD_MR: _make_head,
    Phantom.ECHO: _make_echo,
    Phantom.ECG: _make_ecg,
    Phantom.ENDOSCOPY: _make_endoscopy,
    Phantom.MICROSCOPY: _make_microscopy,
}
