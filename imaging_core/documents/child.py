"""The child that opens slides and foreign electrocardiograms, where a poisoned file can do no harm.

It is told where a file lies and answers with what is in it. Its libraries are optional: without them it says so.
Run as `python -m imaging_core.documents.child`, spoken to by `derive.renderer`.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from imaging_core.derive.limited import limit_resources, own_pipe
from imaging_core.derive.protocol import Message, receive, send

_JPEG_QUALITY = 85
_Answer = tuple[dict[str, Any], list[bytes]]


class Unreadable(Exception):
    """The file cannot be read; carries a reason code and a sentence."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


def main() -> None:
    """Serve files until the other side closes the pipe."""
    answers = own_pipe()
    limit_resources(int(sys.argv[1]))
    send(answers, {"kind": "ready"})
    while (request := receive(sys.stdin.buffer)) is not None:
        send(answers, {"kind": "end"} | _do(request, answers))


def _do(request: Message, answers: BinaryIO) -> dict[str, Any]:
    task = request.head["task"]
    try:
        head, payloads = _TASKS[task["kind"]](task)
    except Unreadable as error:
        return {"reason_code": error.reason_code, "reason": str(error)}
    except MemoryError:
        return {"reason_code": "out_of_memory", "reason": "reading needs more memory than allowed"}
    except Exception as error:  # noqa: BLE001  # a foreign file may be wrong in any way; it is kept all the same
        return {"reason_code": "not_readable", "reason": f"the file cannot be read: {type(error).__name__}"}
    send(answers, {"kind": "found"} | head, payloads)
    return {}


def _library(name: str) -> Any:  # noqa: ANN401  # a module
    try:
        return import_module(name)
    except ImportError:
        raise Unreadable("no_reader", f"{name.partition('.')[0]} is not installed") from None


@lru_cache(maxsize=4)
def _slide(path: str) -> Any:  # noqa: ANN401
    openslide = _library("openslide")
    if openslide.OpenSlide.detect_format(path) is None:
        raise Unreadable("no_slide", "no whole-slide image")
    return openslide.OpenSlide(path)


def _slide_facts(task: dict[str, Any]) -> _Answer:
    slide = _slide(task["path"])
    properties = slide.properties
    return {
        "vendor": properties.get("openslide.vendor", ""),
        "levels": [
            [width, height, factor]
            for (width, height), factor in zip(slide.level_dimensions, slide.level_downsamples, strict=True)
        ],
        "microns_per_pixel": [_number(properties.get(f"openslide.mpp-{axis}")) for axis in "xy"],
        "objective_power": _number(properties.get("openslide.objective-power")),
    }, []


def _slide_region(task: dict[str, Any]) -> _Answer:
    slide, level = _slide(task["path"]), task["level"]
    factor = slide.level_downsamples[level]
    # OpenSlide counts the place in pixels of the largest level, the size in those of the level that is read
    place = (round(task["left"] * factor), round(task["top"] * factor))
    return {}, [_jpeg(slide.read_region(place, level, (task["width"], task["height"])))]


def _slide_overview(task: dict[str, Any]) -> _Answer:
    return {}, [_jpeg(_slide(task["path"]).get_thumbnail((task["size"], task["size"])))]


def _jpeg(picture: Any) -> bytes:  # noqa: ANN401  # a PIL image
    if picture.mode == "RGBA":
        # what was not scanned is transparent, on glass that is white
        white = _library("PIL.Image").new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    out = BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()


def _ecg(task: dict[str, Any]) -> _Answer:
    module, parser = {
        "aecg": ("ecgdatakit.parsing.parsers.hl7_aecg", "HL7aECGParser"),
        "scp_ecg": ("ecgdatakit.parsing.parsers.scp_ecg", "SCPECGParser"),
    }[task["format"]]
    parsed = getattr(_library(module), parser)().parse(Path(task["path"]))
    numpy = import_module("numpy")
    leads, samples = [], []
    for lead in parsed.leads:
        physical = lead.to_physical()
        leads.append({"name": physical.label, "unit": physical.units, "samples_per_second": physical.sampling_rate})
        samples.append(numpy.ascontiguousarray(physical.samples, "<f8").tobytes())
    return {"leads": leads}, samples


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


_TASKS: dict[str, Callable[[dict[str, Any]], _Answer]] = {
    "slide_facts": _slide_facts,
    "slide_region": _slide_region,
    "slide_overview": _slide_overview,
    "ecg": _ecg,
}


if __name__ == "__main__":
    main()
