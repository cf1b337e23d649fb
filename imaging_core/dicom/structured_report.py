"""A structured report (PS3.3 C.17.3) as HTML: the whole content tree, escaped, without scripts or styles of others."""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from imaging_core.dicom.charset import decode_text
from imaging_core.errors import PixelsNotReadable

CLASSES: Final = "1.2.840.10008.5.1.4.1.1.88."
_DEEPEST: Final = 24
_MOST_ITEMS: Final = 20_000
_LONGEST: Final = 20_000
_RELATIONS: Final = {
    "HAS CONCEPT MOD": "修饰",
    "HAS OBS CONTEXT": "观察背景",
    "HAS ACQ CONTEXT": "采集背景",
    "HAS PROPERTIES": "属性",
    "INFERRED FROM": "依据",
    "SELECTED FROM": "选自",
}
_STYLE: Final = (
    "body{font:16px/1.6 sans-serif;margin:1rem;max-width:60rem;color:#111;background:#fff;overflow-wrap:anywhere}"
    "ul{list-style:none;margin:0;padding-left:1.1rem;border-left:1px solid #ddd}li{margin:.3rem 0}"
    "b{font-weight:600}code{color:#666;font-size:.8em}em{color:#666;font-style:normal}"
    "p{white-space:pre-wrap;margin:.2rem 0}h1{font-size:1.3rem}"
)


def report_html(dataset: Dataset) -> str:
    """Return a page with title, state and content tree. It names no patient: whoever shows it knows whose it is.

    Raises:
        PixelsNotReadable: The instance has no content tree, or one beyond any size.
    """
    if dataset.get("ValueType") != "CONTAINER":
        raise PixelsNotReadable("no_content_tree", "the document has no content tree")
    writer = _Writer(dataset)
    title = writer.concept(dataset) or "结构化报告"
    tree = "".join(writer.children(dataset, 0))
    state = "　".join(filter(None, writer.state(dataset)))
    return (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1><p><em>{state}</em></p>{tree}</body></html>"
    )


