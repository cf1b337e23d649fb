"""The content editor over HTTP: two persons to a change, refusals, what patients are told, words that wait."""

import threading

import pytest
from sqlalchemy import func, select

from api.accounts.roles import Role
from api.db.tables import AnswerRow, AuditEventRow
from api.editorial.live import LiveKnowledge
from api.editorial.tables import UnexplainedWordRow, VersionRow
from api.schemas.editor import Text
from api.settings import Mode
from knowledge_base import KnowledgeBase
from knowledge_base.editorial import text_of
from tests.builders.hl7 import oru_r01
from tests.builders.hospital import small_hospital
from tests.builders.phone import STUDY, Phone
from tests.builders.staff import new_account, sign_in, signed_in

pytestmark = pytest.mark.integration

ENTRY = "term-ground-glass-nodule"
PATH = f"/api/editor/entries/{ENTRY}"
NEW_PLAIN = "肺里一个像薄雾一样的小影子，透过它还看得见血管。"


class Desk:
    """An editor's browser at one entry."""

    def __init__(self, hospital, *roles: Role) -> None:
        self.browser = signed_in(hospital, roles)

    def look(self, path: str = PATH) -> dict:
        return self.browser.get(path).json()

    def save(self, path: str = PATH, *, seen: int | None = None, based_on: int | None = None, **changes):
        at = self.look(path)
        text = {**(at["draft"] or at)["text"], **changes}
        seen = (at["draft"] or {"revision": 0})["revision"] if seen is None else seen
        based_on = at["version"] if based_on is None else based_on
        return self.browser.put(f"{path}/draft", json={"text": text, "based_on": based_on, "seen": seen})

    def step(self, name: str, path: str = PATH, *, seen: int | None = None, **body):
        draft = self.look(path)["draft"]
        seen = draft["revision"] if seen is None else seen
        return self.browser.post(f"{path}/draft/{name}", json={"seen": seen, **body})

    def restore(self, version: int, *, seen: int, path: str = PATH):
        return self.browser.post(f"{path}/restore", json={"version": version, "seen": seen})


@pytest.fixture
def author(clinic):
    return Desk(clinic, Role.AUTHOR)


@pytest.fixture
def reviewer(clinic):
    return Desk(clinic, Role.REVIEWER)


@pytest.fixture
def phone(clinic):
    return Phone(clinic)


def published(author, reviewer, **changes):
    assert author.save(**changes).status_code == 200
    assert author.step("submit").status_code == 200
    answer = reviewer.step("publish")
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(phone) -> dict:
    return phone.browser.get(f"/api/patient/knowledge/{ENTRY}").json()


def plain_of(knowledge: KnowledgeBase) -> str:
    entry = knowledge.entry(ENTRY)
    assert entry is not None
    return entry.plain


def plain_in(live: LiveKnowledge) -> str:
    return plain_of(live.told)


def audit(hospital) -> list[tuple[str, str]]:
    with hospital.services.database.reading() as session:
        rows = session.scalars(
            select(AuditEventRow).where(AuditEventRow.action.like("kb.%")).order_by(AuditEventRow.at)
        )
        return [(row.action, row.outcome) for row in rows]


