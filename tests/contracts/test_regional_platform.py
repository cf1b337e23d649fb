"""What every adapter of the regional platform promises, against a platform that runs as a process of its own."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from imaging_core.interop.regional import (
    OrderItem,
    Person,
    PlatformRejected,
    PlatformUnreachable,
    PlatformUntrusted,
    RegionalPlatform,
    RegistrationOutcome,
)
from imaging_core.interop.regional.provincial import Call
from tests.builders.region import EXAMINED, OURS, THEIRS, RunningPlatform, registration, running_platform
from tests.builders.servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("regional platform")]

CHEST_CT = OrderItem(code="A-17", name="胸部CT平扫", modality="CT")
HEAD_MR = OrderItem(code="B-02", name="颅脑MRI平扫", modality="MR")
RENAMED = {
    "organ_code": "orgCode",
    "cardno": "certNo",
    "view_record_id": "viewId",
    "code": "resultCode",
    "data": "body",
}


@pytest.fixture(scope="module", params=["reference names", "another province's names"])
def platform(request, tmp_path_factory) -> Iterator[RunningPlatform]:
    names = RENAMED if request.param != "reference names" else None
    with running_platform(tmp_path_factory.mktemp("platform"), field_names=names) as running:
        yield running


@pytest.fixture
def calm(platform) -> Iterator[RunningPlatform]:
    """The platform, which behaves again afterwards."""
    yield platform
    platform.misbehave("none")


@pytest.fixture
def person() -> Person:
    """Somebody of whom the platform knows nothing yet."""
    return Person(name="测试患者", id_number=f"99{uuid4().int % 10**16:016d}")


@pytest.fixture
def ours(platform) -> RegionalPlatform:
    return platform.seen_by(OURS)


@pytest.fixture
def theirs(platform) -> RegionalPlatform:
    return platform.seen_by(THEIRS)


def took_less_than(limit: float, call) -> Exception:
    """Return what a call raised; a hard limit is a promise, so this one thing is timed, with room."""
    begun = time.monotonic()
    with pytest.raises(PlatformUnreachable) as caught:
        call()
    assert time.monotonic() - begun < limit
    return caught.value


@pytest.mark.clause("R6.1")
class TestAnAnswerThatCannotBeBelieved:
    @pytest.mark.parametrize("kind", ["unsigned", "tampered", "replayed", "skewed"])
    def test_is_not_read(self, calm, person, kind):
        hospital = calm.seen_by(OURS)
        calm.misbehave(kind)
        with pytest.raises(PlatformUntrusted):
            hospital.find_history(person)

    @pytest.mark.parametrize("kind", ["unsigned", "tampered", "replayed", "skewed"])
    def test_is_not_read_when_the_token_is_there_already(self, calm, person, kind):
        hospital = calm.seen_by(OURS)
        hospital.find_history(person)
        calm.misbehave(kind)
        with pytest.raises(PlatformUntrusted):
            hospital.find_history(person)

    def test_under_another_secret_is_not_read(self, platform, person):
        with pytest.raises(PlatformUntrusted):
            platform.seen_by(OURS, secret=b"another secret").find_history(person)

    def test_to_an_unknown_key_is_not_read(self, platform, person):
        with pytest.raises(PlatformUntrusted):
            platform.seen_by(OURS, key="key-unknown", institution_code="12340000TEST000009").find_history(person)

    def test_within_the_allowed_skew_of_clocks_is_read(self, platform, person):
        assert platform.seen_by(OURS, clock_behind=60).find_history(person).examinations == ()

    def test_beyond_the_allowed_skew_of_clocks_is_not(self, platform, person):
        with pytest.raises(PlatformUntrusted):
            platform.seen_by(OURS, clock_behind=60, clock_skew_seconds=30).find_history(person)


class TestAPlatformThatFails:
    @pytest.mark.parametrize("kind", ["dead", "error", "garbage", "other_form"])
    def test_is_unreachable_and_may_be_asked_again(self, calm, person, kind):
        hospital = calm.seen_by(OURS)
        calm.misbehave(kind)
        with pytest.raises(PlatformUnreachable):
            hospital.find_history(person)
        calm.misbehave("none")
        assert hospital.find_history(person).examinations == ()

    @pytest.mark.parametrize("kind", ["slow", "silent", "drip"])
    def test_does_not_keep_anybody_waiting(self, calm, person, kind):
        hospital = calm.seen_by(OURS, seconds=0.5)
        calm.misbehave(kind, seconds=20)
        took_less_than(15, lambda: hospital.find_history(person))

    def test_that_is_not_there_is_unreachable(self, platform, person):
        nobody = platform.seen_by(OURS, url=f"http://127.0.0.1:{free_port()}")
        took_less_than(15, lambda: nobody.find_history(person))

    def test_that_drips_its_headers_does_not_keep_anybody_waiting(self, platform, person):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ended = threading.Event()

            def drip() -> None:
                connection, _ = listening.accept()
                with connection:
                    for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 600:
                        if ended.wait(0.1):
                            return
                        connection.send(bytes([letter]))

            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            hospital = platform.seen_by(OURS, url=f"http://127.0.0.1:{listening.getsockname()[1]}", seconds=0.5)
            took_less_than(15, lambda: hospital.find_history(person))
            ended.set()
            thread.join(timeout=60)

    def test_gives_no_address_that_would_run_as_script(self, calm, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        history = ours.find_history(person)
        calm.misbehave("bad_address")
        with pytest.raises(PlatformUnreachable):
            ours.retrieval_address(history.view_record_id, history.examinations[0])

    def test_says_nothing_of_the_person_in_its_errors(self, calm, person):
        hospital = calm.seen_by(OURS)
        calm.misbehave("unsigned")
        with pytest.raises(PlatformUntrusted) as caught:
            hospital.find_history(person)
        assert person.id_number not in str(caught.value)
        assert person.id_number not in repr(person)


class TestToken:
    def test_that_ended_early_is_fetched_anew_without_a_word(self, platform, person, ours):
        ours.find_history(person)
        platform.forget_tokens()
        assert ours.find_history(person).examinations == ()

    def test_is_fetched_once_for_many_callers(self, platform, person):
        hospital = platform.seen_by(OURS)
        threads = [threading.Thread(target=hospital.find_history, args=(person,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert hospital.find_history(person).examinations == ()


@pytest.mark.clause("R6.1")
class TestRegistering:
    def test_makes_an_examination_known_to_others_and_not_to_oneself(self, person, ours, theirs):
        examination = uuid4().hex
        assert theirs.register(registration(examination, person)) is RegistrationOutcome.REGISTERED
        (found,) = ours.find_history(person).examinations
        assert (found.examination_id, found.institution_code) == (examination, THEIRS)
        assert (found.item, found.modality, found.examined_at) == ("胸部CT平扫", "CT", EXAMINED)
        assert (found.has_images, found.has_report) == (True, True)
        assert theirs.find_history(person).examinations == ()

    def test_again_changes_nothing(self, person, theirs, ours):
        once = registration(uuid4().hex, person)
        theirs.register(once)
        assert theirs.register(once) is RegistrationOutcome.ALREADY_REGISTERED
        assert len(ours.find_history(person).examinations) == 1

    def test_an_amended_report_replaces_the_first(self, person, theirs, ours):
        examination = uuid4().hex
        theirs.register(registration(examination, person))
        amended = registration(examination, person, report_version=2, impression="右肺结节。", item="胸部CT增强")
        assert theirs.register(amended) is RegistrationOutcome.REGISTERED
        assert [found.item for found in ours.find_history(person).examinations] == ["胸部CT增强"]

    def test_a_withdrawn_one_is_found_no_more(self, person, theirs, ours):
        examination = uuid4().hex
        theirs.register(registration(examination, person))
        theirs.register(registration(examination, person, withdrawn=True))
        assert ours.find_history(person).examinations == ()

    def test_without_an_id_number_is_refused_and_not_to_be_tried_again(self, theirs):
        with pytest.raises(PlatformRejected) as caught:
            theirs.register(registration(uuid4().hex, Person(name="测试无证", id_number="")))
        assert caught.value.code == "422"

    def test_that_broke_off_before_the_end_shows_nothing_until_it_is_done(self, calm, person, theirs, ours):
        calm.misbehave("dead")
        with pytest.raises(PlatformUnreachable):
            theirs.register(registration(uuid4().hex, person))
        calm.misbehave("none")
        assert ours.find_history(person).examinations == ()


@pytest.mark.clause("R6.1")
class TestHistory:
    def test_lists_the_newest_first(self, person, ours, theirs):
        theirs.register(registration("old-" + uuid4().hex, person, examined_at=EXAMINED - timedelta(days=400)))
        theirs.register(registration("new-" + uuid4().hex, person))
        assert [found.examined_at.year for found in ours.find_history(person).examinations] == [2026, 2024]

    def test_gives_each_look_a_record_of_its_own(self, person, ours):
        assert ours.find_history(person).view_record_id != ours.find_history(person).view_record_id

    def test_shows_nobody_elses(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        assert ours.find_history(Person(name=person.name, id_number="990000199106180039")).examinations == ()


@pytest.mark.clause("R6.1")
class TestRetrievalAddress:
    def test_leads_to_the_institution_that_holds_the_examination(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        history = ours.find_history(person)
        address = ours.retrieval_address(history.view_record_id, history.examinations[0])
        assert address.url.startswith("http://127.0.0.1:1/region/open?ticket=")
        assert address.view_record_id == history.view_record_id
        assert person.id_number not in address.url

    def test_is_another_one_each_time(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        history = ours.find_history(person)
        addresses = {ours.retrieval_address(history.view_record_id, history.examinations[0]).url for _ in range(2)}
        assert len(addresses) == 2

    def test_is_refused_under_the_record_of_another_person(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        (found,) = ours.find_history(person).examinations
        other = ours.find_history(Person(name="测试邻居", id_number="990000199106180039"))
        with pytest.raises(PlatformRejected):
            ours.retrieval_address(other.view_record_id, found)

    def test_is_refused_under_another_hospitals_record(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        (found,) = ours.find_history(person).examinations
        with pytest.raises(PlatformRejected):
            ours.retrieval_address(theirs.find_history(person).view_record_id, found)


@pytest.mark.clause("R6.2")
class TestOrder:
    def test_of_something_done_elsewhere_is_noticed_with_an_address(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        notice = ours.notify_order(person, [CHEST_CT])
        assert notice.total == 1
        assert notice.url is not None
        assert notice.url.startswith("http://127.0.0.1:1/region/open?ticket=")

    def test_of_something_else_is_not(self, person, ours, theirs):
        theirs.register(registration(uuid4().hex, person))
        notice = ours.notify_order(person, [HEAD_MR])
        assert (notice.total, notice.url) == (0, None)

    def test_is_receipted_even_when_nothing_was_found(self, platform, person, ours):
        notice = ours.notify_order(person, [HEAD_MR])
        ours.send_receipt(notice.view_record_id, person, [HEAD_MR])
        ours.send_receipt(notice.view_record_id, person, [HEAD_MR])  # repeated after a lost answer
        records = [item["view_record_id"] for item in platform.state()["receipts"]]
        assert records.count(notice.view_record_id) == 1


class TestPaths:
    def test_of_another_province_are_called(self, platform, person):
        elsewhere = platform.seen_by(OURS, paths={Call.HISTORY_TOTAL: "/openapi/other/total"})
        with pytest.raises(PlatformRejected) as caught:
            elsewhere.find_history(person)
        assert caught.value.code == "404"