class _Writer:
    """Writes content items; counts them."""

    def __init__(self, dataset: Dataset) -> None:
        self._declared = _character_sets(dataset)
        self._items = 0

    def state(self, dataset: Dataset) -> Iterator[str]:
        complete = {"COMPLETE": "已完成", "PARTIAL": "部分完成"}.get(self._text(dataset, "CompletionFlag"), "")
        verified = {"VERIFIED": "已审核", "UNVERIFIED": "未审核"}.get(self._text(dataset, "VerificationFlag"), "")
        yield complete
        yield verified
        yield f"{_date(self._text(dataset, 'ContentDate'))} {_time(self._text(dataset, 'ContentTime'))}".strip()
        for observer in dataset.get("VerifyingObserverSequence") or ():
            name = _person(self._text(observer, "VerifyingObserverName"))
            where = self._text(observer, "VerifyingOrganization")
            yield f"审核：{name}" + (f"（{where}）" if where else "")

    def children(self, item: Dataset, depth: int) -> Iterator[str]:
        nested = list(item.get("ContentSequence") or ())
        if not nested:
            return
        if depth >= _DEEPEST:
            raise PixelsNotReadable("too_deep", f"the content tree is deeper than {_DEEPEST}")
        yield "<ul>"
        for child in nested:
            self._items += 1
            if self._items > _MOST_ITEMS:
                raise PixelsNotReadable("too_large", f"the content tree has more than {_MOST_ITEMS} items")
            yield "<li>"
            yield self._item(child)
            yield from self.children(child, depth + 1)
            yield "</li>"
        yield "</ul>"

    def concept(self, item: Dataset) -> str:
        return next((self._code(code) for code in item.get("ConceptNameCodeSequence") or ()), "")

    def _item(self, item: Dataset) -> str:
        if item.get("ReferencedContentItemIdentifier") is not None:
            place = _joined(item.ReferencedContentItemIdentifier)
            return f"<em>见第 {escape(place)} 项</em>"
        relation = _RELATIONS.get(self._text(item, "RelationshipType"), "")
        name = self.concept(item)
        said = (f"<em>{relation}</em> " if relation else "") + (f"<b>{name}</b>" if name else "")
        value = self._value(item)
        return f"{said}{'：' if name and value else ''}{value}"

    def _value(self, item: Dataset) -> str:
        kind = self._text(item, "ValueType")
        if kind == "CONTAINER":
            return ""
        if kind == "TEXT":
            return f"<p>{self._escaped(item, 'TextValue')}</p>"
        if kind == "NUM":
            return self._number(item)
        if kind == "CODE":
            return "、".join(self._code(code) for code in item.get("ConceptCodeSequence") or ())
        simple = {"DATETIME": "DateTime", "DATE": "Date", "TIME": "Time", "UIDREF": "UID"}
        if kind in simple:
            text = self._text(item, simple[kind])
            return escape(_date(text) if kind == "DATE" else _time(text) if kind == "TIME" else text)
        if kind == "PNAME":
            return escape(_person(self._text(item, "PersonName")))
        if kind in ("IMAGE", "COMPOSITE", "WAVEFORM"):
            return "；".join(self._reference(reference) for reference in item.get("ReferencedSOPSequence") or ())
        if kind in ("SCOORD", "SCOORD3D"):
            points = _joined(item.get("GraphicData"), ", ")
            return f"{self._escaped(item, 'GraphicType')} <code>{escape(points[:_LONGEST])}</code>"
        if kind == "TCOORD":
            return self._escaped(item, "TemporalRangeType")
        return f"<em>{escape(kind or '未注明类型')}</em>"

    def _number(self, item: Dataset) -> str:
        qualifier = "".join(
            f" <em>{self._code(code)}</em>" for code in item.get("NumericValueQualifierCodeSequence") or ()
        )
        measured = next(iter(item.get("MeasuredValueSequence") or ()), None)
        if measured is None:
            return f"<em>无数值</em>{qualifier}"
        unit = next(iter(measured.get("MeasurementUnitsCodeSequence") or ()), None)
        value = _joined(measured.get("NumericValue"), " ")
        # UCUM calls what has no unit 1
        shown = "" if unit is None or self._text(unit, "CodeValue") == "1" else self._unit(unit)
        return f"{escape(value)}{' ' if shown else ''}{shown}{qualifier}"

    def _unit(self, unit: Dataset) -> str:
        text = self._text(unit, "CodeValue") or self._text(unit, "CodeMeaning")
        return escape(text)

    def _reference(self, reference: Dataset) -> str:
        frames = _joined(reference.get("ReferencedFrameNumber"), ", ")
        uid = self._escaped(reference, "ReferencedSOPInstanceUID")
        return f"图像 <code>{uid}</code>" + (f" 第 {escape(frames)} 帧" if frames else "")

    def _code(self, code: Dataset) -> str:
        value = next(
            filter(None, (self._text(code, name) for name in ("CodeValue", "LongCodeValue", "URNCodeValue"))), ""
        )
        scheme = self._text(code, "CodingSchemeDesignator")
        meaning = self._escaped(code, "CodeMeaning") or escape(value)
        return f'<span title="{escape(f"{value} {scheme}".strip())}">{meaning}</span>'

    def _escaped(self, item: Dataset, keyword: str) -> str:
        return escape(self._text(item, keyword))

    def _text(self, item: Dataset, keyword: str) -> str:
        """Return a text by the rules of the index: what it was declared in may be wrong."""
        element = item.get_item(keyword)
        value: Any = None if element is None else element.value
        if isinstance(value, bytes):
            declared = _character_sets(item) or self._declared
            value = decode_text(value, declared).text.rstrip(" \0")
        text = "" if value is None else _joined(value)
        return "".join(sign if sign.isprintable() or sign in "\n\r\t" else "\ufffd" for sign in text[:_LONGEST])


def _character_sets(dataset: Dataset) -> list[str]:
    value = dataset.get("SpecificCharacterSet")
    return [value] if isinstance(value, str) else [str(item) for item in value or ()]


def _joined(value: Any, between: str = ".") -> str:  # noqa: ANN401  # an attribute of a foreign file is anything
    if value is None:
        return ""
    return between.join(map(str, value)) if isinstance(value, list | tuple | MultiValue) else str(value)


def _person(name: str) -> str:
    groups = [group.replace("^", " ").strip() for group in name.split("=")]
    return next((group for group in (*groups[1:2], *groups) if group), "")


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdecimal() else text


def _time(text: str) -> str:
    return ":".join((text[:2], text[2:4])) if text[:4].isdecimal() and len(text) >= 4 else text