@pytest.mark.clause("R3.9")
class TestTheRoad:
    def test_from_the_authors_text_to_the_patient_and_back(self, clinic, author, reviewer, phone):
        before = told(phone)
        assert (before["state"], before["reviewer"]) == ("starter", None)
        assert author.save(plain=NEW_PLAIN, surfaces=["薄雾结节"]).json()["draft"]["state"] == "draft"
        assert told(phone) == before
        author.step("submit")
        seen = reviewer.look()["draft"]
        [plain, surfaces] = seen["changes"]
        assert (plain["field"], surfaces["field"]) == ("plain", "surfaces")
        assert "".join(piece["text"] for piece in plain["pieces"] if piece["kind"] != "removed") == NEW_PLAIN
        assert told(phone) == before
        done = reviewer.step("publish").json()
        assert (done["state"], done["version"], done["draft"]) == ("reviewed", 2, None)
        after = told(phone)
        assert (after["plain"], after["state"], after["reviewer"]) == (NEW_PLAIN, "reviewed", "测试员工")
        assert clinic.services.knowledge.entry_for("薄雾结节") == ENTRY
        assert clinic.services.knowledge.search("薄雾结节是什么").hits[0].chunk.entry_id == ENTRY
        assert reviewer.restore(1, seen=2).json()["version"] == 3
        assert told(phone)["plain"] == before["plain"]
        assert clinic.services.knowledge.entry_for("薄雾结节") == "term-nodule"
        actions = [("kb.edited", "success"), ("kb.submitted", "success"), ("kb.published", "success")]
        assert sorted(audit(clinic)) == sorted([*actions, ("kb.rolled_back", "success")])

    def test_what_comes_back_says_why(self, clinic, author, reviewer):
        author.save(plain=NEW_PLAIN)
        author.step("submit")
        assert reviewer.step("return", reason="请补充来源").json()["draft"]["state"] == "returned"
        assert author.look()["draft"]["reason"] == "请补充来源"
        assert ("kb.returned", "success") in audit(clinic)

    def test_the_answer_keeps_the_version_it_used(self, clinic, author, reviewer, phone):
        published(author, reviewer, plain=NEW_PLAIN)
        phone.ask("磨玻璃结节是什么意思")
        with clinic.services.database.reading() as session:
            assert session.scalars(select(AnswerRow.knowledge_version)).one().endswith("+1")

    def test_a_new_word_gets_an_entry(self, clinic, author, reviewer):
        text = {
            "title": "薄雾征",
            "plain": "像薄雾一样的影子。",
            "body": "说的是样子。",
            "source_ids": ["textbook-imaging-8"],
        }
        made = author.browser.post("/api/editor/entries", json={"text": text}).json()
        path = f"/api/editor/entries/{made['entry_id']}"
        assert clinic.services.knowledge.entry(made["entry_id"]) is None
        lines = reviewer.browser.get("/api/editor/entries", params={"state": "draft"}).json()["entries"]
        assert [line["title"] for line in lines] == ["薄雾征"]
        author.step("submit", path)
        assert reviewer.step("publish", path).json()["version"] == 1
        assert clinic.services.knowledge.entry_for("薄雾征") == made["entry_id"]


