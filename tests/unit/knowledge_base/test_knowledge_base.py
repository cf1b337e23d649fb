"""The public object on a small content folder, with and without vectors."""

import pytest

from knowledge_base import EntryKind, KnowledgeBase
from knowledge_base.embed import HashingEmbedder
from knowledge_base.errors import ContentInvalid
from tests.builders.content import TERM, content_folder


class HalfBlindEmbedder(HashingEmbedder):
    """Cannot read 髌 and sees the same thing in every text."""

    def unread(self, text):
        return frozenset("髌") & set(text)

    def _embed(self, texts):
        return super()._embed(["磁"] * len(texts))


@pytest.fixture
def keyword_only(tmp_path):
    return KnowledgeBase.load(content_folder(tmp_path / "content"))


@pytest.fixture
def with_vectors(tmp_path):
    return KnowledgeBase.load(
        content_folder(tmp_path / "content"), cache_dir=tmp_path / "cache", embedder=HashingEmbedder()
    )


@pytest.fixture(params=["keyword_only", "with_vectors"])
def base(request):
    return request.getfixturevalue(request.param)


class TestSearch:
    @pytest.mark.parametrize("question", ["", "   ", "？！。", "\x00"])
    def test_an_empty_question_is_not_known(self, base, question):
        result = base.search(question)
        assert (result.known, tuple(result.hits)) == (False, ())

    def test_a_question_about_nothing_we_wrote_is_not_known(self, base):
        assert not base.search("股票明天涨吗").known

    def test_a_question_of_thirty_thousand_characters_is_answered_like_its_beginning(self, base):
        long = base.search("胆囊结石怎么办" + "，然后呢" * 7500)
        assert long.hits[0].chunk.entry_id == "guide-stone"

    @pytest.mark.parametrize(
        ("question", "entry_id"),
        [
            ("胆囊结石怎么办", "guide-stone"),
            ("我的胆囊里有石头", "guide-stone"),
            ("GGN是什么", "term-nodule"),
            ("毛玻璃结节严重吗", "term-nodule"),
            ("做磁共振有没有辐射", "edu-mr"),
        ],
    )
    def test_finds_the_entry_first(self, base, question, entry_id):
        assert base.search(question).hits[0].chunk.entry_id == entry_id

    def test_gives_one_hit_for_an_entry_and_no_more_than_asked(self, base):
        hits = base.search("结节和结石和磁共振", k=2).hits
        assert len(hits) <= 2
        assert len({hit.chunk.entry_id for hit in hits}) == len(hits)

    def test_gives_scores_in_falling_order(self, base):
        scores = [hit.score for hit in base.search("胆囊结石和磨玻璃结节").hits]
        assert scores == sorted(scores, reverse=True)

    def test_shows_the_passage_that_fits_best(self, with_vectors):
        assert with_vectors.search("磨玻璃结节第二段说复查").hits[0].chunk.chunk_id == "term-nodule:2"

    def test_says_when_only_keywords_were_used(self, keyword_only, with_vectors):
        assert keyword_only.search("胆囊结石").hits[0].signals["keyword_only"] == 1
        assert "cosine" in with_vectors.search("胆囊结石").hits[0].signals

    def test_leaves_out_entries_that_share_nothing_when_only_keywords_speak(self, keyword_only):
        assert [hit.chunk.entry_id for hit in keyword_only.search("胆囊").hits] == ["guide-stone"]

    def test_leans_on_characters_where_the_model_cannot_read(self, tmp_path):
        terms = TERM + TERM.replace("term-nodule", "term-patella").replace("磨玻璃结节", "髌骨软化").replace(
            "[GGN, 毛玻璃结节]", "[髌骨]"
        )
        folder = content_folder(tmp_path / "content", terms=terms)
        blind = KnowledgeBase.load(folder, cache_dir=tmp_path / "cache", embedder=HalfBlindEmbedder())
        assert blind.search("髌骨不好").hits[0].chunk.entry_id == "term-patella"


class TestSignals:
    def test_tell_a_name_that_stands_in_the_question(self, base):
        assert base.signals("胆囊结石")["name"] > 0.8
        assert base.signals("石头的事情")["name"] == 0

    def test_tell_how_much_of_the_question_nobody_wrote_about(self, with_vectors):
        assert with_vectors.signals("股票涨停板")["unseen"] > 0.9
        assert with_vectors.signals("胆囊结石")["unseen"] == 0


class TestEntries:
    def test_are_found_by_id(self, base):
        assert base.entry("edu-mr").title == "磁共振检查"
        assert base.entry("no-such") is None

    def test_can_be_listed_by_kind(self, base):
        assert [entry.entry_id for entry in base.entries(EntryKind.EDUCATION)] == ["edu-mr"]
        assert len(base.entries()) == 3

    def test_with_guides_are_the_finding_entries(self, base):
        assert [entry.entry_id for entry in base.guides()] == ["guide-stone"]


class TestLexicon:
    def test_holds_explained_and_unexplained_forms_but_no_everyday_word(self, base):
        forms = {form.surface: (form.category, form.entry_id) for form in base.lexicon()}
        assert forms["GGN"] == ("term", "term-nodule")
        assert forms["晕征"] == ("sign", None)
        assert "肺" not in forms

    def test_is_longest_first(self, base):
        lengths = [len(form.surface) for form in base.lexicon()]
        assert lengths == sorted(lengths, reverse=True)


class TestEntryForATerm:
    def test_is_that_of_the_term_itself(self, base):
        assert base.entry_for("毛玻璃结节") == "term-nodule"

    def test_is_that_of_its_head_when_composed(self, base):
        assert base.entry_for("混杂密度磨玻璃结节") == "term-nodule"

    def test_is_none_when_the_ending_is_no_head(self, base):
        assert base.entry_for("混杂GGN") is None
        assert base.entry_for("晕征") is None

    def test_is_none_for_an_empty_term(self, base):
        assert base.entry_for("") is None


class TestLanguage:
    def test_gives_a_word_list_or_nothing(self, base):
        assert base.language("negation") == ("未见明显", "未见")
        assert base.language("no such list") == ()


class TestBodyHtml:
    def html(self, tmp_path, body):
        folder = content_folder(tmp_path / "content", terms=TERM.replace("第一段说样子。", body))
        base = KnowledgeBase.load(folder)
        return base.body_html(base.entries()[0])

    def test_is_paragraphs(self, keyword_only):
        html = keyword_only.body_html(keyword_only.entries()[0])
        assert html == "<p>第一段说样子。</p>\n<p>第二段说复查。</p>\n"

    @pytest.mark.parametrize(
        "attack",
        ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[点](javascript:alert(1))", "![](http://a.b/c)"],
    )
    def test_never_carries_script_or_outside_pictures(self, tmp_path, attack):
        html = self.html(tmp_path, attack)
        assert not any(f"<{tag}" in html for tag in ("script", "img"))
        assert 'href="javascript' not in html

    def test_keeps_lists_and_emphasis(self, tmp_path):
        assert "<strong>不要</strong>" in self.html(tmp_path, "**不要**憋气")


class TestVersion:
    def test_is_that_of_the_content(self, tmp_path):
        folder = content_folder(tmp_path / "content")
        before = KnowledgeBase.load(folder).version
        (folder / "entries/terms/one.yaml").write_text(TERM.replace("淡淡的", "很淡的"), "utf-8")
        assert KnowledgeBase.load(folder).version != before

    def test_broken_content_is_not_loaded(self, tmp_path):
        with pytest.raises(ContentInvalid):
            KnowledgeBase.load(content_folder(tmp_path, terms="- {id: x}"))
