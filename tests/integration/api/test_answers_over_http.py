"""Answers through a real server and a language model in its own process, well and badly behaved."""

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from api.auth.cookies import GRANT_COOKIE
from api.db.tables import AnswerRow
from api.models_wiring import ExternalModelRefused
from api.settings import LlmSettings
from tests.builders.dicom import study_uid
from tests.builders.hospital import served, small_hospital
from tests.builders.llm_server import llm_server
from tests.builders.phone import RED_FLAG, WHAT, Phone, events_of

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.clause("R3.9")]

STUDY = study_uid("study")
SECONDS = 1.5


def with_model(tmp_path, sqlite_url, redis_url, knowledge, address: str):
    settings = {"base_url": address, "model": "test", "timeout_seconds": SECONDS}
    hospital = small_hospital(
        tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, knowledge=knowledge, llm=settings
    )
    hospital.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
    return hospital


def ask(address: str, phone: Phone, question: str) -> tuple[list[dict], float]:
    began = time.monotonic()
    with httpx.stream(
        "POST",
        f"{address}{phone.report}/questions",
        json={"question": question},
        cookies={GRANT_COOKIE: phone.browser.cookies[GRANT_COOKIE]},
        timeout=60,
        trust_env=False,
    ) as answer:
        text = "".join(answer.iter_text())
    return events_of(text), time.monotonic() - began


def sentences(events: list[dict]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "sentence"]


class TestAnswersWithAModel:
    @pytest.mark.parametrize(
        "mode", ["good", "hang", "garbage", "dies", "flips_side", "follows_injection", "error", "drip"]
    )
    def test_are_whole_and_safe_however_it_behaves(self, tmp_path, sqlite_url, redis_url, redis, knowledge, mode):
        with llm_server(mode) as address:
            hospital = with_model(tmp_path, sqlite_url, redis_url, knowledge, address)
            phone = Phone(hospital)
            with served(hospital) as base:
                events, seconds = ask(base, phone, "我的磨玻璃结节严重吗")
            hospital.services.close()
        assert events[0]["model"]
        assert (events[0]["type"], events[-1]["type"]) == ("started", "finished")
        said = sentences(events)
        assert said
        assert all(text.rstrip("”）)")[-1] in "。！？；：" for text in said), said
        text = "".join(said)
        for wrong in ("左肺上叶", "良性的，", "阿莫西林", "好的好的", "{", "data:"):
            assert wrong not in text
        assert seconds < SECONDS + 30  # a model that hangs takes a minute
        (row,) = rows(hospital)
        assert [sentence["text"] for sentence in row.answer["sentences"]] == said
        assert row.model == events[0]["model"]
        assert row.prompt_version

    def test_are_reworded_by_a_good_one(self, tmp_path, sqlite_url, redis_url, redis, knowledge):
        with llm_server("good") as address:
            hospital = with_model(tmp_path, sqlite_url, redis_url, knowledge, address)
            phone = Phone(hospital)
            with served(hospital) as base:
                reworded, _ = ask(base, phone, WHAT)
            hospital.services.__dict__["model"] = None
            phone.browser.delete(f"{phone.report}/conversation")
            composed = phone.ask(WHAT)
            hospital.services.close()
        assert sentences(reworded) != sentences(composed)
        assert len(sentences(reworded)) == len(sentences(composed))

    def test_a_red_flag_is_never_sent_to_it(self, tmp_path, sqlite_url, redis_url, redis, knowledge):
        with llm_server("hang") as address:
            hospital = with_model(tmp_path, sqlite_url, redis_url, knowledge, address)
            phone = Phone(hospital)
            with served(hospital) as base:
                events, seconds = ask(base, phone, RED_FLAG)
            hospital.services.close()
        assert events[1]["type"] == "emergency"
        assert seconds < SECONDS

    def test_one_outside_the_premises_is_refused_before_the_service_starts(self, tmp_path, sqlite_url, redis_url):
        hospital = small_hospital(
            tmp_path / "data",
            database_url=sqlite_url,
            redis_url=redis_url,
            llm=LlmSettings(base_url="https://93.184.216.34/v1", model="x"),
        )
        with pytest.raises(ExternalModelRefused, match="MINGYING_LLM__ALLOW_EXTERNAL"):
            _ = hospital.services.model


class TestAPhoneThatLosesItsConnection:
    def test_finds_the_whole_answer_when_it_comes_back(self, tmp_path, sqlite_url, redis_url, redis, knowledge):
        with llm_server("slow") as model:
            hospital = with_model(tmp_path, sqlite_url, redis_url, knowledge, model)
            phone = Phone(hospital)
            with served(hospital) as base:
                hang_up_after_first_event(base, phone)
                deadline = time.monotonic() + 60
                while not rows(hospital) and time.monotonic() < deadline:
                    time.sleep(0.05)
                (turn,) = phone.conversation()["turns"]
            hospital.services.close()
        assert turn["question"] == WHAT
        assert turn["answer"]["sentences"]
        assert turn["answer"]["reason"] is None

    def test_others_are_served_while_a_model_hangs(self, tmp_path, sqlite_url, redis_url, redis, knowledge):
        with llm_server("hang") as model:
            hospital = with_model(tmp_path, sqlite_url, redis_url, knowledge, model)
            phone = Phone(hospital)
            with served(hospital) as base:
                for _ in range(12):
                    hang_up_after_first_event(base, phone)
                # long before the model, which takes a minute
                assert httpx.get(f"{base}/health", trust_env=False, timeout=20).status_code == 200
            hospital.services.close()


def rows(hospital) -> list[AnswerRow]:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(AnswerRow)))


def hang_up_after_first_event(base: str, phone: Phone) -> None:
    """Ask, wait for the first event, and close the connection as a phone in a lift does."""
    where = urlsplit(base)
    body = b'{"question": "' + WHAT.encode() + b'"}'
    head = (
        f"POST {phone.report}/questions HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
        f"Cookie: {GRANT_COOKIE}={phone.browser.cookies[GRANT_COOKIE]}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while b"event: started" not in received:
            received += connection.recv(4096)