@pytest.mark.clause("R3.9")
class TestRefusals:
    def test_nobody_publishes_what_they_wrote(self, clinic):
        both = Desk(clinic, Role.AUTHOR, Role.REVIEWER)
        both.save(plain=NEW_PLAIN)
        both.step("submit")
        answer = both.step("publish")
        assert (answer.status_code, answer.json()["code"]) == (403, "reviewer_is_author")
        assert plain_of(clinic.services.knowledge) != NEW_PLAIN
        assert ("kb.published", "refused") in audit(clinic)

    def test_nor_brings_back_what_they_wrote(self, clinic, reviewer):
        both = Desk(clinic, Role.AUTHOR, Role.REVIEWER)
        published(both, reviewer, plain=NEW_PLAIN)
        reviewer.restore(1, seen=2)
        assert both.restore(2, seen=3).status_code == 403
        assert reviewer.restore(2, seen=3).status_code == 200

    def test_an_author_cannot_publish_nor_a_reviewer_write(self, author, reviewer):
        author.save(plain=NEW_PLAIN)
        author.step("submit")
        assert author.step("publish").status_code == 403
        assert reviewer.save(plain="x").status_code == 403

    def test_an_edit_of_what_was_published_meanwhile_shows_the_difference(self, clinic, author, reviewer):
        published(author, reviewer, plain=NEW_PLAIN)
        late = Desk(clinic, Role.AUTHOR).save(plain="别的话。", based_on=1, seen=0)
        problem = late.json()
        assert (late.status_code, problem["code"], problem["current"]) == (409, "edit_stale", 2)
        [change] = problem["changes"]
        assert "薄雾" in "".join(piece["text"] for piece in change["pieces"] if piece["kind"] == "added")

    def test_two_authors_do_not_overwrite_each_other(self, clinic, author):
        author.save(plain=NEW_PLAIN)
        late = Desk(clinic, Role.AUTHOR).save(plain="别的话。", seen=0)
        assert (late.status_code, late.json()["draft_revision"]) == (409, 1)
        assert author.look()["draft"]["text"]["plain"] == NEW_PLAIN

    def test_a_reviewer_publishes_only_what_they_have_seen(self, author, reviewer):
        author.save(plain=NEW_PLAIN)
        author.step("submit")
        reviewer.step("return", reason="？")
        author.save(plain="另一句话。")
        author.step("submit")
        assert reviewer.step("publish", seen=2).status_code == 409

    @pytest.mark.parametrize("name", ["submit", "publish"])
    def test_no_step_is_taken_twice(self, author, reviewer, name):
        author.save(plain=NEW_PLAIN)
        author.step("submit")
        desk = author if name == "submit" else reviewer
        if name == "publish":
            assert desk.step(name).status_code == 200
            assert desk.browser.post(f"{PATH}/draft/publish", json={"seen": 2}).status_code == 404
        else:
            assert desk.step(name).json()["code"] == "draft_state"

    def test_what_is_in_force_and_reviewed_is_not_restored(self, author, reviewer):
        published(author, reviewer, plain=NEW_PLAIN)
        assert reviewer.restore(2, seen=2).json()["code"] == "version_in_force"
        assert reviewer.restore(7, seen=2).status_code == 404

    def test_a_source_that_is_not_on_the_list_is_named(self, author):
        answer = author.save(source_ids=["textbook-imaging-8", "my-blog"])
        assert (answer.status_code, answer.json()["code"]) == (422, "source_unknown")
        assert (answer.json()["field"], answer.json()["sources"]) == ("source_ids", ["my-blog"])

    def test_a_dose_is_not_handed_to_review(self, author):
        author.save(plain="每次2片，一天三次。")
        answer = author.step("submit")
        assert (answer.status_code, answer.json()["code"]) == (422, "text_unsafe")
        assert answer.json()["found"]

    @pytest.mark.parametrize(
        "text", [{"title": ""}, {"plain": "x" * 401}, {"body": "a\x00b"}, {"surfaces": ["x"] * 61}]
    )
    def test_a_field_that_is_wrong_is_named(self, author, text):
        answer = author.save(**text)
        assert answer.status_code == 422
        assert next(iter(text)) in answer.json()["field"]

    def test_an_entry_nobody_knows_is_not_found(self, author):
        body = {"text": author.look()["text"], "based_on": 0, "seen": 0}
        assert author.browser.put("/api/editor/entries/term-none/draft", json=body).status_code == 404

    def test_an_everyday_word_is_warned_about(self, author):
        draft = author.save(surfaces=["检查", "肺"]).json()["draft"]
        found = [w["detail"] for w in draft["warnings"] if w["rule"] == "everyday word as hard term"]
        assert found == ["检查", "肺"]

    @pytest.mark.parametrize(
        "body",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[点我](javascript:alert(1))",
            "![图](https://example.invalid/x.png)",
            "<a href='javascript:alert(1)'>x</a>",
        ],
    )
    def test_no_script_of_an_author_runs_on_the_patients_page(self, author, reviewer, phone, body):
        published(author, reviewer, body=body)
        html = told(phone)["body_html"]
        assert "<script" not in html
        assert "<img" not in html
        assert 'href="javascript:' not in html
        assert "<a href='javascript" not in html

    def test_every_shipped_text_may_be_saved_again(self, clinic):
        for entry in clinic.services.live_knowledge.shipped.entries:
            text = text_of(entry)
            Text(
                title=text.title,
                plain=text.plain,
                body=text.body,
                surfaces=list(text.surfaces),
                questions=list(text.questions),
                source_ids=list(text.source_ids),
            )


