"""Moving in from an old PACS that does not do all it should."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pynetdicom import AE, evt
from sqlalchemy import select

from imaging_core.network.migration import Dates, Migration, MigrationReport, State
from imaging_core.network.peers import Peer
from imaging_core.network.remote import Remote, RemoteFailed
from imaging_core.network.retrieval import connecting
from imaging_core.network.tables import MigratedStudyRow
from imaging_core.network.throttle import Throttle
from tests.builders.archive import INSTITUTION, NOON, Archive, open_archive
from tests.builders.dicom import ct_series, instance_uid, series_uid, study_uid
from tests.builders.dimse import PLAIN, STUDY_FIND, keys
from tests.builders.servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("migration")]

DAYS = Dates(date(2020, 1, 1), date(2020, 1, 3))


class OldPacs:
    """Lists studies by day with a number of instances; of lower levels it knows only what stands in `instances`."""

    def __init__(self, port: int) -> None:
        self.peer = Peer(ae_title="OLD", institution_code=INSTITUTION, host="127.0.0.1", port=port)
        self.studies: dict[str, list[tuple[str, str]]] = {}
        self.instances: dict[str, list[str]] = {}
        self.refuses: set[str] = set()

    def find(self, event: Any) -> Iterator[tuple[int, Any]]:
        asked = event.identifier
        if asked.QueryRetrieveLevel != "STUDY":
            uids = self.instances.get(asked.StudyInstanceUID)
            if uids is None:
                yield 0xA900, None
            elif asked.QueryRetrieveLevel == "SERIES":
                yield 0xFF00, keys(SeriesInstanceUID=series_uid())
            else:
                yield from ((0xFF00, keys(SOPInstanceUID=uid)) for uid in uids)
            return
        if asked.StudyDate in self.refuses:
            yield 0xA700, None
        for uid, number in self.studies.get(asked.StudyDate, ()):
            yield 0xFF00, keys(StudyDate=asked.StudyDate, StudyInstanceUID=uid, NumberOfStudyRelatedInstances=number)


@pytest.fixture
def archive(tmp_path) -> Iterator[Archive]:
    opened = open_archive(f"sqlite:///{tmp_path / 'index.db'}")
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def _running() -> Iterator[OldPacs]:
    old = OldPacs(free_port())
    ae = AE("OLD")
    ae.add_supported_context(STUDY_FIND, PLAIN)
    server = ae.start_server(("127.0.0.1", old.peer.port), block=False, evt_handlers=[(evt.EVT_C_FIND, old.find)])
    yield old
    server.shutdown()


@pytest.fixture
def old(_running: OldPacs) -> OldPacs:
    _running.studies, _running.instances, _running.refuses = {}, {}, set()
    return _running


def migrate(archive: Archive, old: OldPacs, fetch: Any) -> MigrationReport:
    return Migration(
        remote=Remote(old.peer, connecting("US", None)),
        source="OLD",
        institution_code=INSTITUTION,
        reads=archive.database.reads,
        writes=archive.database.writes,
        fetch=fetch,
        throttle=Throttle(sleep=lambda _seconds: None),
        clock=lambda: NOON,
    ).run(DAYS)


class TestAnOldPacsThat:
    def test_refuses_a_day_is_named_with_that_day_and_the_others_go_on(self, archive: Archive, old: OldPacs):
        old.refuses = {"20200102"}
        old.studies = {"20200101": [(study_uid(), "3")]}
        report = migrate(archive, old, lambda _uid: archive.store(*ct_series(3)))
        assert [day for day, _ in report.days_not_listed] == ["2020-01-02"]
        assert "A700" in report.days_not_listed[0][1]
        assert (report.complete, report.whole) == (1, False)

    def test_knows_no_lower_level_is_compared_by_number(self, archive: Archive, old: OldPacs):
        old.studies = {"20200101": [(study_uid(), "3")], "20200103": [(study_uid("short"), "2")]}

        def fetch(uid: str) -> None:
            archive.store(*ct_series(3) if uid == study_uid() else ct_series(1, study="short"))

        report = migrate(archive, old, fetch)
        [short] = report.not_complete
        assert (report.complete, short.study_instance_uid) == (1, study_uid("short"))
        assert (short.state, short.theirs, short.ours) == (State.FAILED, 2, 1)
        with archive.database.reading() as session:
            reasons = dict(session.execute(select(MigratedStudyRow.study_instance_uid, MigratedStudyRow.reason)).all())
        assert reasons[study_uid()] == "compared by number only"

    def test_lists_a_study_without_uid_is_not_believed(self, archive: Archive, old: OldPacs):
        old.studies = {"20200103": [("", "3")]}
        report = migrate(archive, old, lambda _uid: pytest.fail("nothing can be fetched"))
        assert [day for day, _ in report.days_not_listed] == ["2020-01-03"]

    def test_cannot_send_a_study_is_asked_no_more_than_once_a_run(self, archive: Archive, old: OldPacs):
        old.studies = {"20200101": [(study_uid(), "3")]}
        asked: list[str] = []

        def fetch(uid: str) -> None:
            asked.append(uid)
            raise RemoteFailed("C-MOVE was answered A702")

        [failed] = migrate(archive, old, fetch).not_complete
        assert (failed.state, failed.reason, asked) == (State.FAILED, "C-MOVE was answered A702", [study_uid()])

    def test_sends_less_than_it_has_is_asked_twice_and_then_told(self, archive: Archive, old: OldPacs):
        old.studies = {"20200101": [(study_uid(), "3")]}
        old.instances = {study_uid(): [instance_uid(number=number) for number in (1, 2, 3)]}
        asked: list[str] = []

        def fetch(uid: str) -> None:
            asked.append(uid)
            archive.store(*ct_series(1))

        [left] = migrate(archive, old, fetch).not_complete
        assert (left.state, left.theirs, left.ours) == (State.MISSING, 3, 1)
        assert left.missing == sorted([instance_uid(number=2), instance_uid(number=3)])
        assert len(asked) == 2
