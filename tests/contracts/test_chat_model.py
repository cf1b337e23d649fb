"""What every chat model does, whichever adapter."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from interpret.errors import ModelError, ModelGarbage, ModelResting, ModelTimeout, ModelUnreachable
from interpret.models.circuit import Circuit
from interpret.models.local_transformers import LocalTransformersModel
from interpret.models.openai_compatible import OpenAICompatibleModel
from interpret.models.port import ChatMessage, ChatModel
from interpret.models.scripted import ScriptedModel
from tests.builders.llm_server import llm_server
from tests.builders.tiny_chat_model import tiny_chat_model

MESSAGES = [ChatMessage("system", "改写"), ChatMessage("user", '[{"n": 1, "text": "右肺上叶有一个小结节。"}]')]

Make = Callable[[str], ChatModel]

ADAPTERS = [
    "scripted",
    pytest.param("openai_compatible", marks=[pytest.mark.integration, pytest.mark.enable_socket]),
]


@pytest.fixture(params=ADAPTERS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return a model that behaves in one of: good, thinking, slow, dies, silent."""
    with ExitStack() as stack:

        def build(mode: str) -> ChatModel:
            if request.param == "openai_compatible":
                return OpenAICompatibleModel(base_url=stack.enter_context(llm_server(mode)), model="test")
            scripts: dict[str, list[str | ModelError]] = {
                "good": ["1|右肺上叶", "有一个小结节哦。\n"],
                "thinking": ["<thi", "nk>想一想</think>", "1|右肺上叶有一个小结节哦。\n"],
                "slow": ["1|", "右肺", "上叶", "有一个", "小结节。"],
                "dies": ["1|右肺", ModelGarbage("scripted", "gone")],
                "silent": [],
            }
            return ScriptedModel(scripts[mode], seconds_each=0.4 if mode == "slow" else 0.0)

        yield build


class TestStream:
    def test_yields_the_reply_in_pieces(self, make: Make):
        pieces = list(make("good").stream(MESSAGES, 20))
        assert len(pieces) > 1
        assert "右肺上叶有一个小结节" in "".join(pieces)

    def test_leaves_reasoning_out(self, make: Make):
        text = "".join(make("thinking").stream(MESSAGES, 20))
        assert "想" not in text
        assert text.startswith("1|")

    def test_ends_with_a_timeout_when_the_reply_takes_too_long(self, make: Make):
        started = time.monotonic()
        with pytest.raises(ModelTimeout):
            list(make("slow").stream(MESSAGES, 1.0))
        assert time.monotonic() - started < 3

    def test_says_so_when_the_reply_breaks_off(self, make: Make):
        with pytest.raises(ModelGarbage):
            list(make("dies").stream(MESSAGES, 20))

    def test_an_empty_reply_is_garbage(self, make: Make):
        with pytest.raises(ModelGarbage):
            list(make("silent").stream(MESSAGES, 20))


class TestOpenAICompatible:
    @pytest.mark.integration
    @pytest.mark.enable_socket
    def test_nobody_there_is_unreachable(self):
        with pytest.raises(ModelUnreachable):
            list(OpenAICompatibleModel(base_url="http://127.0.0.1:9/v1", model="none").stream(MESSAGES, 3))

    @pytest.mark.integration
    @pytest.mark.enable_socket
    @pytest.mark.parametrize(
        ("mode", "error"),
        [
            ("hang", ModelTimeout),
            ("drip", ModelTimeout),
            ("garbage", ModelGarbage),
            ("error", ModelUnreachable),
            ("loop", ModelGarbage),
        ],
    )
    def test_names_what_went_wrong(self, mode: str, error: type[ModelError]):
        with llm_server(mode) as base_url, pytest.raises(error):
            list(
                OpenAICompatibleModel(base_url=base_url, model="test").stream(
                    MESSAGES, 2 if error is ModelTimeout else 20
                )
            )


@pytest.mark.integration
@pytest.mark.enable_socket
class TestAServerThatHangs:
    """Every question would wait for the timeout again; after some failures nobody is asked for a while."""

    def test_is_left_alone_after_failures_in_a_row(self):
        with llm_server("hang") as base_url:
            model = OpenAICompatibleModel(base_url=base_url, model="test", circuit=Circuit(failures=2, rest_seconds=60))
            for _ in range(2):
                with pytest.raises(ModelTimeout):
                    list(model.stream(MESSAGES, 0.5))
            with pytest.raises(ModelResting):
                list(model.stream(MESSAGES, 0.5))

    def test_is_asked_again_after_the_rest_and_answers_from_then_on(self):
        now = [0.0]
        with llm_server("hangs_twice") as base_url:
            circuit = Circuit(failures=2, rest_seconds=30, clock=lambda: now[0])
            model = OpenAICompatibleModel(base_url=base_url, model="test", circuit=circuit)
            for _ in range(2):
                with pytest.raises(ModelTimeout):
                    list(model.stream(MESSAGES, 0.5))
            with pytest.raises(ModelResting):
                list(model.stream(MESSAGES, 20))
            now[0] = 31.0
            assert "结节" in "".join(model.stream(MESSAGES, 20))
            assert "结节" in "".join(model.stream(MESSAGES, 20))

    def test_a_server_that_refuses_is_left_alone_too(self):
        with llm_server("error") as base_url:
            model = OpenAICompatibleModel(base_url=base_url, model="test", circuit=Circuit(failures=1))
            with pytest.raises(ModelUnreachable):
                list(model.stream(MESSAGES, 20))
            with pytest.raises(ModelResting):
                list(model.stream(MESSAGES, 20))

    def test_garbage_costs_no_wait_and_rests_nobody(self):
        with llm_server("silent") as base_url:
            model = OpenAICompatibleModel(base_url=base_url, model="test", circuit=Circuit(failures=1))
            for _ in range(3):
                with pytest.raises(ModelGarbage):
                    list(model.stream(MESSAGES, 20))


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    return tiny_chat_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.model
class TestLocalTransformers:
    def test_generates_some_text_of_its_own(self, tiny_folder: Path):
        model = LocalTransformersModel(tiny_folder, max_new_tokens=12, threads=1)
        assert "".join(model.stream(MESSAGES, 60))
        assert model.name == tiny_folder.name

    def test_stops_when_the_time_is_over(self, tiny_folder: Path):
        model = LocalTransformersModel(tiny_folder, max_new_tokens=4000, threads=1)
        started = time.monotonic()
        with pytest.raises(ModelTimeout):
            list(model.stream(MESSAGES, 1.5))
        assert time.monotonic() - started < 30

    def test_a_folder_without_a_model_is_unreachable(self, tmp_path: Path):
        with pytest.raises(ModelUnreachable):
            list(LocalTransformersModel(tmp_path).stream(MESSAGES, 5))