class TestOtherProcesses:
    def test_follow_without_a_restart_and_keep_what_they_have_meanwhile(self, clinic, knowledge, author, reviewer):
        services = clinic.services
        other = LiveKnowledge(
            lambda: knowledge, services.database, services.settings.hospital.institution_code, withhold_starter=False
        )
        old = other.told
        published(author, reviewer, plain=NEW_PLAIN)
        assert plain_of(old) != NEW_PLAIN
        other.refresh()
        assert plain_in(other) == NEW_PLAIN
        assert plain_of(old) != NEW_PLAIN

    def test_by_themselves(self, clinic, knowledge, author, reviewer):
        services = clinic.services
        other = LiveKnowledge(
            lambda: knowledge, services.database, services.settings.hospital.institution_code, withhold_starter=False
        )
        other.follow_when_used()
        assert other.told.entry(ENTRY)
        arrived = threading.Event()
        published(author, reviewer, plain=NEW_PLAIN)
        for _ in range(600):
            if plain_in(other) == NEW_PLAIN or arrived.wait(0.1):
                break
        other.stop()
        assert plain_in(other) == NEW_PLAIN

    def test_a_start_finds_what_was_published_before(self, clinic, knowledge, author, reviewer):
        published(author, reviewer, plain=NEW_PLAIN)
        services = clinic.services
        fresh = LiveKnowledge(
            lambda: knowledge, services.database, services.settings.hospital.institution_code, withhold_starter=False
        )
        assert plain_in(fresh) == NEW_PLAIN
        assert fresh.told.version == services.knowledge.version

    def test_another_institutions_publications_are_not_taken_over(self, clinic, knowledge, author, reviewer):
        published(author, reviewer, plain=NEW_PLAIN)
        other = LiveKnowledge(lambda: knowledge, clinic.services.database, "OTHER", withhold_starter=False)
        assert plain_in(other) != NEW_PLAIN


class TestOnBothDatabases:
    def test_versions_are_numbered_without_gaps(self, hospital, knowledge):
        services = hospital.services
        services.__dict__["live_knowledge"] = LiveKnowledge(
            lambda: knowledge, services.database, services.settings.hospital.institution_code, withhold_starter=False
        )
        author, reviewer = Desk(hospital, Role.AUTHOR), Desk(hospital, Role.REVIEWER)
        published(author, reviewer, plain=NEW_PLAIN)
        published(author, reviewer, plain="第二句。")
        reviewer.restore(2, seen=3)
        with services.database.reading() as session:
            assert session.scalars(select(VersionRow.revision).order_by(VersionRow.revision)).all() == [1, 2, 3]
            assert session.scalar(select(func.max(VersionRow.version))) == 4
        assert plain_of(services.knowledge) == NEW_PLAIN


class TestProduction:
    @pytest.fixture
    def strict(self, tmp_path, sqlite_url, redis_url, redis, knowledge: KnowledgeBase):
        opened = small_hospital(
            tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, knowledge=knowledge, mode=Mode.PRODUCTION
        )
        opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
        yield opened
        opened.services.close()

    def test_withholds_what_nobody_reviewed_until_a_named_person_accepts_it(self, strict):
        phone, reviewer = Phone(strict), Desk(strict, Role.REVIEWER)
        address = f"/api/patient/knowledge/{ENTRY}"
        assert phone.browser.get(address).status_code == 404
        assert phone.browser.get(f"{phone.report}/interpretation").status_code == 200
        [found] = [hit for hit in hits(reviewer, "磨玻璃结节是什么") if hit["entry_id"] == ENTRY]
        assert found["told"] is False
        accepted = reviewer.restore(1, seen=1)
        assert (accepted.status_code, accepted.json()["state"]) == (200, "reviewed")
        entry = phone.browser.get(address).json()
        assert (entry["state"], entry["reviewer"]) == ("reviewed", "测试员工")
        assert entry["reviewed_at"].startswith("2026-03-02")
        assert strict.services.knowledge.search("磨玻璃结节是什么").hits[0].chunk.entry_id == ENTRY
        assert audit(strict) == [("kb.published", "success")]


