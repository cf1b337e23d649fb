"""One series from received instances to a pack."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from imaging_core.blobs import BlobRef
from imaging_core.derive.ordering import in_anatomical_order
from imaging_core.derive.packs import PackWriter, Span
from imaging_core.derive.renderer import Renderer
from imaging_core.errors import BlobMissing, PixelsNotReadable

_RECIPE: Final = "2"
"""Part of every pack's name: raise it when the same instances should give other packs."""

_KEY_OBJECT_RECIPE: Final = "3"
"""That of key objects alone, since their packs tell what they point out: pictures need not be made again for it."""


@dataclass(frozen=True, slots=True)
class SourceInstance:
    """An instance as the index knows it."""

    sop_instance_uid: str
    sop_class_uid: str
    instance_number: int | None
    number_of_frames: int
    transfer_syntax_uid: str
    blob: BlobRef


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """A series as the index knows it, its current instances by instance number."""

    series_instance_uid: str
    modality: str
    series_number: int | None
    description: str
    instances: Sequence[SourceInstance]

    @property
    def pack_name(self) -> str:
        """Name of the pack: known before it is made, equal for equal content."""
        recipe = _KEY_OBJECT_RECIPE if self.modality == "KO" else _RECIPE
        parts = [recipe, self.series_instance_uid, self.modality, str(self.series_number), self.description]
        parts += sorted(f"{instance.sop_instance_uid} {instance.blob.digest}" for instance in self.instances)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


@dataclass(slots=True)
class _Rendered:
    """What the table of a pack says about one instance."""

    sop_instance_uid: str
    sop_class_uid: str
    instance_number: int | None
    frames: int
    spans: list[list[Span] | None]
    position: dict[str, list[float]] | None
    metadata: dict[str, Any]
    points_out: list[tuple[str, int]] = field(default_factory=list)
    presentation: dict[str, Any] | None = None
    reason_code: str = ""
    reason: str = ""

    def refuse(self, reason_code: str, reason: str) -> None:
        """Note why something is missing; the first reason stays."""
        if not self.reason_code:
            self.reason_code, self.reason = reason_code, reason


def build_pack(
    place: Path, series: SourceSeries, renderer: Renderer, read_blob: Callable[[BlobRef], Iterator[bytes]]
) -> None:
    """Render every instance of a series and write its pack; an instance that cannot be rendered has no frames in it."""
    with PackWriter(place) as writer:
        rendered = [_render(instance, writer, renderer, read_blob) for instance in series.instances]
        head = {
            "series_instance_uid": series.series_instance_uid,
            "modality": series.modality,
            "series_number": series.series_number,
            "description": series.description,
            "pack": series.pack_name,
        }
        writer.finish(head, in_anatomical_order([asdict(instance) for instance in rendered]))


def _render(
    source: SourceInstance, writer: PackWriter, renderer: Renderer, read_blob: Callable[[BlobRef], Iterator[bytes]]
) -> _Rendered:
    result = _Rendered(
        sop_instance_uid=source.sop_instance_uid,
        sop_class_uid=source.sop_class_uid,
        instance_number=source.instance_number,
        frames=source.number_of_frames,
        spans=[None] * source.number_of_frames,
        position=None,
        metadata={},
    )
    try:
        for message in renderer.render(read_blob(source.blob), source.blob.size, source.transfer_syntax_uid):
            head = message.head
            if head["kind"] == "frame" and head["frame_index"] < len(result.spans):
                codestream, preview, thumbnail = message.payloads
                result.spans[head["frame_index"]] = writer.add_frame(codestream, preview, thumbnail)
            if head["kind"] == "end":
                result.position, result.metadata = head.get("position"), head.get("metadata", {})
                result.points_out = head.get("points_out", [])
                result.presentation = head.get("presentation")
            if "reason_code" in head:
                result.refuse(head["reason_code"], head["reason"])
    except PixelsNotReadable as error:
        result.refuse(error.reason_code, str(error))
    except BlobMissing as error:
        result.refuse("bytes_missing", str(error))
    if any(spans is None for spans in result.spans):
        result.refuse("not_decoded", "a frame is missing")
    return result
