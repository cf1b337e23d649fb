"""The sentences of found passages that answer a question best."""

import re
from collections.abc import Sequence

from interpret.consult.draft import Draft, Source
from interpret.knowledge import Knowledge
from knowledge_base.entries import Hit

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?")
_MARKUP = re.compile(r"^[#>*\-\s]+|\*\*|`|\[(\d+)\]")
_MAX_LENGTH = 120


def passage_drafts(question: str, hits: Sequence[Hit], knowledge: Knowledge, limit: int) -> list[Draft]:
    """Return up to `limit` sentences, whole and verbatim, of the best hit first, in reading order.

    Args:
        question: The rewritten question.
        hits: Search hits, best first.
        knowledge: For the plain words of the best entry.
        limit: How many sentences at most.
    """
    asked = _bigrams(question)
    drafts: list[Draft] = []
    seen: set[str] = set()
    best = hits[0].score if hits else 0.0
    for rank, hit in enumerate(hits):
        if rank and (hit.chunk.entry_id != hits[0].chunk.entry_id and hit.score < 0.6 * best):
            continue
        entry = knowledge.entry(hit.chunk.entry_id)
        if entry is None:
            continue
        source = Source(entry_id=entry.entry_id, chunk_id=hit.chunk.chunk_id, title=entry.title)
        for text in _chosen(hit.chunk.text, asked, 3 if rank == 0 else 2):
            if text not in seen and len(drafts) < limit:
                seen.add(text)
                drafts.append(Draft(text, (source,), (hit.chunk.text, entry.plain)))
        if len(drafts) >= limit:
            break
    return drafts


def _chosen(passage: str, asked: set[str], count: int) -> list[str]:
    texts = [_MARKUP.sub("", m.group()).strip() for m in _SENTENCE.finditer(passage)]
    texts = [text for text in texts if 4 <= len(text) <= _MAX_LENGTH and re.search(r"[\u4e00-\u9fff]", text)]
    ranked = sorted(range(len(texts)), key=lambda i: (-len(asked & _bigrams(texts[i])), i))[:count]
    return [_ended(texts[i]) for i in sorted(ranked)]


def _ended(text: str) -> str:
    return text if text[-1] in "。！？" else f"{text}。"


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
