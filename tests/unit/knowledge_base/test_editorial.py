"""Texts over files: the way of a draft, who may publish, what changed, what is warned about."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from knowledge_base import EntryKind, EntryState, KnowledgeBase
from knowledge_base.editorial import (
    DraftState,
    EntryText,
    Person,
    Published,
    check_text,
    difference,
    give_back,
    merge,
    publish,
    restore,
    submit,
    text_of,
    without_starter,
    write,
)
from knowledge_base.embed import HashingEmbedder
from knowledge_base.entries import Review
from knowledge_base.errors import ReviewerIsAuthor, StaleEdit, UnknownSources, WrongState
from tests.builders.content import content_folder

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WANG, LI = Person(1, "王作者"), Person(2, "李审核")
TEXT = EntryText(
    "磨玻璃结节", "肺里一个淡淡的小影子。", "样子像毛玻璃。", ("GGN",), ("磨玻璃结节是什么",), ("plain-source",)
)
TERM: dict[str, Any] = {"entry_id": "term-nodule", "kind": EntryKind.TERM}


def written(**changes):
    draft = write(None, TEXT, WANG, draft_id="d", based_on=1, seen=0, current=1, now=NOW, **TERM)
    return replace(draft, **changes)


def submitted():
    return submit(written(), seen=1, current=1, now=NOW)


def version_of(text, number=2, entry_id="term-nodule"):
    return Published(entry_id, EntryKind.TERM, number, text, (1,), WANG.name, LI, NOW)


class CountingEmbedder(HashingEmbedder):
    embedded = 0

    def passage(self, texts):
        self.embedded += len(texts)
        return super().passage(texts)


class TestTheWayOfADraft:
    def test_goes_from_draft_to_review_to_published(self):
        draft, version = publish(submitted(), LI, seen=2, current=1, now=NOW)
        assert draft.state is DraftState.PUBLISHED
        assert (version.version, version.text, version.reviewer, version.writers) == (2, TEXT, LI, (1,))

    def test_nobody_publishes_what_they_wrote(self):
        with pytest.raises(ReviewerIsAuthor):
            publish(submitted(), WANG, seen=2, current=1, now=NOW)

    def test_nor_what_they_wrote_only_a_part_of(self):
        taken_over = write(
            written(), replace(TEXT, plain="改过。"), LI, draft_id="d", based_on=1, seen=1, current=1, now=NOW, **TERM
        )
        for person in (WANG, LI):
            with pytest.raises(ReviewerIsAuthor):
                publish(submit(taken_over, seen=2, current=1, now=NOW), person, seen=3, current=1, now=NOW)

    def test_comes_back_with_a_reason_and_can_be_written_on(self):
        back = give_back(submitted(), "请写来源", seen=2, now=NOW)
        assert (back.state, back.reason) == (DraftState.RETURNED, "请写来源")
        again = write(back, TEXT, WANG, draft_id="d", based_on=1, seen=3, current=1, now=NOW, **TERM)
        assert again.state is DraftState.DRAFT

    @pytest.mark.parametrize(
        "step",
        [
            lambda: publish(written(), LI, seen=1, current=1, now=NOW),
            lambda: give_back(written(), "", seen=1, now=NOW),
            lambda: submit(submitted(), seen=2, current=1, now=NOW),
            lambda: write(submitted(), TEXT, WANG, draft_id="d", based_on=1, seen=2, current=1, now=NOW, **TERM),
            lambda: publish(give_back(submitted(), "", seen=2, now=NOW), LI, seen=3, current=1, now=NOW),
        ],
    )
    def test_takes_no_step_out_of_order(self, step):
        with pytest.raises(WrongState):
            step()

    @pytest.mark.parametrize(
        "step",
        [
            lambda: write(None, TEXT, WANG, draft_id="d", based_on=1, seen=0, current=2, now=NOW, **TERM),
            lambda: write(written(), TEXT, WANG, draft_id="d", based_on=1, seen=0, current=1, now=NOW, **TERM),
            lambda: submit(written(), seen=1, current=2, now=NOW),
            lambda: publish(submitted(), LI, seen=2, current=2, now=NOW),
            lambda: publish(submitted(), LI, seen=1, current=1, now=NOW),
            lambda: give_back(submitted(), "", seen=1, now=NOW),
            lambda: restore(version_of(TEXT), LI, seen=2, current=3, now=NOW),
        ],
    )
    def test_nobody_acts_on_what_they_have_not_seen(self, step):
        with pytest.raises(StaleEdit):
            step()

    def test_an_old_text_comes_back_as_a_new_version_by_somebody_who_did_not_write_it(self):
        back = restore(version_of(TEXT), LI, seen=5, current=5, now=NOW)
        assert (back.version, back.restored_from, back.text) == (6, 2, TEXT)
        with pytest.raises(ReviewerIsAuthor):
            restore(version_of(TEXT), WANG, seen=5, current=5, now=NOW)


class TestTheDifference:
    def test_marks_what_came_and_what_went(self):
        new = replace(TEXT, plain="肺里一个很淡的小影子。", surfaces=("GGN", "磨玻璃小结节"))
        plain, surfaces = difference(TEXT, new)
        for change, old_text, new_text in [
            (plain, TEXT.plain, new.plain),
            (surfaces, "".join(TEXT.surfaces), "".join(new.surfaces)),
        ]:
            assert "".join(p.text for p in change.pieces if p.kind != "added") == old_text
            assert "".join(p.text for p in change.pieces if p.kind != "removed") == new_text
        assert [p.kind for p in surfaces.pieces] == ["same", "added"]

    def test_equal_texts_differ_in_nothing(self):
        assert difference(TEXT, TEXT) == []


class TestOverTheFiles:
    @pytest.fixture
    def embedder(self):
        return CountingEmbedder()

    @pytest.fixture
    def shipped(self, tmp_path, embedder):
        return KnowledgeBase.load(content_folder(tmp_path / "content"), cache_dir=tmp_path / "cache", embedder=embedder)

    def test_what_is_published_replaces_what_shipped_and_names_its_reviewer(self, shipped):
        changed = replace(text_of(shipped.entry("term-nodule")), plain="新的解释。")
        base = shipped.over(merge(shipped.content, [version_of(changed)], revision=1))
        entry = base.entry("term-nodule")
        assert (entry.plain, entry.state, entry.version) == ("新的解释。", EntryState.REVIEWED, 2)
        assert entry.review == Review("李审核", NOW)
        assert base.version == f"{shipped.version}+1"
        assert shipped.entry("term-nodule").plain != "新的解释。"

    def test_only_changed_passages_are_embedded_and_they_are_found(self, shipped, embedder):
        embedder.embedded = 0
        changed = replace(text_of(shipped.entry("term-nodule")), plain="像一片薄薄的雾。")
        base = shipped.over(merge(shipped.content, [version_of(changed)], revision=1))
        assert embedder.embedded == 1
        assert base.search("薄薄的雾").hits[0].chunk.text == "像一片薄薄的雾。"
        assert "雾" not in shipped.search("薄薄的雾").hits[0].chunk.text

    def test_vectors_are_those_of_a_base_made_from_the_start(self, shipped, embedder, tmp_path):
        changed = merge(shipped.content, [version_of(replace(TEXT, plain="像一片薄薄的雾。"))], revision=1)
        grown, fresh = shipped.over(changed), KnowledgeBase.load(tmp_path / "content", embedder=embedder).over(changed)
        for question in ("雾一样的结节", "胆囊结石", "核磁"):
            scores = [[hit.score for hit in base.search(question).hits] for base in (grown, fresh)]
            assert np.allclose(scores[0], scores[1])

    def test_a_new_word_is_explained_and_marked(self, shipped):
        new = version_of(EntryText("晕征", "结节外面一圈淡影。", "", ("晕轮征",)), 1, "own-1")
        base = shipped.over(merge(shipped.content, [new], revision=1))
        assert base.entry_for("晕轮征") == "own-1"
        assert {form.entry_id for form in base.lexicon() if form.surface == "晕征"} == {"own-1"}

    def test_starter_is_withheld_until_a_person_accepts_it(self, shipped):
        withheld = shipped.over(without_starter(shipped.content))
        assert withheld.entries() == []
        assert withheld.entry_for("磨玻璃结节") is None
        assert withheld.search("胆囊结石怎么办").hits == ()
        accepted = merge(shipped.content, [version_of(text_of(shipped.entry("term-nodule")))], revision=1)
        assert [entry.entry_id for entry in withheld.over(without_starter(accepted)).entries()] == ["term-nodule"]

    def test_a_source_that_left_the_list_does_not_keep_knowledge_from_loading(self, shipped):
        gone = version_of(replace(TEXT, source_ids=("gone", "plain-source")))
        [source] = shipped.over(merge(shipped.content, [gone], revision=1)).entry("term-nodule").sources
        assert source.source_id == "plain-source"

    def test_says_why_something_is_found(self, shipped):
        explained = shipped.explain("磨玻璃结节是什么")
        first = explained.hits[0]
        assert first.hit.chunk.entry_id == "term-nodule"
        assert first.asked_exactly
        assert "磨玻璃结节" in first.names
        assert first.keyword_rank == 1
        assert explained.known == shipped.search("磨玻璃结节是什么").known
        assert shipped.explain("").hits == ()


class TestChecking:
    @pytest.fixture
    def content(self, tmp_path):
        return KnowledgeBase.load(content_folder(tmp_path / "content")).content

    def rules(self, text, content, **options):
        checked = check_text(text, content, **{**TERM, **options})
        return {p.rule for p in checked.unsafe}, {p.rule: p.detail for p in checked.warnings}

    def test_a_good_text_has_nothing_to_look_at(self, content):
        assert self.rules(TEXT, content) == (set(), {})

    def test_an_unknown_source_is_refused_by_name(self, content):
        with pytest.raises(UnknownSources) as refused:
            check_text(replace(TEXT, source_ids=("plain-source", "my-blog")), content, **TERM)
        assert refused.value.source_ids == ("my-blog",)

    @pytest.mark.parametrize("word", ["肺", "检查", "医生"])
    def test_warns_of_everyday_words(self, content, word):
        _, warnings = self.rules(replace(TEXT, surfaces=(word,)), content)
        assert warnings["everyday word as hard term"] == word

    def test_warns_of_a_word_that_another_entry_explains(self, content):
        _, warnings = self.rules(replace(TEXT, title="晕征", surfaces=("GGN",)), content, entry_id="own-1")
        assert "GGN" in warnings["duplicate surface"]

    @pytest.mark.parametrize("plain", ["每次2片，一天三次。", "保证没事。", "应服用消炎药。"])
    def test_doses_promises_and_prescriptions_are_no_matter_of_taste(self, content, plain):
        unsafe, _ = self.rules(replace(TEXT, plain=plain), content)
        assert unsafe
