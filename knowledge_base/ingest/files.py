"""Read the content folder: entries, sources, facts, word lists. Every problem is collected, then raised at once."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from knowledge_base.entries import Entry, EntryKind, EntryState, FindingGuide, Source
from knowledge_base.errors import ContentInvalid
from knowledge_base.ingest.schema import EntryRecord, FactRecord, GuideRecord, SourceRecord

_KINDS = {"terms": EntryKind.TERM, "findings": EntryKind.FINDING, "education": EntryKind.EDUCATION}
_CATEGORY_MARK = "# category:"
# the C loader is ten times faster; some wheels come without it
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the content folder holds."""

    entries: Sequence[Entry]
    sources: Mapping[str, Source]
    facts: Sequence[FactRecord]
    lexicon: Mapping[str, str]
    """Surface form → category."""
    language: Mapping[str, Sequence[str]]
    version: str
    """Digest of all files; changes with any of them."""


def default_content_dir() -> Path:
    """Return the folder of the content that ships."""
    return Path(__file__).resolve().parent.parent / "content"


def read_content(folder: Path) -> Content:
    """Read and validate the whole folder; raises `ContentInvalid` with every problem found."""
    problems: list[str] = []
    if not (folder / "entries").is_dir():
        raise ContentInvalid([f"{folder} holds no folder 'entries'"])
    source_records = _read_list(folder / "sources.yaml", SourceRecord, problems)
    sources = {
        record.id: Source(record.id, record.title_zh, record.organisation, record.year, record.version, record.url)
        for record in source_records
    }
    facts = _read_list(folder / "facts.yaml", FactRecord, problems)
    entries = list(_read_entries(folder / "entries", sources, problems))
    seen: set[str] = set()
    for entry in entries:
        if entry.entry_id in seen:
            problems.append(f"entry id {entry.entry_id} stands twice")
        seen.add(entry.entry_id)
    if problems:
        raise ContentInvalid(problems)
    language = {path.stem: read_words(path) for path in sorted((folder / "language").glob("*.txt"))}
    return Content(entries, sources, facts, _read_lexicon(folder / "lexicon"), language, _version(folder))


def read_words(path: Path) -> tuple[str, ...]:
    """Return the lines of a word list, in its order, without comments and blanks."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _read_lexicon(folder: Path) -> Mapping[str, str]:
    forms: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        first = path.read_text("utf-8").partition("\n")[0]
        category = first.removeprefix(_CATEGORY_MARK).strip() if first.startswith(_CATEGORY_MARK) else path.stem
        for word in read_words(path):
            forms.setdefault(word, category)
    return forms


def _read_entries(folder: Path, sources: Mapping[str, Source], problems: list[str]) -> Iterator[Entry]:
    for name, kind in _KINDS.items():
        for path in sorted((folder / name).glob("*.yaml")):
            for record in _read_list(path, EntryRecord, problems):
                unknown = [source for source in record.sources if source not in sources]
                problems.extend(f"{record.id}: unknown source {source}" for source in unknown)
                if (record.guide is not None) != (kind is EntryKind.FINDING):
                    problems.append(f"{record.id}: a guide belongs to finding entries, and to every one of them")
                yield _entry(record, kind, [sources[source] for source in record.sources if source in sources])


def _read_list(path: Path, kind: type[_Record], problems: list[str]) -> list[_Record]:
    if not path.is_file():
        return []
    try:
        raw = yaml.load(path.read_text("utf-8"), Loader=_LOADER) or []  # noqa: S506 - both are safe loaders
        return _validated(kind, raw)
    except yaml.YAMLError as error:
        problems.append(f"{path.name}: not YAML: {str(error).splitlines()[0]}")
    except ValidationError as error:
        for detail in error.errors():
            where = ".".join(str(part) for part in detail["loc"])
            problems.append(f"{path.name}: {where}: {detail['msg']}")
    return []


def _validated(kind: type[_Record], raw: Any) -> list[_Record]:  # noqa: ANN401 - whatever YAML held
    adapter: TypeAdapter[list[_Record]] = TypeAdapter(list[kind])  # type: ignore[valid-type] # the type is a value here
    return adapter.validate_python(raw)


def _entry(record: EntryRecord, kind: EntryKind, sources: Sequence[Source]) -> Entry:
    return Entry(
        entry_id=record.id,
        kind=kind,
        title=record.title,
        plain=record.plain,
        body=record.body,
        surfaces=tuple(dict.fromkeys([record.title, *record.surfaces] if kind is EntryKind.TERM else record.surfaces)),
        sources=tuple(sources),
        state=EntryState(record.state),
        version=record.version,
        questions=tuple(record.questions),
        guide=_guide(record.guide) if record.guide else None,
        tags=tuple(record.tags),
    )


def _guide(record: GuideRecord) -> FindingGuide:
    return FindingGuide(
        concepts=tuple(record.concepts),
        plain_name=record.plain_name,
        meaning=record.meaning,
        next_step=record.next_step,
        urgency=record.urgency,
        organs=tuple(record.organs),
    )


def _version(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".txt"}):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
