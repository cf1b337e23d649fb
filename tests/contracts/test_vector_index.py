"""What every vector index promises."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.errors import VectorIndexMismatch, VectorShapeMismatch
from knowledge_base.store import ExactVectorIndex, FaissVectorIndex

INDEXES: list[Any] = [ExactVectorIndex, FaissVectorIndex]


@pytest.fixture(params=INDEXES, ids=["exact", "faiss"])
def kind(request):
    return request.param


@pytest.fixture
def index(kind):
    made = kind(3, model_id="m:1")
    made.add(["a", "b", "c"], np.eye(3, dtype=np.float32))
    return made


class TestSearching:
    def test_gives_the_largest_product_first(self, index):
        [found] = index.search(np.array([[0.1, 0.9, 0.4]], np.float32), 2)
        assert [key for key, _ in found] == ["b", "c"]
        assert [score for _, score in found] == pytest.approx([0.9, 0.4])

    def test_gives_everything_when_asked_for_more(self, index):
        [found] = index.search(np.array([[1, 0, 0]], np.float32), 99)
        assert len(found) == 3

    def test_gives_equal_scores_in_the_order_of_adding(self, index):
        [found] = index.search(np.array([[1, 1, 1]], np.float32), 3)
        assert [key for key, _ in found] == ["a", "b", "c"]

    def test_an_empty_index_finds_nothing(self, kind):
        assert kind(3, model_id="m:1").search(np.ones((2, 3), np.float32), 5) == [[], []]

    def test_refuses_a_question_of_another_dimension(self, index):
        with pytest.raises(VectorShapeMismatch):
            index.search(np.ones((1, 4), np.float32), 1)


class TestTaking:
    def test_gives_back_what_was_added_in_the_order_asked_for(self, index):
        assert index.take(["c", "a"]).tolist() == [[0, 0, 1], [1, 0, 0]]

    def test_an_unknown_key_is_an_error(self, index):
        with pytest.raises(KeyError):
            index.take(["d"])


class TestAdding:
    def test_refuses_vectors_of_another_dimension(self, index):
        with pytest.raises(VectorShapeMismatch):
            index.add(["d"], np.ones((1, 2), np.float32))

    def test_refuses_fewer_keys_than_vectors_and_keeps_what_it_had(self, index):
        with pytest.raises(VectorShapeMismatch):
            index.add(["d"], np.ones((2, 3), np.float32))
        assert len(index) == 3


class TestSaving:
    def test_gives_the_same_answers_after_loading(self, kind, index, tmp_path):
        index.save(tmp_path / "i.npz")
        again = kind.load(tmp_path / "i.npz", model_id="m:1")
        question = np.array([[0.3, 0.2, 0.9]], np.float32)
        assert again.search(question, 3) == index.search(question, 3)
        assert len(again) == 3

    def test_never_mixes_the_vectors_of_two_models(self, kind, index, tmp_path):
        index.save(tmp_path / "i.npz")
        with pytest.raises(VectorIndexMismatch, match="m:1"):
            kind.load(tmp_path / "i.npz", model_id="m:2")

    def test_refuses_a_file_of_the_other_engine(self, kind, index, tmp_path):
        index.save(tmp_path / "i.npz")
        [other] = [one for one in INDEXES if one is not kind]
        with pytest.raises(VectorIndexMismatch):
            other.load(tmp_path / "i.npz", model_id="m:1")

    @pytest.mark.parametrize("damage", [b"", b"garbage", None])
    def test_refuses_a_damaged_or_missing_file(self, kind, index, tmp_path, damage):
        path = tmp_path / "i.npz"
        if damage is not None:
            path.write_bytes(damage)
        with pytest.raises(VectorIndexMismatch):
            kind.load(path, model_id="m:1")

    def test_refuses_a_file_that_ends_early(self, kind, index, tmp_path):
        path = tmp_path / "i.npz"
        index.save(path)
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(VectorIndexMismatch):
            kind.load(path, model_id="m:1")

    def test_leaves_nothing_but_the_file(self, index, tmp_path):
        index.save(tmp_path / "i.npz")
        index.save(tmp_path / "i.npz")
        assert [path.name for path in tmp_path.iterdir()] == ["i.npz"]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 2**31))
def test_faiss_agrees_with_exact_search(count, k, seed):
    numbers = np.random.default_rng(seed)
    vectors = numbers.normal(size=(count, 5)).astype(np.float32)
    question = numbers.normal(size=(2, 5)).astype(np.float32)
    found = []
    for kind in INDEXES:
        index = kind(5, model_id="m")
        index.add([str(i) for i in range(count)], vectors)
        found.append(index.search(question, k))
    assert [[key for key, _ in row] for row in found[0]] == [[key for key, _ in row] for row in found[1]]
