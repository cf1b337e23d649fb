"""`Retrieval`: everything that retrieval needs, put together."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Engine

from imaging_core.blobs import BlobStore
from imaging_core.derive.store import DerivedStore
from imaging_core.dicom.limits import Limits
from imaging_core.errors import BlobMissing
from imaging_core.retrieve.attributes import AttributeReader
from imaging_core.retrieve.content import Content
from imaging_core.retrieve.decoding import Decoding
from imaging_core.retrieve.finding import Found, InstanceFinder
from imaging_core.retrieve.frames import FramePlaces
from imaging_core.retrieve.metadata import SeriesMetadata

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What finds, reads and decodes stored instances. Threads may share it."""

    finder: InstanceFinder
    content: Content
    attributes: AttributeReader
    metadata: SeriesMetadata
    decoding: Decoding
    frames: FramePlaces

    @classmethod
    def open(
        cls, engine: Engine, blobs: BlobStore, derived: DerivedStore, *, base_url: str, limits: Limits | None = None
    ) -> "Retrieval":
        """Put it together; nothing is opened or started yet."""
        content = Content(blobs)
        attributes = AttributeReader(content, blobs, limits or Limits())
        return cls(
            InstanceFinder(engine),
            content,
            attributes,
            SeriesMetadata(attributes, derived, base_url),
            Decoding(blobs),
            FramePlaces(content),
        )

    def by_series(self, instances: Sequence[Found]) -> list[list[Found]]:
        """Return instances that are in the order of their series, series by series."""
        return [list(group) for _, group in groupby(instances, attrgetter("series_instance_uid"))]

    def prepare_metadata(self, institution_code: str, study_instance_uid: str) -> None:
        """Make the metadata of a study's series where it is not there yet and can be made."""
        for series in self.by_series(self.finder.study(institution_code, study_instance_uid)):
            try:
                self.metadata.series_gz(institution_code, series)
            except BlobMissing as error:  # whoever asks for it is told
                log.warning("metadata not made", extra={"digest": error.digest})

    def close(self) -> None:
        """End child processes, close files."""
        self.decoding.close()
        self.content.close()
