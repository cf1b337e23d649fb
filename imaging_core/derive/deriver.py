"""`Deriver`: brings the derived objects of a study up to date with the index."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.derive.manifest import build_manifest, series_briefs
from imaging_core.derive.packs import Pack
from imaging_core.derive.renderer import Renderer
from imaging_core.derive.series_pack import SourceInstance, SourceSeries, build_pack
from imaging_core.derive.store import CurrentSet, DerivedStore
from imaging_core.errors import StudyNotFound
from imaging_core.index import queries
from imaging_core.index.feed import last_image_change
from imaging_core.index.tables import SeriesRow, StudyRow

log = logging.getLogger(__name__)

_MAY_PASS = frozenset({"decoder_timeout", "decoder_crashed", "bytes_missing"})
"""Reasons that may lie in the machine and not in the image: tried again with the next run."""


@dataclass(frozen=True, slots=True)
class FailedFrame:
    """An instance some frame of which cannot be shown, and why."""

    sop_instance_uid: str
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeriveReport:
    """What one run made. `through` is the last change it includes; later images have later changes."""

    study_instance_uid: str
    manifest_version: str
    through: int
    series: int
    frames: int
    packs_built: int
    published: bool
    """False when another run had included later images already."""
    failed: Sequence[FailedFrame] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The images of a study at one moment."""

    through: int
    series: Sequence[SourceSeries]


class Deriver:
    """Makes packs and manifests. Repeating is harmless: what is there already is not made again.

    One rendering child serves all calls, which wait for each other; give each worker its own deriver.

    Args:
        blobs: Where the received bytes are.
        derived: Where the derived objects go.
        sessions: Opens sessions that write.
        renderer: The rendering child; one of its own when not given.
    """

    def __init__(
        self,
        blobs: BlobStore,
        derived: DerivedStore,
        sessions: sessionmaker[Session],
        renderer: Renderer | None = None,
    ) -> None:
        self._blobs = blobs
        self._derived = derived
        self._sessions = sessions
        self._renderer = renderer or Renderer()
        self._one_at_a_time = threading.Lock()

    def close(self) -> None:
        """End the rendering child."""
        self._renderer.close()

    def derive_study(self, institution_code: str, study_instance_uid: str) -> DeriveReport:
        """Make what is missing for the images the study has now, and publish it.

        Images that arrive meanwhile are not included; their changes come later in the feed than `through`.

        Raises:
            StudyNotFound: The institution has no such study.
            RendererUnavailable: The rendering child cannot be started.
        """
        with self._one_at_a_time:
            snapshot = self._snapshot(institution_code, study_instance_uid)
            folder = self._derived.study_folder(institution_code, study_instance_uid)
            self._derived.prepare(folder)
            built = [self._ensure_pack(folder, series) for series in snapshot.series]
            packs = [pack for pack, _ in built]
            listed = [(pack.series, pack.instances) for pack in packs]
            version, manifest = build_manifest(study_instance_uid, listed)
            self._derived.put_manifest(folder, version, manifest)
            current = CurrentSet(
                version=version,
                through=snapshot.through,
                packs=[series.pack_name for series in snapshot.series],
                series=series_briefs(listed),
            )
            published = self._publish(institution_code, study_instance_uid, folder, current)
        report = DeriveReport(
            study_instance_uid=study_instance_uid,
            manifest_version=version,
            through=snapshot.through,
            series=len(packs),
            frames=sum(instance["frames"] for pack in packs for instance in pack.instances),
            packs_built=sum(new for _, new in built),
            published=published,
            failed=[
                FailedFrame(instance["sop_instance_uid"], instance["reason_code"], instance["reason"])
                for pack in packs
                for instance in pack.instances
                if instance["reason_code"]
            ],
        )
        log.info(
            "study derived",
            extra={
                "study_instance_uid": study_instance_uid,
                "frames": report.frames,
                "packs_built": report.packs_built,
                "failed": len(report.failed),
            },
        )
        return report

    def _snapshot(self, institution_code: str, study_instance_uid: str) -> _Snapshot:
        with self._sessions.begin() as session:
            study = queries.study(session, institution_code, study_instance_uid)
            if study is None:
                raise StudyNotFound(study_instance_uid)
            # first the sequence, then the images: one that comes between is derived now and once more later
            through = last_image_change(session, institution_code, study_instance_uid)
            return _Snapshot(through, [_source(session, row) for row in queries.series_of(session, study)])

    def _ensure_pack(self, folder: Path, series: SourceSeries) -> tuple[Pack, bool]:
        """Return the pack of a series, made now unless it is there and whole."""
        place = self._derived.pack_path(folder, series.pack_name)
        try:
            pack = Pack(place)
            if not any(instance["reason_code"] in _MAY_PASS for instance in pack.instances):
                return pack, False
        except (FileNotFoundError, ValueError):
            pass  # not made yet, or damaged
        build_pack(place, series, self._renderer, lambda ref: self._blobs.read(ref))
        return Pack(place), True

    def _publish(self, institution_code: str, study_instance_uid: str, folder: Path, current: CurrentSet) -> bool:
        """Make the set current, unless another worker has published a later one meanwhile."""
        with self._sessions.begin() as session:
            # the locked row makes publishers of one study wait for each other
            study = session.scalars(
                select(StudyRow)
                .where(StudyRow.institution_code == institution_code, StudyRow.study_instance_uid == study_instance_uid)
                .with_for_update()
            ).one()
            if study.derived_through > current.through:
                return False
            self._derived.publish(folder, current)
            study.manifest_version, study.derived_through = current.version, current.through
        return True


def _source(session: Session, row: SeriesRow) -> SourceSeries:
    return SourceSeries(
        series_instance_uid=row.series_instance_uid,
        modality=row.modality,
        series_number=row.series_number,
        description=row.series_description,
        instances=[
            SourceInstance(
                sop_instance_uid=instance.sop_instance_uid,
                sop_class_uid=instance.sop_class_uid,
                instance_number=instance.instance_number,
                number_of_frames=instance.number_of_frames,
                transfer_syntax_uid=instance.transfer_syntax_uid,
                blob=BlobRef(instance.blob_digest, instance.blob_size, instance.blob_locator),
            )
            for instance in queries.instances_of(session, row)
        ],
    )
