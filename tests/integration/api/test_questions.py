"""Questions about a report: the stream, what is refused, what is kept, and what is deleted."""

import json
import threading

import pytest
from sqlalchemy import func, select

from api.db.tables import AnswerRow, AuditEventRow, ConversationRow
from api.workflows.answer_question import answer_events, begin_question, delete_conversation
from tests.builders.phone import RED_FLAG, WHAT, Phone

pytestmark = [pytest.mark.integration, pytest.mark.clause("R3.9")]


@pytest.fixture
def phone(clinic) -> Phone:
    return Phone(clinic)


def kept(hospital, table=AnswerRow) -> int:
    with hospital.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def said(events: list[dict]) -> str:
    return "".join(event["text"] for event in events if event["type"] == "sentence")


class TestRefusedQuestions:
    @pytest.mark.parametrize(
        ("question", "code"),
        [
            ("", "question_empty"),
            ("  \n ", "question_empty"),
            ("问" * 1001, "question_too_long"),
            ("问" * 30_000, "question_too_long"),
            (["严重吗"], "invalid_request"),
            (None, "invalid_request"),
        ],
    )
    def test_are_answered_with_a_sentence_and_nothing_is_kept(self, phone, question, code):
        answer = phone.post(question)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], answer.json()["field"]) == (code, "question")
        assert answer.json()["detail"]
        assert kept(phone.hospital) == 0

    def test_a_question_of_a_thousand_characters_is_answered(self, phone):
        assert phone.ask("磨" * 1000)[-1]["type"] == "finished"

    def test_the_twenty_first_within_a_minute_must_wait(self, phone):
        statuses = [phone.post(RED_FLAG).status_code for _ in range(21)]
        assert statuses == [200] * 20 + [429]
        late = phone.post(RED_FLAG)
        assert 0 < int(late.headers["retry-after"]) <= 60
        assert late.json()["code"] == "too_many"


class TestTheStream:
    def test_tells_who_answers_then_stages_then_cited_sentences_then_the_end(self, phone):
        events = phone.ask(WHAT)
        kinds = [event["type"] for event in events]
        assert (kinds[0], kinds[-1]) == ("started", "finished")
        assert kinds.index("stage") < kinds.index("sentence")
        assert set(kinds) == {"started", "stage", "sentence", "finished"}
        assert (events[0]["model"], events[0]["ai_label"][:4]) == (None, "AI生成")
        sentences = [event for event in events if event["type"] == "sentence"]
        assert [event["index"] for event in sentences] == list(range(len(sentences)))
        cited = [citation for event in sentences for citation in event["citations"]]
        entries = {citation["entry_id"] for citation in cited if "entry_id" in citation}
        assert entries
        for entry in entries:
            assert phone.browser.get(f"/api/patient/knowledge/{entry}").status_code == 200
        assert events[-1]["refused"] is False

    def test_is_not_held_back_by_a_proxy_or_kept_by_a_browser(self, phone):
        headers = phone.post(WHAT).headers
        assert (headers["x-accel-buffering"], headers["cache-control"]) == ("no", "no-store")

    def test_a_red_flag_shows_the_emergency_card_and_generates_nothing(self, phone):
        events = phone.ask(RED_FLAG)
        assert [event["type"] for event in events] == ["started", "emergency", "finished"]
        card = events[1]
        assert card["call"] == "120"
        assert card["hospital_phone"] == phone.hospital.services.settings.hospital.phone
        assert card["title"]
        assert events[-1]["triage"] == "emergency"
        assert phone.conversation()["turns"][0]["answer"]["emergency"]["call"] == "120"

    def test_what_nobody_knows_is_said_to_be_unknown(self, phone):
        events = phone.ask("明天股票会涨吗")
        assert (events[-1]["refused"], events[-1]["reason"]) == (True, "out_of_scope")
        (sentence,) = [event for event in events if event["type"] == "sentence"]
        assert sentence["citations"] == []
        assert "股票" not in sentence["text"]
        assert "我只能回答" in sentence["text"]

    def test_a_fault_in_the_middle_is_a_sentence_and_what_was_said_stays(self, phone):
        services = phone.hospital.services
        with services.database.writing() as session:
            question = begin_question(services, session, phone.grant, phone.report.rsplit("/", 1)[1], WHAT)
        good, services.__dict__["live_knowledge"] = services.live_knowledge, None
        events = list(answer_events(services, phone.grant, question))
        services.__dict__["live_knowledge"] = good
        assert events[-1]["type"] == "failed"
        assert events[-1]["title"]
        assert "None" not in json.dumps(events[-1])
        assert phone.conversation()["turns"][0]["answer"]["reason"] == "interrupted"


