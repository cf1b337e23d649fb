"""The study manifest: everything a viewer needs before it asks for the first frame (docs/patient-api.md)."""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

Json = dict[str, Any]

# PS3.4 B.5: storage SOP classes of objects without pictures
_DOCUMENTS: Final = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.")
_WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."


Listed = Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]
"""The head of each series with its instances as in its pack, in the order a viewer shows them."""


def series_briefs(series: Listed) -> list[Json]:
    """Return the `SeriesBrief` of each series of a study."""
    # packs made before key objects were read have none
    pointed_out = [(uid, frame) for _, items in series for item in items for uid, frame in item.get("points_out", ())]
    return [_series_brief(head, instances, pointed_out) for head, instances in series]


def _series_brief(
    series: Mapping[str, Any], instances: Sequence[Mapping[str, Any]], pointed_out: Sequence[tuple[str, int]]
) -> Json:
    with_preview = [instance for instance in instances if _has_preview(instance)]
    pictured = with_preview or [instance for instance in instances if _has_web_frame(instance)]
    marked = _first_marked(pictured, pointed_out)
    return {
        "series_instance_uid": series["series_instance_uid"],
        "modality": series["modality"],
        "series_number": series["series_number"],
        "description": series["description"],
        "kind": _kind(instances),
        "instance_count": len(instances),
        "frame_count": sum(instance["frames"] for instance in instances),
        "key": marked or _middle(pictured),
        "key_marked": marked is not None,
        "has_preview": bool(with_preview),
    }


def _first_marked(pictured: Sequence[Mapping[str, Any]], pointed_out: Sequence[tuple[str, int]]) -> Json | None:
    frames = {instance["sop_instance_uid"]: instance["frames"] for instance in pictured}
    for uid, frame in pointed_out:
        if 1 <= frame <= frames.get(uid, 0):
            return {"sop_instance_uid": uid, "frame_number": frame}
    return None


def _middle(pictured: Sequence[Mapping[str, Any]]) -> Json | None:
    if not pictured:
        return None
    middle = pictured[len(pictured) // 2]
    return {"sop_instance_uid": middle["sop_instance_uid"], "frame_number": middle["frames"] // 2 + 1}


def build_manifest(study_instance_uid: str, series: Listed) -> tuple[str, bytes]:
    """Return the content version and the gzipped manifest. Equal content gives equal bytes."""
    listed = [
        brief | {"instances": [_instance(instance) for instance in instances]}
        for brief, (_, instances) in zip(series_briefs(series), series, strict=True)
    ]
    # the pack's name stands for its frames: the version changes when any derived byte does
    identity = orjson.dumps([[head["pack"] for head, _ in series], listed])
    version = hashlib.sha256(identity).hexdigest()[:32]
    body = orjson.dumps({"study_instance_uid": study_instance_uid, "version": version, "series": listed})
    return version, gzip.compress(body, compresslevel=6, mtime=0)


def _instance(instance: Mapping[str, Any]) -> Json:
    entry: Json = {
        "sop_instance_uid": instance["sop_instance_uid"],
        "instance_number": instance["instance_number"],
        "frames": instance["frames"],
        "has_preview": _has_preview(instance),
        "web_frame": _has_web_frame(instance),
        "metadata": instance["metadata"],
    }
    if instance.get("presentation"):
        entry["presentation"] = instance["presentation"]
    if instance["reason_code"]:
        entry["reason"] = {"code": instance["reason_code"], "detail": instance["reason"]}
    return entry


def _has_preview(instance: Mapping[str, Any]) -> bool:
    return bool(instance["spans"]) and all(spans is not None and spans[1][1] > 0 for spans in instance["spans"])


def _has_web_frame(instance: Mapping[str, Any]) -> bool:
    return bool(instance["spans"]) and all(spans is not None for spans in instance["spans"])


def _kind(instances: Sequence[Mapping[str, Any]]) -> str:
    if any(instance["frames"] > 0 for instance in instances):
        return "image"
    classes = {instance["sop_class_uid"] for instance in instances}
    if any(sop_class.startswith(_DOCUMENTS) for sop_class in classes):
        return "document"
    return "waveform" if any(sop_class.startswith(_WAVEFORMS) for sop_class in classes) else "other"
