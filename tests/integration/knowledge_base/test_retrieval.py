"""Search with the real model on the content that ships."""

import time

import pytest

from knowledge_base import KnowledgeBase
from knowledge_base.embed import BundledEmbedder
from knowledge_base.embed.convert import convert_model
from knowledge_base.evaluation import measure, read_cases, read_rare_character_cases
from knowledge_base.store import default_cache_dir
from tests.builders.embedder import model_dir

pytestmark = [pytest.mark.integration, pytest.mark.model]


@pytest.fixture(scope="module")
def base():
    return KnowledgeBase.load(cache_dir=default_cache_dir(), embedder=BundledEmbedder(model_dir()))


@pytest.fixture(scope="module")
def held_out(base):
    base.search("热身")
    return measure(base, [case for case in read_cases() if case.held_out])


class TestHeldOutQuestions:
    @pytest.mark.clause("R3.9")
    def test_find_the_right_entry(self, held_out):
        assert held_out.recall_at_1 >= 0.85
        assert held_out.recall_at_5 >= 0.95

    @pytest.mark.clause("R3.9")
    def test_that_nobody_wrote_about_are_rarely_called_known(self, held_out):
        assert held_out.false_known <= 0.1
        assert held_out.known_recall >= 0.85

    def test_with_characters_the_model_cannot_read_are_found_all_the_same(self, base):
        found = [
            base.search(case.question).hits[0].chunk.entry_id in case.entries for case in read_rare_character_cases()
        ]
        assert sum(found) >= len(found) - 1


def test_a_query_costs_little_processor_time(base):
    questions = [case.question for case in read_cases()[:40]]
    base.search("热身")
    started = time.process_time()
    for question in questions:
        base.search(question)
    # processor time of all threads: wall time says nothing on a shared machine
    assert (time.process_time() - started) / len(questions) < 0.06


def test_a_warm_start_embeds_nothing_again(base):
    class Counting(BundledEmbedder):
        embedded = 0

        def passage(self, texts):
            self.embedded += len(texts)
            return super().passage(texts)

    embedder = Counting(model_dir())
    again = KnowledgeBase.load(cache_dir=default_cache_dir(), embedder=embedder)
    assert (embedder.embedded, again.version) == (0, base.version)
    assert again.search("肺结节").hits[0].chunk.entry_id == base.search("肺结节").hits[0].chunk.entry_id


def test_a_second_conversion_has_nothing_to_do():
    assert convert_model(model_dir()).already_there
