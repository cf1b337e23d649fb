"""Softcopy presentation states (PS3.3 A.33): how somebody meant images to be shown, read and applied.

Grey and colour states are read whole for viewers. Applied to a picture are VOI, modality rescale, presentation LUT
shape, shutters, drawn shapes, rotation, flip and displayed area; texts are listed, not drawn.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from imaging_core.dicom.charset import decode_text
from imaging_core.dicom.frames import DecodedFrame
from imaging_core.dicom.voi import Picture
from imaging_core.errors import PixelsNotReadable

Json = dict[str, Any]

CLASSES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2"})
_MOST_POINTS: Final = 20_000
_MOST_ITEMS: Final = 1_000
_LONGEST_TEXT: Final = 1_000
_ANY_FRAME: Final = None


def presentation_of(dataset: Dataset) -> Json | None:
    """Return a presentation state as viewers are told it; None for every other object, or one that cannot be read."""
    if dataset.get("SOPClassUID") not in CLASSES:
        return None
    try:
        return _read(dataset)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # a foreign file may hold anything in any place
        return None


def _read(dataset: Dataset) -> Json:
    declared = dataset.get("SpecificCharacterSet") or ()
    sets = [declared] if isinstance(declared, str) else list(declared)
    given: Json = {
        "label": _text(dataset, "ContentLabel", sets),
        "applies_to": [
            reference
            for series in dataset.get("ReferencedSeriesSequence") or ()
            for reference in _references(series, "ReferencedImageSequence")
        ],
        "voi": [_voi(item) for item in dataset.get("SoftcopyVOILUTSequence") or ()],
        "rotation": int(dataset.get("ImageRotation") or 0) % 360,
        "flip": dataset.get("ImageHorizontalFlip") == "Y",
        "displayed_areas": [_area(item) for item in dataset.get("DisplayedAreaSelectionSequence") or ()],
        "layers": [
            {"name": _text(item, "GraphicLayer", sets), "order": int(item.get("GraphicLayerOrder") or 0)}
            for item in dataset.get("GraphicLayerSequence") or ()
        ],
        "annotations": [
            _annotation(item, sets) for item in list(dataset.get("GraphicAnnotationSequence") or ())[:_MOST_ITEMS]
        ],
        "shutters": list(_shutters(dataset)),
    }
    if "RescaleSlope" in dataset:
        given["rescale"] = {
            "slope": float(dataset.RescaleSlope),
            "intercept": float(dataset.get("RescaleIntercept") or 0),
        }
    if dataset.get("PresentationLUTShape"):
        given["presentation_lut_shape"] = str(dataset.PresentationLUTShape)
    # what a viewer has to know that this says no more about
    keywords = ("ModalityLUTSequence", "PresentationLUTSequence", "MaskSubtractionSequence")
    given["not_read"] = [keyword for keyword in keywords if dataset.get(keyword)]
    return given


def _references(item: Dataset, keyword: str) -> list[Json]:
    return [
        {
            "sop_instance_uid": str(reference.ReferencedSOPInstanceUID),
            "frames": _integers(reference.get("ReferencedFrameNumber")) or _ANY_FRAME,
        }
        for reference in item.get(keyword) or ()
    ]


def _voi(item: Dataset) -> Json:
    told: Json = {"applies_to": _references(item, "ReferencedImageSequence")}
    table = next(iter(item.get("VOILUTSequence") or ()), None)
    if table is not None:
        data = table["LUTData"].value
        words = data if isinstance(data, bytes) else np.array(data, dtype="<u2").tobytes()
        told["lut"] = {"descriptor": _integers(table.LUTDescriptor), "data": base64.b64encode(words).decode()}
    else:
        told["center"], told["width"] = _floats(item.WindowCenter)[0], _floats(item.WindowWidth)[0]
        told["function"] = str(item.get("VOILUTFunction") or "LINEAR")
    return told


def _area(item: Dataset) -> Json:
    return {
        "applies_to": _references(item, "ReferencedImageSequence"),
        "top_left": _integers(item.DisplayedAreaTopLeftHandCorner),
        "bottom_right": _integers(item.DisplayedAreaBottomRightHandCorner),
        "size_mode": str(item.get("PresentationSizeMode") or "SCALE TO FIT"),
        "spacing": _floats(item.get("PresentationPixelSpacing")),
        "aspect": _integers(item.get("PresentationPixelAspectRatio")),
        "magnification": _floats(item.get("PresentationPixelMagnificationRatio")),
    }


def _annotation(item: Dataset, sets: Sequence[str]) -> Json:
    return {
        "applies_to": _references(item, "ReferencedImageSequence"),
        "layer": _text(item, "GraphicLayer", sets),
        "texts": [_written(text, sets) for text in list(item.get("TextObjectSequence") or ())[:_MOST_ITEMS]],
        "shapes": [_shape(shape) for shape in list(item.get("GraphicObjectSequence") or ())[:_MOST_ITEMS]],
    }


def _written(item: Dataset, sets: Sequence[str]) -> Json:
    return {
        "text": _text(item, "UnformattedTextValue", sets),
        "box": [_floats(item.get(f"BoundingBox{corner}HandCorner")) for corner in ("TopLeft", "BottomRight")],
        "box_units": str(item.get("BoundingBoxAnnotationUnits") or ""),
        "anchor": _floats(item.get("AnchorPoint")),
        "anchor_units": str(item.get("AnchorPointAnnotationUnits") or ""),
    }


def _shape(item: Dataset) -> Json:
    return {
        "type": str(item.GraphicType),
        "units": str(item.GraphicAnnotationUnits),
        "points": _floats(item.GraphicData)[: 2 * _MOST_POINTS],
        "filled": item.get("GraphicFilled") == "Y",
    }


def _shutters(dataset: Dataset) -> Iterator[Json]:
    shapes = dataset.get("ShutterShape")
    for shape in [shapes] if isinstance(shapes, str) else shapes or ():
        if shape == "RECTANGULAR":
            edges = ("Left", "Upper", "Right", "Lower")
            kinds = ("Vertical", "Horizontal", "Vertical", "Horizontal")
            yield {
                "shape": "RECTANGULAR",
                "edges": [
                    int(dataset[f"Shutter{edge}{kind}Edge"].value) for edge, kind in zip(edges, kinds, strict=True)
                ],
            }
        elif shape == "CIRCULAR":
            row, column = _integers(dataset.CenterOfCircularShutter)
            yield {"shape": "CIRCULAR", "center": [row, column], "radius": int(dataset.RadiusOfCircularShutter)}
        elif shape == "POLYGONAL":
            yield {"shape": "POLYGONAL", "vertices": _integers(dataset.VerticesOfThePolygonalShutter)}


# --- applying --------------------------------------------------------------------------------------------------------


def meant_for(listed: Sequence[Json], sop_instance_uid: str, frame_number: int) -> Json | None:
    """Return the first part of a state that applies to a frame: one that names it, or names nothing."""
    for item in listed:
        references = item["applies_to"]
        if not references or any(_names(reference, sop_instance_uid, frame_number) for reference in references):
            return item
    return None


def prepared(dataset: Dataset, frame: DecodedFrame, presentation: Json) -> DecodedFrame:
    """Let the data set say what the state says of grey values; return the frame as the state takes it.

    Raises:
        PixelsNotReadable: The state is not of this frame, or holds what is not applied.
    """
    sop, number = str(dataset.get("SOPInstanceUID")), frame.frame_index + 1
    if not any(_names(reference, sop, number) for reference in presentation["applies_to"]):
        raise PixelsNotReadable("other_presentation", "the presentation state is not of this image")
    if presentation["not_read"]:
        raise PixelsNotReadable("presentation_unsupported", f"{presentation['not_read'][0]} is not applied")
    voi = meant_for(presentation["voi"], sop, number)
    if voi is not None:
        _replace_voi(dataset, voi)
    if "rescale" in presentation:
        dataset.RescaleSlope, dataset.RescaleIntercept = presentation["rescale"].values()
    shape = presentation.get("presentation_lut_shape")
    if shape is None or not frame.photometric_interpretation.startswith("MONOCHROME"):
        return frame
    # PS3.3 C.11.6: the state's polarity takes the place of the image's own
    dataset.PresentationLUTShape = shape
    return replace(frame, photometric_interpretation="MONOCHROME2")


def arranged(picture: Picture, dataset: Dataset, frame: DecodedFrame, presentation: Json) -> Picture:
    """Return a picture with shutters, drawn shapes, the displayed area cut out, turned and flipped."""
    sop, number = str(dataset.get("SOPInstanceUID")), frame.frame_index + 1
    image = Image.fromarray(picture)
    _shut(image, presentation["shutters"])
    meant = [item for item in presentation["annotations"] if meant_for([item], sop, number)]
    shapes = [shape for annotation in meant for shape in annotation["shapes"]]
    _draw_all(image, [shape for shape in shapes if shape["units"] == "PIXEL"], (1, 1))
    area = meant_for(presentation["displayed_areas"], sop, number)
    if area is not None:
        image = _cut(image, area)
    # C.10.6: first turned clockwise, then flipped
    image = (
        image.rotate(-presentation["rotation"], expand=True) if presentation["rotation"] in (90, 180, 270) else image
    )
    image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if presentation["flip"] else image
    # C.10.5.1.2: fractions of the displayed area as it is shown
    _draw_all(image, [shape for shape in shapes if shape["units"] == "DISPLAY"], image.size)
    return np.asarray(image)


def _names(reference: Json, sop_instance_uid: str, frame_number: int) -> bool:
    frames = reference["frames"]
    return reference["sop_instance_uid"] == sop_instance_uid and (frames is None or frame_number in frames)


def _replace_voi(dataset: Dataset, voi: Json) -> None:
    for keyword in ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"):
        if keyword in dataset:
            delattr(dataset, keyword)
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(keyword) or ():
            if "FrameVOILUTSequence" in group:
                del group.FrameVOILUTSequence
    if "lut" in voi:
        table = Dataset()
        table.add_new("LUTDescriptor", "US", voi["lut"]["descriptor"])
        table.add_new("LUTData", "OW", base64.b64decode(voi["lut"]["data"]))
        dataset.VOILUTSequence = [table]
    else:
        dataset.WindowCenter, dataset.WindowWidth = voi["center"], voi["width"]
        dataset.VOILUTFunction = voi["function"]


def _shut(image: Image.Image, shutters: Sequence[Json]) -> None:
    if not shutters:
        return
    seen = Image.new("1", image.size, 1)
    for shutter in shutters:
        one = Image.new("1", image.size, 0)
        draw = ImageDraw.Draw(one)
        if shutter["shape"] == "RECTANGULAR":
            left, upper, right, lower = shutter["edges"]
            if left <= right and upper <= lower:
                draw.rectangle((left - 1, upper - 1, right - 1, lower - 1), fill=1)
        elif shutter["shape"] == "CIRCULAR":
            (row, column), radius = shutter["center"], shutter["radius"]
            draw.ellipse((column - 1 - radius, row - 1 - radius, column - 1 + radius, row - 1 + radius), fill=1)
        else:
            points = [(column - 1, row - 1) for row, column in _pairs(shutter["vertices"])]
            draw.polygon(points, fill=1)
        seen = Image.fromarray(np.asarray(seen) & np.asarray(one))
    image.paste(0, mask=Image.fromarray(~np.asarray(seen)))


def _draw_all(image: Image.Image, shapes: Sequence[Json], scale: tuple[int, int]) -> None:
    for shape in shapes:
        points = [(x * scale[0], y * scale[1]) for x, y in _pairs(shape["points"])]
        _draw(image, shape["type"], points, filled=shape["filled"])


def _draw(image: Image.Image, kind: str, points: Sequence[tuple[float, float]], *, filled: bool) -> None:
    draw, white = ImageDraw.Draw(image), 255 if image.mode == "L" else (255, 255, 255)
    fill = white if filled else None
    # C.10.5.1.2: 0\0 is the corner of the first pixel, not its centre
    at = [(x - 0.5, y - 0.5) for x, y in points]
    if kind == "POINT" and at:
        (x, y) = at[0]
        draw.line((x - 3, y, x + 3, y), white)
        draw.line((x, y - 3, x, y + 3), white)
    elif kind in ("POLYLINE", "INTERPOLATED") and len(at) > 1:
        draw.polygon(at, fill=fill, outline=white) if filled and at[0] == at[-1] else draw.line(at, white)
    elif kind == "CIRCLE" and len(at) == 2:
        (x, y), radius = at[0], float(np.hypot(at[1][0] - at[0][0], at[1][1] - at[0][1]))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=white)
    elif kind == "ELLIPSE" and len(at) == 4:
        draw.line(_ellipse(np.array(at)), white)


def _ellipse(axes: np.ndarray) -> list[tuple[float, float]]:
    """Return points of an ellipse from the ends of its major and its minor axis."""
    center, major, minor = axes.mean(axis=0), (axes[1] - axes[0]) / 2, (axes[3] - axes[2]) / 2
    turns = np.linspace(0, 2 * np.pi, 73)[:, None]
    return [(float(x), float(y)) for x, y in center + np.cos(turns) * major + np.sin(turns) * minor]


def _cut(image: Image.Image, area: Json) -> Image.Image:
    """Return the displayed area, black where it reaches beyond the image; pixels that are no squares become so."""
    (x0, y0), (x1, y1) = area["top_left"], area["bottom_right"]
    # C.10.4: which corner is the first depends on rotation and flip
    left, right, top, bottom = min(x0, x1) - 1, max(x0, x1), min(y0, y1) - 1, max(y0, y1)
    if right - left > 4 * image.width or bottom - top > 4 * image.height:
        raise PixelsNotReadable("bad_presentation", "the displayed area is far larger than the image")
    image = image.crop((left, top, right, bottom))
    rows, columns = (area["spacing"] or area["aspect"] or [1, 1])[:2]
    if rows <= 0 or columns <= 0 or abs(rows / columns - 1) < 1e-3 or not 0.1 < rows / columns < 10:
        return image
    # the vertical distance of pixels against the horizontal one
    size = (
        (image.width, round(image.height * rows / columns))
        if rows > columns
        else (round(image.width * columns / rows), image.height)
    )
    return image.resize(size, Image.Resampling.BILINEAR)


def _pairs(numbers: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(numbers[0::2], numbers[1::2], strict=False))


def _floats(value: Any) -> list[float]:  # noqa: ANN401  # an attribute of a foreign file is anything
    if value is None or value == "":
        return []
    return [float(part) for part in ([value] if isinstance(value, int | float | str) else value)]


def _integers(value: Any) -> list[int]:  # noqa: ANN401  # as above
    return [int(part) for part in _floats(value)]


def _text(item: Dataset, keyword: str, sets: Sequence[str]) -> str:
    element = item.get_item(keyword)
    value: Any = None if element is None else element.value
    if isinstance(value, bytes):
        value = decode_text(value, sets).text
    return str(value or "").strip(" \0")[:_LONGEST_TEXT]
