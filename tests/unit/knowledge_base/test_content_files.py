"""Reading the content folder: what it refuses, and what it makes of good files."""

import pytest

from knowledge_base.entries import EntryKind, EntryState
from knowledge_base.errors import ContentInvalid
from knowledge_base.ingest import chunk_entry, read_content
from tests.builders.content import FINDING, TERM, content_folder


class TestBrokenContent:
    def test_a_folder_without_entries_is_refused(self, tmp_path):
        with pytest.raises(ContentInvalid, match="entries"):
            read_content(tmp_path)

    @pytest.mark.parametrize(
        ("terms", "problem"),
        [
            ("- {id: term-a", "not YAML"),
            ("just text", "valid list"),
            ("- {id: term-a, title: 甲}", "plain: Field required"),
            (TERM.replace("plain: 肺里一个淡淡的小影子。", "plain: ''"), "at least 1 character"),
            (TERM.replace("term-nodule", "Term Nodule"), "should match pattern"),
            (TERM + "  colour: red\n", "Extra inputs"),
            (TERM.replace("[plain-source]", "[invented-source]"), "term-nodule: unknown source invented-source"),
            (TERM + TERM, "term-nodule stands twice"),
            (FINDING, "a guide belongs to finding entries"),
        ],
    )
    def test_is_refused_with_a_sentence(self, tmp_path, terms, problem):
        with pytest.raises(ContentInvalid) as refused:
            read_content(content_folder(tmp_path, terms=terms))
        assert any(problem in line for line in refused.value.problems)

    def test_every_problem_is_told_at_once(self, tmp_path):
        folder = content_folder(tmp_path, terms="- {id: a}", education="- {id: b}")
        with pytest.raises(ContentInvalid) as refused:
            read_content(folder)
        assert any(line.startswith("one.yaml: 0.title") for line in refused.value.problems)
        assert len(refused.value.problems) == 6

    def test_an_urgency_beyond_four_is_refused(self, tmp_path):
        with pytest.raises(ContentInvalid, match="urgency"):
            read_content(content_folder(tmp_path, findings=FINDING.replace("urgency: 3", "urgency: 5")))


class TestGoodContent:
    def test_becomes_entries_with_their_sources(self, tmp_path):
        [term, finding, education] = read_content(content_folder(tmp_path)).entries
        assert (term.kind, finding.kind, education.kind) == (EntryKind.TERM, EntryKind.FINDING, EntryKind.EDUCATION)
        assert term.surfaces == ("磨玻璃结节", "GGN", "毛玻璃结节")
        assert [source.title_zh for source in term.sources] == ["测试来源"]
        assert term.state is EntryState.STARTER
        assert finding.guide is not None
        assert finding.guide.organs == ("胆囊",)
        assert education.sources == ()

    def test_keeps_word_lists_in_their_order_without_comments(self, tmp_path):
        assert read_content(content_folder(tmp_path)).language["negation"] == ("未见明显", "未见")

    def test_changes_its_version_with_any_file(self, tmp_path):
        folder = content_folder(tmp_path)
        before = read_content(folder).version
        assert read_content(folder).version == before
        (folder / "language" / "negation.txt").write_text("无\n", "utf-8")
        assert read_content(folder).version != before


class TestChunks:
    def test_are_the_plain_sentence_and_each_paragraph(self, tmp_path):
        chunks = chunk_entry(read_content(content_folder(tmp_path)).entries[0])
        assert [chunk.text for chunk in chunks] == ["肺里一个淡淡的小影子。", "第一段说样子。", "第二段说复查。"]
        assert [chunk.chunk_id for chunk in chunks] == ["term-nodule:0", "term-nodule:1", "term-nodule:2"]

    def test_keep_a_list_with_the_line_that_introduces_it(self, tmp_path):
        body = "要做的事：\n\n    - 甲\n    - 乙\n\n    完。"
        terms = TERM.replace("第一段说样子。\n\n    第二段说复查。", body)
        chunks = chunk_entry(read_content(content_folder(tmp_path, terms=terms)).entries[0])
        assert [chunk.text for chunk in chunks[1:]] == ["要做的事：\n- 甲\n- 乙", "完。"]
