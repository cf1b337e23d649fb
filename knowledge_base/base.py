"""The knowledge base as other packages see it: entries, words, guides, search."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt

from knowledge_base.embed import Embedder
from knowledge_base.entries import Entry, EntryKind, LexiconForm, SearchExplanation, SearchResult
from knowledge_base.ingest import Content, default_content_dir, read_content
from knowledge_base.search import Calibration, HybridSearch, make_passages
from knowledge_base.store import cached_index, default_cache_dir


class KnowledgeBase:
    """All knowledge of one version. Immutable and safe to share between threads."""

    def __init__(self, content: Content, search: HybridSearch) -> None:
        self._content = content
        self._search = search
        self._entries = {entry.entry_id: entry for entry in content.entries}
        # editors write entries too: no raw HTML, no script links (the preset), nothing fetched from outside
        self._markdown = MarkdownIt("js-default", {"html": False}).disable(["image"])

    @classmethod
    def load(
        cls,
        content_dir: Path | None = None,
        *,
        cache_dir: Path | None = None,
        embedder: Embedder | None = None,
        calibration: Calibration | None = None,
    ) -> "KnowledgeBase":
        """Read the content and make it searchable.

        Without `embedder`, search uses keywords and names alone and every hit carries the signal
        `keyword_only`. With one, the vectors come from `cache_dir` (default: the installation's own folder),
        or are computed (about 30 ms a passage) and kept there; `python -m knowledge_base warm` does so ahead
        of time. Raises `ContentInvalid`, or an `EmbeddingError` while vectors are computed.
        """
        content = read_content(content_dir or default_content_dir())
        passages = make_passages(content.entries)
        index = None
        if embedder is not None:
            index = cached_index(
                cache_dir or default_cache_dir(), keys=passages.keys, texts=passages.texts, embedder=embedder
            )
        search = HybridSearch(
            passages,
            question_words=content.language.get("question_words", ()),
            subjects=content.language.get("subjects", ()),
            calibration=calibration or Calibration.read(),
            embedder=embedder,
            index=index,
        )
        return cls(content, search)

    def over(self, content: Content) -> "KnowledgeBase":
        """Return a base of changed content. Only changed passages are embedded; this base stays as it is."""
        return KnowledgeBase(content, self._search.over(make_passages(content.entries)))

    @property
    def content(self) -> Content:
        """All that this base was made of."""
        return self._content

    @property
    def version(self) -> str:
        """Digest of all content files, and the number of publications over them; stands in every answer."""
        return self._content.version

    def entry(self, entry_id: str) -> Entry | None:
        """Return one entry, or None when there is none of this id."""
        return self._entries.get(entry_id)

    def entries(self, kind: EntryKind | None = None) -> Sequence[Entry]:
        """Return all entries, or those of one kind, in the order of the files."""
        return [entry for entry in self._content.entries if kind is None or entry.kind is kind]

    def guides(self) -> Sequence[Entry]:
        """Return the entries that carry a finding guide."""
        return [entry for entry in self._content.entries if entry.guide is not None]

    def lexicon(self) -> Sequence[LexiconForm]:
        """Return every hard word known, explained or not, longest first; everyday words are left out."""
        return self._lexicon

    def language(self, name: str) -> Sequence[str]:
        """Return a word list of `content/language`, e.g. "shapes"; an unknown name gives an empty list."""
        return self._content.language.get(name, ())

    def entry_for(self, term: str) -> str | None:
        """Return the id of the entry that explains a term, also a composed one such as 斑片状密度增高影.

        A composed Chinese term is named by its end, so the longest ending that is explained is taken; only
        endings of the word list "heads" count, because others mislead (胸腺瘤 is no 腺瘤).
        """
        endings = (term[start:] for start in range(len(term)))
        return next(
            (
                self._explained[ending]
                for ending in endings
                if ending in self._explained and (ending == term or ending in self._heads)
            ),
            None,
        )

    def search(self, question: str, k: int = 10) -> SearchResult:
        """Return up to `k` hits, one for each entry, best first, and whether they are good enough to answer from."""
        return self._search.search(question, k)

    def explain(self, question: str, k: int = 10) -> SearchExplanation:
        """Return what `search` finds, and why."""
        return self._search.explain(question, k)

    def signals(self, question: str) -> Mapping[str, float]:
        """Return what the known decision looks at, for calibration and the editor's hit test."""
        return self._search.rank(question).signals

    def body_html(self, entry: Entry) -> str:
        """Return the body as HTML; raw HTML in it is shown as text, script links are dropped."""
        return self.html(entry.body)

    def html(self, markdown: str) -> str:
        """Return Markdown as HTML, as `body_html` does."""
        return str(self._markdown.render(markdown))

    @cached_property
    def _heads(self) -> frozenset[str]:
        return frozenset(self.language("heads"))

    @cached_property
    def _explained(self) -> Mapping[str, str]:
        """Surface → entry id; a term's own entry comes before a guide that also names it."""
        everyday = frozenset(self.language("everyday"))
        explained: dict[str, str] = {}
        for kind in (EntryKind.TERM, EntryKind.FINDING):
            for entry in self.entries(kind):
                for surface in entry.surfaces:
                    if surface not in everyday:
                        explained.setdefault(surface, entry.entry_id)
        return explained

    @cached_property
    def _lexicon(self) -> Sequence[LexiconForm]:
        everyday = frozenset(self.language("everyday"))
        categories = {**dict.fromkeys(self._explained, "term"), **self._content.lexicon}
        forms = [
            LexiconForm(surface, category, self.entry_for(surface))
            for surface, category in categories.items()
            if surface not in everyday
        ]
        return sorted(forms, key=lambda form: (-len(form.surface), form.surface))
