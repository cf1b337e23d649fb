"""Structured reports as pages: the whole tree, nothing of it active."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from imaging_core.dicom.documents import Form, form_of, shown_document
from imaging_core.dicom.structured_report import report_html
from imaging_core.dicom.writing import dataset
from imaging_core.errors import PixelsNotReadable

ALLOWED = {"html", "head", "meta", "title", "style", "body", "h1", "p", "em", "b", "ul", "li", "span", "code"}


def code(meaning: str, value: str = "1", scheme: str = "99T") -> list[dict[str, str]]:
    return [{"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}]


def item(kind: str, name: str = "项目", **attributes: Any) -> dict[str, Any]:
    return {"RelationshipType": "CONTAINS", "ValueType": kind, "ConceptNameCodeSequence": code(name), **attributes}


def page(*items: dict[str, Any], **attributes: Any) -> str:
    root = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ValueType": "CONTAINER",
        "ConceptNameCodeSequence": code("超声测量报告"),
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "VERIFIED",
        "ContentDate": "20260301",
        "ContentTime": "093000",
        "ContentSequence": list(items),
    }
    return report_html(dataset(root | attributes))


class Reader(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


class TestReport:
    def test_shows_title_state_and_who_verified_it(self):
        observer = {"VerifyingObserverName": "Li^Si=李^四", "VerifyingOrganization": "县医院"}
        text = Reader(page(VerifyingObserverSequence=[observer])).text
        assert "超声测量报告" in text
        assert "已完成　已审核　2026-03-01 09:30　审核：李 四（县医院）" in text

    def test_shows_every_kind_of_value(self):
        measured = {"NumericValue": "12.5", "MeasurementUnitsCodeSequence": code("millimeter", "mm", "UCUM")}
        ratio = {"NumericValue": "0.6", "MeasurementUnitsCodeSequence": code("no units", "1", "UCUM")}
        image = {"ReferencedSOPClassUID": "1.2.3", "ReferencedSOPInstanceUID": "1.2.9", "ReferencedFrameNumber": [2, 5]}
        text = Reader(
            page(
                item("TEXT", "所见", TextValue="第一行\n第二行"),
                item("NUM", "直径", MeasuredValueSequence=[measured]),
                item("NUM", "比值", MeasuredValueSequence=[ratio]),
                item("NUM", "未测", NumericValueQualifierCodeSequence=code("测量失败")),
                item("CODE", "部位", ConceptCodeSequence=code("肝", "T-62000", "SRT")),
                item("DATE", "日期", Date="20260228"),
                item("TIME", "时间", Time="101500"),
                item("DATETIME", "时刻", DateTime="20260228101500"),
                item("PNAME", "医师", PersonName="Wang^Wu=王^五"),
                item("UIDREF", "编号", UID="1.2.3.4"),
                item("IMAGE", "图像", ReferencedSOPSequence=[image]),
                item("SCOORD", "轮廓", GraphicType="POLYLINE", GraphicData=[1.0, 2.0, 3.0, 4.0]),
                {"RelationshipType": "INFERRED FROM", "ReferencedContentItemIdentifier": [1, 2]},
            )
        ).text
        for words in (
            *(
                "第一行\n第二行",
                "直径：12.5 mm",
                "比值：0.6",
                "未测：无数值 测量失败",
                "部位：肝",
                "2026-02-28",
                "10:15",
            ),
            *("20260228101500", "医师：王 五", "1.2.3.4", "图像 1.2.9 第 2, 5 帧", "POLYLINE 1.0, 2.0, 3.0, 4.0"),
            "见第 1.2 项",
        ):
            assert words in text

    def test_keeps_the_tree_and_says_how_its_parts_belong_together(self):
        site = item("CODE", "侧别", ConceptCodeSequence=code("左")) | {"RelationshipType": "HAS CONCEPT MOD"}
        shown = page(
            item("CONTAINER", "测量", ContentSequence=[item("TEXT", "肾", TextValue="长径", ContentSequence=[site])])
        )
        assert shown.count("<ul>") == 3
        assert "修饰 侧别：左" in Reader(shown).text
        assert 'title="1 99T"' in shown

    @pytest.mark.parametrize(
        "nasty", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</p></style>\x00\x1b"]
    )
    def test_lets_nothing_in_that_is_written_as_markup(self, nasty: str):
        shown = page(
            item("TEXT", nasty, TextValue=nasty),
            item("CODE", ConceptCodeSequence=code(nasty, nasty[:16], nasty[:16])),
            item("UIDREF", UID="1.2"),
            item("PNAME", PersonName=nasty[:20]),
            ConceptNameCodeSequence=code(nasty),
        )
        reader = Reader(shown)
        assert reader.tags <= ALLOWED
        assert reader.attributes <= {"lang", "charset", "name", "content", "title"}
        assert "\x00" not in shown

    def test_reads_chinese_whatever_was_declared(self):
        content = dataset({"ValueType": "CONTAINER", "ContentSequence": [{"ValueType": "TEXT", "TextValue": "A"}]})
        raw = content.ContentSequence[0].get_item("TextValue")
        content.ContentSequence[0]._dict[raw.tag] = _raw(raw.tag, "肝内见结节".encode("gb18030"))
        assert "肝内见结节" in report_html(content)

    def test_that_is_too_deep_or_none_is_refused(self):
        nested = item("TEXT", TextValue="x")
        for _ in range(30):
            nested = item("CONTAINER", ContentSequence=[nested])
        for reason, made in (("too_deep", lambda: page(nested)), ("no_content_tree", lambda: report_html(dataset({})))):
            with pytest.raises(PixelsNotReadable) as refused:
                made()
            assert refused.value.reason_code == reason


def _raw(tag: Any, value: bytes) -> Any:
    from pydicom.dataelem import RawDataElement

    return RawDataElement(tag, "UT", len(value), value, 0, False, True)


class TestRealReports:
    def test_are_shown_whole_or_refused_with_a_reason(self, shared_data: Path):
        shown = []
        for path in sorted((shared_data / "dicom/sr").glob("*.dcm")):
            text = shown_document(path.read_bytes(), "1.2.840.10008.1.2.1", Form.REPORT_HTML).decode()
            assert Reader(text).tags <= ALLOWED
            shown.append(Reader(text).text)
        assert len(shown) == 12
        assert any("Diameter：3 cm" in text for text in shown)


def test_each_kind_of_document_has_its_form():
    assert form_of("1.2.840.10008.5.1.4.1.1.88.33") is Form.REPORT_HTML
    assert form_of("1.2.840.10008.5.1.4.1.1.9.1.1") is Form.ECG_SVG
    assert form_of("1.2.840.10008.5.1.4.1.1.104.1") is Form.PDF
    assert form_of("1.2.840.10008.5.1.4.1.1.104.2") is None
    assert form_of("1.2.840.10008.5.1.4.1.1.2") is None
