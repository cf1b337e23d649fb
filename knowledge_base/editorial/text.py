"""What editors write, what was published of it, and how that lies over the files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from knowledge_base.entries import Entry, EntryKind, EntryState, Review, Source
from knowledge_base.ingest import Content


@dataclass(frozen=True, slots=True)
class EntryText:
    """The part of an entry that editors write. A guide, tags and id stay as shipped."""

    title: str
    plain: str
    body: str
    surfaces: tuple[str, ...] = ()
    """Further forms of the term, without the title."""
    questions: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Who writes or reviews."""

    account_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Published:
    """One published version of an entry. Never changed: a rollback publishes an old text as a new version."""

    entry_id: str
    kind: EntryKind
    version: int
    text: EntryText
    writers: tuple[int, ...]
    """Accounts that wrote the text; empty when it shipped."""
    author: str
    """Name of the last of them."""
    reviewer: Person
    published_at: datetime
    restored_from: int | None = None


def text_of(entry: Entry) -> EntryText:
    """Return what an editor may change of an entry."""
    return EntryText(
        title=entry.title,
        plain=entry.plain,
        body=entry.body.strip(),
        surfaces=tuple(surface for surface in entry.surfaces if surface != entry.title),
        questions=entry.questions,
        source_ids=tuple(source.source_id for source in entry.sources),
    )


def entry_with(
    text: EntryText, base: Entry | None, *, entry_id: str, kind: EntryKind, version: int, sources: Mapping[str, Source]
) -> Entry:
    """Return the entry that a text makes, over the shipped one where there is one."""
    surfaces = tuple(dict.fromkeys([text.title, *text.surfaces] if kind is EntryKind.TERM else text.surfaces))
    return Entry(
        entry_id=entry_id,
        kind=kind,
        title=text.title,
        plain=text.plain,
        body=text.body,
        surfaces=surfaces,
        # a list that lost a source since then must not keep the whole knowledge from loading
        sources=tuple(sources[source_id] for source_id in text.source_ids if source_id in sources),
        state=EntryState.STARTER,
        version=version,
        questions=text.questions,
        guide=base.guide if base else None,
        tags=base.tags if base else (),
    )


def merge(shipped: Content, published: Iterable[Published], *, revision: int) -> Content:
    """Return the content with the newest published versions in place of, or beside, what shipped.

    `revision` counts all publications; it becomes part of the version that answers keep.
    """
    entries = {entry.entry_id: entry for entry in shipped.entries}
    for item in published:
        made = entry_with(
            item.text,
            entries.get(item.entry_id),
            entry_id=item.entry_id,
            kind=item.kind,
            version=item.version,
            sources=shipped.sources,
        )
        review = Review(item.reviewer.name, item.published_at)
        entries[item.entry_id] = replace(made, state=EntryState.REVIEWED, review=review)
    version = f"{shipped.version}+{revision}" if revision else shipped.version
    return replace(shipped, entries=list(entries.values()), version=version)


def without_starter(content: Content) -> Content:
    """Return the content without entries that nobody has reviewed."""
    return replace(content, entries=[entry for entry in content.entries if entry.state is not EntryState.STARTER])
