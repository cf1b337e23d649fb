"""What every embedder promises: the bundled model, sentence-transformers, a remote service and the stand-in."""

import numpy as np
import pytest

from knowledge_base.embed import (
    BundledEmbedder,
    HashingEmbedder,
    HttpEmbedder,
    SentenceTransformersEmbedder,
)
from knowledge_base.errors import EmbeddingServiceFailed, ModelFilesMissing
from tests.builders.embedder import embedding_server, model_dir

SERVED = 64
ADAPTERS = [
    "hashing",
    pytest.param("bundled", marks=pytest.mark.model),
    pytest.param("sentence_transformers", marks=pytest.mark.model),
    pytest.param("http", marks=[pytest.mark.integration, pytest.mark.enable_socket]),
]


@pytest.fixture(scope="module")
def served():
    with embedding_server() as address:
        yield address


@pytest.fixture(scope="module")
def bundled():
    return BundledEmbedder(model_dir(), threads=1)


@pytest.fixture(scope="module")
def sentence_transformers():
    pytest.importorskip("sentence_transformers", reason="the extra local-models is not installed")
    if not (model_dir() / "hf").is_dir():
        pytest.skip("converted without --hf")
    return SentenceTransformersEmbedder(model_dir() / "hf", threads=1)


@pytest.fixture(params=ADAPTERS)
def embedder(request):
    if request.param == "hashing":
        return HashingEmbedder()
    if request.param == "http":
        return HttpEmbedder(request.getfixturevalue("served"), "hashing", dimension=SERVED)
    return request.getfixturevalue(request.param)


class TestEveryEmbedder:
    def test_gives_one_unit_vector_for_each_text(self, embedder):
        vectors = embedder.passage(["肺结节是肺里的小团。", "胆囊结石", "CT"])
        assert vectors.shape == (3, embedder.dimension)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-4)

    def test_gives_an_empty_matrix_for_no_text(self, embedder):
        assert embedder.query([]).shape == (0, embedder.dimension)

    def test_gives_the_same_vector_whatever_stands_beside_a_text(self, embedder):
        alone = embedder.query(["肺结节要紧吗"])
        among = embedder.query(["今天吃什么", "肺结节要紧吗", "一段长得多的话，" * 30])
        assert np.abs(alone[0] - among[1]).max() < 2e-3

    def test_finds_the_passage_that_belongs_to_a_question(self, embedder):
        passages = embedder.passage(["肾结石的人要多喝水。", "做磁共振前要取下金属。", "脂肪肝要减体重。"])
        nearest = (embedder.query(["得了肾结石要喝多少水", "脂肪肝怎么减"]) @ passages.T).argmax(axis=1)
        assert nearest.tolist() == [0, 2]

    def test_survives_a_text_far_beyond_its_window(self, embedder):
        vectors = embedder.query(["胸部CT平扫未见异常。" * 2000])
        assert np.isfinite(vectors).all()

    def test_names_its_model(self, embedder):
        assert embedder.model_id

    def test_reads_common_characters(self, embedder):
        assert embedder.unread("肺结节要紧吗CT") == frozenset()


@pytest.mark.model
class TestTheSameWeightsInTwoForms:
    def test_agree_on_questions_and_passages(self, bundled, sentence_transformers):
        texts = ["肺结节要紧吗", "磨玻璃影是CT上的淡影。", "BI-RADS 3类"]
        for ours, theirs in (
            (bundled.query(texts), sentence_transformers.query(texts)),
            (bundled.passage(texts), sentence_transformers.passage(texts)),
        ):
            assert (ours * theirs).sum(axis=1).min() > 0.999

    def test_never_share_a_name(self, bundled, sentence_transformers):
        assert bundled.model_id != sentence_transformers.model_id

    def test_both_know_which_characters_they_cannot_read(self, bundled, sentence_transformers):
        assert bundled.unread("髂骨和髌骨") == sentence_transformers.unread("髂骨和髌骨") == {"髂", "髌"}


class TestAModelThatIsNotThere:
    def test_is_named_with_its_remedy(self, tmp_path):
        with pytest.raises(ModelFilesMissing, match=r"knowledge_base\.embed\.convert"):
            BundledEmbedder(tmp_path)

    def test_is_noticed_when_a_manifest_lacks_its_files(self, tmp_path):
        (tmp_path / "manifest.json").write_text('{"dimension": 384, "model_id": "x"}')
        with pytest.raises(ModelFilesMissing):
            BundledEmbedder(tmp_path)

    def test_is_noticed_when_the_manifest_is_garbage(self, tmp_path):
        (tmp_path / "manifest.json").write_text("[]")
        with pytest.raises(ModelFilesMissing):
            BundledEmbedder(tmp_path)

    def test_is_noticed_for_sentence_transformers_too(self, tmp_path):
        with pytest.raises(ModelFilesMissing):
            SentenceTransformersEmbedder(tmp_path)


@pytest.mark.integration
@pytest.mark.enable_socket
class TestARemoteServiceThatMisbehaves:
    @pytest.mark.parametrize(
        ("model", "reason"),
        [("failing", "HTTP status 500"), ("garbage", "holds no vectors"), ("short", "expected shape")],
    )
    def test_is_refused_with_the_reason(self, served, model, reason):
        with pytest.raises(EmbeddingServiceFailed, match=reason):
            HttpEmbedder(served, model, dimension=SERVED).query(["肺"])

    def test_that_is_down_is_refused(self):
        with pytest.raises(EmbeddingServiceFailed, match="ConnectError"):
            HttpEmbedder("http://127.0.0.1:9", "any", dimension=SERVED, timeout_seconds=2).query(["肺"])

    def test_gets_the_key_it_asks_for(self, served):
        assert HttpEmbedder(served, "locked", dimension=SERVED, api_key="secret").query(["肺"]).shape == (1, SERVED)
        with pytest.raises(EmbeddingServiceFailed, match="401"):
            HttpEmbedder(served, "locked", dimension=SERVED).query(["肺"])

    def test_puts_different_prefixes_before_questions_and_passages(self, served):
        remote = HttpEmbedder(served, "hashing", dimension=SERVED, query_prefix="问：", passage_prefix="答：")
        assert not np.allclose(remote.query(["肺"]), remote.passage(["肺"]))
        assert "问：" in remote.model_id
