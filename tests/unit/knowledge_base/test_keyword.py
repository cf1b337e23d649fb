"""Character BM25."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.search.keyword import KeywordIndex, grams, normalise, strip_question_words


class TestNormalise:
    def test_folds_width_and_case_and_drops_punctuation(self):
        assert normalise("ＣＴ， 平扫（胸）？") == "ct平扫胸"

    @given(st.text())
    def test_changes_nothing_the_second_time(self, text):
        # some letters fold again after lower-casing and composing; only what both keep is compared
        once = normalise(text)
        assert normalise(once) == normalise(normalise(once))
        assert not any(character.isspace() for character in once)


class TestGrams:
    def test_are_characters_and_pairs_with_latin_words_whole(self):
        assert grams("做ct好") == ["做", "ct", "好", "做ct", "ct好"]

    def test_never_join_what_a_blank_separates(self):
        assert "结是" not in grams("结 是")


class TestScores:
    def test_are_zero_where_nothing_is_shared(self):
        scores = KeywordIndex(["肺结节", "胆囊结石"]).scores("脂肪")
        assert scores.tolist() == [0, 0]

    def test_prefer_the_passage_that_shares_more(self):
        index = KeywordIndex(["肺结节要复查", "胆囊结石可以观察", "肾囊肿"])
        assert int(np.argmax(index.scores("胆囊结石"))) == 1

    def test_of_no_passages_are_empty(self):
        assert KeywordIndex([]).scores("肺").tolist() == []

    def test_a_gram_nobody_wrote_weighs_most(self):
        index = KeywordIndex(["肺结节", "肺炎"])
        assert index.weight("股") > index.weight("结") > index.weight("肺")


def test_question_words_leave_the_topic():
    assert strip_question_words("胆囊结石怎么办", ["怎么办"]).strip() == "胆囊结石"
