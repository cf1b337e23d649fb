"""Built indexes are kept on disk and never mixed up."""

import numpy as np
import pytest

from knowledge_base.embed import HashingEmbedder
from knowledge_base.store import cached_index


class CountingEmbedder(HashingEmbedder):
    def __init__(self, dimension=64):
        super().__init__(dimension)
        self.embedded = 0

    def passage(self, texts):
        self.embedded += len(texts)
        return super().passage(texts)


@pytest.fixture
def embedder():
    return CountingEmbedder()


class TestCachedIndex:
    def test_embeds_once_for_the_same_texts(self, tmp_path, embedder):
        for _ in range(2):
            index = cached_index(tmp_path, keys=["a", "b"], texts=["肺", "肝"], embedder=embedder)
        assert embedder.embedded == 2
        assert index.search(embedder.query(["肝"]), 1)[0][0][0] == "b"

    @pytest.mark.parametrize(
        ("keys", "texts"), [(["a", "b"], ["肺", "胆"]), (["a", "c"], ["肺", "肝"]), (["ab", ""], ["肺", "肝"])]
    )
    def test_embeds_anew_when_keys_or_texts_change(self, tmp_path, embedder, keys, texts):
        cached_index(tmp_path, keys=["a", "b"], texts=["肺", "肝"], embedder=embedder)
        cached_index(tmp_path, keys=keys, texts=texts, embedder=embedder)
        assert embedder.embedded == 4

    def test_keeps_models_apart(self, tmp_path, embedder):
        cached_index(tmp_path, keys=["a"], texts=["肺"], embedder=embedder)
        other = CountingEmbedder(32)
        index = cached_index(tmp_path, keys=["a"], texts=["肺"], embedder=other)
        assert other.embedded == 1
        assert index.model_id == other.model_id
        assert len(list(tmp_path.iterdir())) == 2

    def test_replaces_a_damaged_file(self, tmp_path, embedder):
        cached_index(tmp_path, keys=["a"], texts=["肺"], embedder=embedder)
        [file] = tmp_path.iterdir()
        file.write_bytes(b"not an index")
        index = cached_index(tmp_path, keys=["a"], texts=["肺"], embedder=embedder)
        assert len(index) == 1
        assert len(file.read_bytes()) > 100

    def test_works_where_nothing_can_be_written(self, tmp_path, embedder, caplog):
        in_the_way = tmp_path / "file"
        in_the_way.write_text("")
        index = cached_index(in_the_way, keys=["a"], texts=["肺"], embedder=embedder)
        assert np.isfinite(index.search(embedder.query(["肺"]), 1)[0][0][1])
        assert "vector index not kept" in caplog.messages