class TestTheConversation:
    def test_is_kept_with_its_answers_and_offers_questions_to_begin_with(self, phone):
        empty = phone.conversation()
        assert (empty["conversation_id"], empty["turns"]) == (None, [])
        assert empty["suggestions"]
        events = phone.ask(WHAT)
        (turn,) = phone.conversation()["turns"]
        assert turn["question"] == WHAT
        assert turn["answer"]["answer_id"] == events[0]["answer_id"]
        said = [event["text"] for event in events if event["type"] == "sentence"]
        assert [sentence["text"] for sentence in turn["answer"]["sentences"]] == said

    def test_gives_sense_to_a_question_that_has_none_alone(self, phone):
        phone.ask("脂肪肝是什么")
        after = phone.ask("那平时饮食要注意什么")
        phone.browser.delete(f"{phone.report}/conversation")
        alone = phone.ask("那平时饮食要注意什么")
        assert "肝" in said(after)
        assert "肝" not in said(alone)

    def test_that_is_deleted_is_gone_from_the_database_and_the_deed_is_noted(self, phone):
        phone.ask(WHAT)
        assert phone.browser.delete(f"{phone.report}/conversation").status_code == 204
        assert phone.conversation()["turns"] == []
        assert (kept(phone.hospital), kept(phone.hospital, ConversationRow)) == (0, 0)
        with phone.hospital.services.database.reading() as session:
            actions = session.scalars(select(AuditEventRow.action)).all()
        assert {"question.asked", "conversation.viewed", "conversation.deleted"} <= set(actions)

    def test_that_is_deleted_while_an_answer_is_thought_out_stays_deleted(self, phone):
        services, report = phone.hospital.services, phone.report.rsplit("/", 1)[1]
        with services.database.writing() as session:
            question = begin_question(services, session, phone.grant, report, WHAT)
        events = answer_events(services, phone.grant, question)
        next(events)
        with services.database.writing() as session:
            delete_conversation(session, phone.grant, report, services.clock())
        assert list(events)[-1]["type"] == "finished"
        assert kept(phone.hospital) == 0

    @pytest.mark.parametrize("engine", ["postgresql"])  # SQLite lets one writer in at a time
    def test_two_first_questions_at_once_begin_one_conversation(self, hospital):
        phone = Phone(hospital)
        services, report = hospital.services, phone.report.rsplit("/", 1)[1]
        begun = []

        def begin_late() -> None:
            with services.database.writing() as session:
                begun.append(begin_question(services, session, phone.grant, report, WHAT).conversation_id)

        with services.database.writing() as first:
            begun.append(begin_question(services, first, phone.grant, report, WHAT).conversation_id)
            first.flush()
            late = threading.Thread(target=begin_late)
            late.start()
            late.join(timeout=0.5)  # it waits for the first one's row
            assert late.is_alive()
        late.join(timeout=60)
        assert len(begun) == 2
        assert len(set(begun)) == 1

    def test_audit_holds_no_word_of_it(self, phone):
        phone.ask("我叫测试患者，磨玻璃结节严重吗")
        with phone.hospital.services.database.reading() as session:
            (event,) = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "question.asked"))
        text = json.dumps(event.detail, ensure_ascii=False)
        assert "磨玻璃" not in text
        assert "测试" not in text
        assert event.detail["entries"]


class TestFeedback:
    def test_is_kept_with_the_answer(self, phone):
        answer_id = phone.ask(WHAT)[0]["answer_id"]
        body = {"helpful": False, "comment": "看不懂"}
        assert phone.browser.post(f"/api/patient/answers/{answer_id}/feedback", json=body).status_code == 204
        with phone.hospital.services.database.reading() as session:
            row = session.get_one(AnswerRow, answer_id)
        assert (row.helpful, row.comment) == (False, "看不懂")

    def test_that_is_too_long_or_for_no_answer_is_refused(self, phone):
        answer_id = phone.ask(WHAT)[0]["answer_id"]
        body = {"helpful": True, "comment": "好" * 501}
        assert phone.browser.post(f"/api/patient/answers/{answer_id}/feedback", json=body).status_code == 422
        assert phone.browser.post("/api/patient/answers/none/feedback", json={"helpful": True}).status_code == 404
