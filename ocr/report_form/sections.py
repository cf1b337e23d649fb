"""检查所见 and 诊断意见: the running text between its heading and the signatures."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ocr.layout.paragraphs import join_pieces, join_rows
from ocr.layout.spans import Span, around, whole
from ocr.report_form.labels import section_label, starts_header
from ocr.types import Field, Line

Row = Sequence[Line]


@dataclass(slots=True)
class Section:
    """One section: its rows of text, and which rows of the page it took."""

    key: str
    rows: list[list[Span]] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)

    def to_field(self) -> Field | None:
        """Return the joined text; None when nothing stood under the heading."""
        rows = [row for row in self.rows if row]
        if not rows:
            return None
        joined = [
            (join_pieces([(span.text, span.box) for span in row]), around([span.box for span in row])) for row in rows
        ]
        spans = [span for row in rows for span in row]
        characters = sum(len(span.text) for span in spans)
        mean = sum(span.line.confidence * len(span.text) for span in spans) / max(1, characters)
        return Field(self.key, join_rows(joined), around([span.box for span in spans]), mean)


def find_sections(rows: Sequence[Row]) -> list[Section]:
    """Return the sections of a report, in order. A key may come twice (two pages, two parts of an examination)."""
    sections: list[Section] = []
    current: Section | None = None
    for index, row in enumerate(rows):
        first = whole(row[0])
        opened = section_label(first) if _may_open(row) else None
        if opened is not None:
            current = Section(opened.key)
            sections.append(current)
            rest = Span(first.line, opened.end, first.end).stripped()
            spans = [rest] if rest.text else []
            spans += [whole(line) for line in row[1:]]
        elif current is None or any(starts_header(line.text) for line in row) or _is_closing(row):
            current = None
            continue
        else:
            spans = [whole(line) for line in row]
        current.rows.append(spans)
        current.taken.add(index)
    return sections


def _may_open(row: Row) -> bool:
    """A heading stands alone or before its text; a row of several short pieces is a table heading (提示)."""
    return len(row) <= 2 or "：" in row[0].text or ":" in row[0].text


def _is_closing(row: Row) -> bool:
    text = "".join(line.text for line in row).strip()
    return text.startswith(("本报告", "此报告", "以上报告", "本结果", "此结果", "注意", "温馨提示", "*本", "★"))
