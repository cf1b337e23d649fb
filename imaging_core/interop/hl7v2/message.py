"""A parsed message with forgiving access to its fields. The only importer of `hl7`."""

import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import hl7

from imaging_core.interop.hl7v2.charset import decode
from imaging_core.interop.hl7v2.errors import FieldProblem, UnreadableMessage

_SEGMENT_ENDS = re.compile(r"\r\n|\n\r|\n|\r")
# Vertical tab is a soft line break pasted from a word processor. Other control characters carry nothing.
_CONTROL = re.compile(r"[\x00-\x08\x0c\x0e-\x1f\x7f]")
_DEFAULT_SEPARATORS = "^~\\&"
_TEXT_SEGMENTS = ("OBX", "NTE")
# Parsing makes an object per delimiter. A long report has a few hundred; this many take about a second.
_MOST_DELIMITERS = 50_000
NULL = '""'
"""HL7's explicit null: delete what is known."""


@dataclass(frozen=True, slots=True)
class Separators:
    """The delimiters of a message, MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. Fields count from 1; missing ones are empty."""

    name: str
    _parsed: hl7.Segment
    _separators: "Separators"

    def __repr__(self) -> str:
        return f"Segment({self.name!r})"

    @property
    def field_count(self) -> int:
        """Return the number of the last field present."""
        return len(self._parsed) - 1

    def raw(self, field: int) -> str:
        """Return a field as sent, with its delimiters and escapes."""
        return str(self._parsed[field]) if field < len(self._parsed) else ""

    def repetitions(self, field: int) -> list[list[list[str]]]:
        """Return a field as repetitions of components of subcomponents, unescaped and stripped."""
        by = self._separators
        return [
            [[self._plain(sub) for sub in comp.split(by.subcomponent)] for comp in rep.split(by.component)]
            for rep in self.raw(field).split(by.repetition)
        ]

    def value(self, field: int, component: int = 1) -> str:
        """Return one component of the first repetition; its first subcomponent."""
        components = self.repetitions(field)[0]
        return components[component - 1][0] if component <= len(components) else ""

    def text(self, field: int) -> str:
        """Return a text field whole: repetitions become lines, unescaped delimiters stay what they are.

        Systems that do not escape put `^` and `&` into report text, so these do not split it.
        """
        return "\n".join(self._plain(part) for part in self.raw(field).split(self._separators.repetition)).strip()

    def required(self, field: int, reason: str) -> str:
        """Return the first component of a field. Raises `FieldProblem` when it is empty."""
        value = self.value(field)
        if not value or value == NULL:
            raise FieldProblem(f"{self.name}-{field}", reason, condition="101")
        return value

    def _plain(self, text: str) -> str:
        return _unescape(text, self._separators).strip()


@dataclass(frozen=True, slots=True)
class Message:
    """One message and the encoding it came in."""

    segments: tuple[Segment, ...]
    encoding: str
    terminated: bool
    """Whether the last segment has its carriage return. Many senders leave it out; a cut message has none either."""

    def __repr__(self) -> str:
        return f"Message({[segment.name for segment in self.segments]})"

    @property
    def header(self) -> Segment:
        """Return MSH."""
        return self.segments[0]

    def all(self, name: str) -> Iterator[Segment]:
        """Yield the segments of one name, in order."""
        return (segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name."""
        return next(self.all(name), None)

    def required(self, name: str, reason: str) -> Segment:
        """Return the first segment of a name. Raises `FieldProblem` when there is none."""
        segment = self.first(name)
        if segment is None:
            raise FieldProblem(name, reason, condition="101")
        return segment


def read_message(raw: bytes) -> Message:
    """Parse a message in any line-end style; blank lines and control characters are dropped.

    Raises:
        UnreadableMessage: no MSH segment with usable delimiters, several messages in one, or no known encoding.
    """
    text, encoding = decode(raw)
    terminated = text.rstrip(" \t\0\x1c").endswith(("\r", "\n"))
    lines = [_CONTROL.sub("", line.replace("\x0b", "\\.br\\")).lstrip() for line in _SEGMENT_ENDS.split(text.strip())]
    if not re.match(r"MSH[^0-9A-Za-z\s]", lines[0]):
        raise UnreadableMessage("MSH", "消息不是以 MSH 段开头")
    separators = _separators(lines[0])
    if len(lines) + sum(map(text.count, astuple(separators))) > _MOST_DELIMITERS:
        raise UnreadableMessage("MSH", f"消息的分隔符超过 {_MOST_DELIMITERS} 个")
    lines = _segments(lines, separators)
    if any(line.startswith("MSH") for line in lines[1:]):
        raise UnreadableMessage("MSH", "一个消息帧内有多条消息")
    parsed = hl7.parse("\r".join(lines))
    segments = tuple(Segment(str(segment[0]), segment, separators) for segment in parsed)
    return Message(segments, encoding, terminated)


def _segments(lines: list[str], separators: Separators) -> list[str]:
    """Return one line per segment. A line that begins no segment goes on with the report text before it.

    Report texts arrive with bare line ends inside; anywhere else such a line means nothing and is dropped.
    """
    begins = re.compile(rf"[A-Z][A-Z0-9]{{2}}({re.escape(separators.field)}|\s*$)")
    segments: list[list[str]] = []
    for line in lines:
        if begins.match(line):
            segments.append([line.rstrip() if len(line.rstrip()) == 3 else line])
        elif segments[-1][0].startswith(_TEXT_SEGMENTS):
            segments[-1].append(line)
    line_break = f"{separators.escape}.br{separators.escape}"
    return [line_break.join(pieces) for pieces in segments]


def _separators(header: str) -> Separators:
    field = header[3]
    characters = header[4:].split(field, 1)[0][:4]
    both = field + characters + _DEFAULT_SEPARATORS[len(characters) :]
    if field not in header[4:] or len(set(both)) != 5 or re.search(r"[0-9A-Za-z\s]", characters):
        raise UnreadableMessage("MSH-2", "MSH-1、MSH-2 分隔符无法识别")
    return Separators(*both)


def _unescape(text: str, separators: Separators) -> str:
    # Not hl7's own: that one logs the text of fields it cannot read, and drops what it does not know.
    if separators.escape not in text:
        return text
    known = {
        "F": separators.field,
        "S": separators.component,
        "R": separators.repetition,
        "E": separators.escape,
        "T": separators.subcomponent,
        "H": "",  # highlighting
        "N": "",
    }
    mark = re.escape(separators.escape)

    def replace(match: re.Match[str]) -> str:
        sequence = match.group(1)
        if sequence in known:
            return known[sequence]
        if re.match(r"\.(br|sp|ce)", sequence):  # HL7 v2.5.1 2.7.6: line breaks
            return "\n"
        if re.match(r"\.(in|ti|sk|fi|nf)", sequence):
            return " "
        if re.fullmatch(r"X(0D|0A|0D0A)", sequence, re.IGNORECASE):
            return "\n"
        return match.group(0)  # an unknown sequence is kept, not lost

    return re.sub(rf"{mark}([^{mark}\r]{{0,40}}){mark}", replace, text)
