"""Cut entries into the passages that retrieval finds."""

from collections.abc import Iterator

from knowledge_base.entries import Chunk, Entry


def chunk_entry(entry: Entry) -> list[Chunk]:
    """Return the entry's passages: the plain sentence first, then each paragraph of the body.

    Ids are stable while the order of paragraphs is: `<entry_id>:<n>`, counted from 0.
    """
    texts = [entry.plain, *paragraphs(entry.body)]
    return [Chunk(f"{entry.entry_id}:{number}", entry.entry_id, entry.title, text) for number, text in enumerate(texts)]


def paragraphs(markdown: str) -> Iterator[str]:
    """Yield the paragraphs of a body; a list stays with the line that introduces it."""
    blocks = [block.strip() for block in markdown.split("\n\n")]
    pending = ""
    for block in filter(None, blocks):
        if block.endswith(("：", ":")) or block.startswith("#"):
            pending += block + "\n"
            continue
        yield pending + block
        pending = ""
    if pending:
        yield pending.strip()
