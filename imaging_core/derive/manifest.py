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


def series_brief(series: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> Json:
    """Return the `SeriesBrief` of a series; `instances` as in its pack, in the order a viewer shows them."""
    with_preview = [instance for instance in instances if _has_preview(instance)]
    pictured = with_preview or [instance for instance in instances if _has_web_frame(instance)]
    middle = pictured[len(pictured) // 2] if pictured else None
    return {
        "series_instance_uid": series["series_instance_uid"],
        "modality": series["modality"],
        "series_number": series["series_number"],
        "description": series["description"],
        "kind": _kind(instances),
        "instance_count": len(instances),
        "frame_count": sum(instance["frames"] for instance in instances),
        "key": None
        if middle is None
        else {"sop_instance_uid": middle["sop_instance_uid"], "frame_number": middle["frames"] // 2 + 1},
        "has_preview": bool(with_preview),
    }


def build_manifest(
    study_instance_uid: str, series: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]
) -> tuple[str, bytes]:
    """Return the content version and the gzipped manifest. Equal content gives equal bytes."""
    listed = [
        series_brief(head, instances) | {"instances": [_instance(instance) for instance in instances]}
        for head, instances in series
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