def hits(desk: Desk, question: str) -> list[dict]:
    return desk.browser.post("/api/editor/hit-test", json={"question": question}).json()["hits"]


class TestHitTest:
    def test_says_what_is_found_and_why(self, author):
        found = author.browser.post("/api/editor/hit-test", json={"question": "磨玻璃结节是什么"}).json()
        first = found["hits"][0]
        assert (first["entry_id"], first["asked_exactly"], first["keyword_rank"]) == (ENTRY, True, 1)
        assert "磨玻璃结节" in first["names"]
        assert found["known"] is (found["probability"] >= found["threshold"])

    def test_a_question_about_nothing_is_not_known(self, author):
        assert author.browser.post("/api/editor/hit-test", json={"question": "股票明天涨吗"}).json()["known"] is False


def waiting(desk: Desk) -> dict[str, tuple[int, int]]:
    rows = desk.browser.get("/api/editor/words").json()
    return {row["word"]: (row["in_reports"], row["in_questions"]) for row in rows}


class TestWordsThatWait:
    @pytest.fixture
    def odd(self, clinic):
        """A report with a word of the lexicon that has no entry, among what must never get into the queue."""
        word = next(
            form.surface
            for form in clinic.services.knowledge.lexicon()
            if form.entry_id is None
            and len(form.surface) >= 4
            and form.surface.isalpha()
            and not form.surface.isascii()
        )
        message = oru_r01(
            accession_number="ACC0001",
            study_instance_uid=STUDY,
            findings=f"测试患者王小明电话13800000001，见{word}，大小约12mm。",
            impression="请结合临床。",
        )
        clinic.hl7(message)
        return word

    def test_come_from_reports_once_a_day_and_hold_nothing_of_the_patient(self, clinic, author, odd):
        phone = Phone(clinic)
        for _ in range(2):
            assert phone.browser.get(f"{phone.report}/interpretation").status_code == 200
        assert waiting(author)[odd] == (1, 0)
        with clinic.services.database.reading() as session:
            words = "".join(session.scalars(select(UnexplainedWordRow.word)))
        assert not any(part in words for part in ("王小明", "测试患者", "138", "12"))

    def test_come_from_questions_that_nothing_answers(self, clinic, author, odd):
        phone = Phone(clinic)
        events = phone.ask(f"王小明的{odd}和股票有什么关系")
        if events[-1]["reason"] != "no_knowledge":
            events = phone.ask(odd)
        assert events[-1]["reason"] == "no_knowledge"
        words = waiting(author)
        assert words[odd][1] == 1
        assert not any("王小明" in word for word in words)

    def test_leave_when_they_get_an_entry_or_need_none(self, clinic, author, reviewer, odd):
        phone = Phone(clinic)
        phone.browser.get(f"{phone.report}/interpretation")
        others = [word for word in waiting(author) if word != odd]
        for word in others:
            assert author.browser.post("/api/editor/words/dismiss", json={"word": word}).status_code == 204
        assert list(waiting(author)) == [odd]
        text = {"title": odd, "plain": "一种样子。", "body": "说的是样子。", "source_ids": ["textbook-imaging-8"]}
        made = author.browser.post("/api/editor/entries", json={"text": text}).json()
        path = f"/api/editor/entries/{made['entry_id']}"
        author.step("submit", path)
        assert reviewer.step("publish", path).status_code == 200
        assert waiting(author) == {}


def test_a_person_who_only_signed_in_is_told_so(clinic):
    browser = clinic.browser()
    sign_in(browser, new_account(clinic, Role.AUTHOR))
    assert browser.get("/api/editor/entries").json()["code"] == "sign_in_unfinished"
