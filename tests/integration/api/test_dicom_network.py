"""Other DICOM machines as an administrator meets them: an old PACS moved in, machines asked, commitments after a kill."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from pynetdicom import AE, evt
from sqlalchemy import func, select
from typer.testing import CliRunner

from api.cli import command_line
from api.db.tables import AuditEventRow
from api.dicom_listener import build_scp
from api.dicom_network import build_connect
from api.jobs import COMMIT, Work, lease_due, settle
from api.processes.ports import is_free
from api.settings import Settings
from api.wiring import Services, build_services
from api.workflows.report_commitment import report_commitment
from imaging_core.index.tables import InstanceRow
from imaging_core.ingest import Channel, Origin
from imaging_core.network.commitment import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, ReportNotHeard
from imaging_core.network.migration import Dates, Migration
from imaging_core.network.peers import Peer
from imaging_core.network.remote import Remote
from imaging_core.network.tables import MigratedStudyRow, StorageCommitmentRow
from imaging_core.network.throttle import Throttle
from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, ct_series, instance_uid, study_uid
from tests.builders.dimse import PLAIN, association, keys
from tests.builders.orthanc import Orthanc, running_orthanc
from tests.builders.servers import free_ports, until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("dicom network")]


@pytest.fixture(scope="module")
def ports() -> range:
    first = free_ports(3)
    return range(first, first + 3)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory, ports: range) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc"), knows=("MINGYING", ports[0])) as running:
        running.take(
            *ct_series(3, study="old", study_date="20200105"), ct_instance(study="older", study_date="20191231")
        )
        running.take(ct_instance(study="kept", study_date="20200105"))
        yield running


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, ports: range, orthanc: Orthanc) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "index.sqlite").write_bytes(migrated_sqlite.read_bytes())
    (folder / "settings.toml").write_text(
        f"""
        [dicom]
        port = {ports[0]}
        [[dicom.peers]]
        ae_title = "ORTHANC"
        may = ["store", "query", "retrieve", "destination"]
        host = "127.0.0.1"
        port = {orthanc.dicom_port}
        [[dicom.peers]]
        ae_title = "CT1"
        host = "127.0.0.1"
        port = {ports[1]}
        """
    )
    return folder


@pytest.fixture(scope="module")
def services(data: Path) -> Iterator[Services]:
    opened = build_services(Settings.load(data))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def _listening(services: Services) -> Iterator[None]:
    with build_scp(services):
        yield


@pytest.fixture
def cli(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Run commands on the data folder; logging is put back afterwards."""
    for name in [name for name in os.environ if name.startswith("MINGYING_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: object, code: int = 0) -> Any:
        asked = [*map(str, arguments), "--data", str(data)]
        result = CliRunner().invoke(command_line(), asked, catch_exceptions=False)
        assert result.exit_code == code, f"{result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    yield run
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def audited(services: Services, action: str) -> list[dict[str, Any]]:
    with services.database.reading() as session:
        return list(session.scalars(select(AuditEventRow.detail).where(AuditEventRow.action == action)))


class TestWrongUse:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("migrate", "--dates", "2020-01-01..2020-01-02"),
            ("migrate", "--from", "nobody"),
            ("migrate", "--from", "STRANGER@127.0.0.1:104"),
            ("migrate", "--from", "ORTHANC@127.0.0.1:99999"),
            ("migrate", "--from", "ORTHANC@127.0.0.1:104", "--dates", "2020-02-01..2020-01-01"),
            ("migrate", "--from", "ORTHANC@127.0.0.1:104", "--hours", "evening"),
            ("dicom", "echo", "CT9"),
            ("dicom", "send", "ORTHANC@127.0.0.1:104"),
            ("dicom", "query", "ORTHANC@127.0.0.1:104", "-k", "PatientID"),
            ("dicom", "query", "ORTHANC@127.0.0.1:104", "-k", "PatientNumber=1"),
        ],
    )
    def test_is_said_in_a_sentence(self, cli: Callable[..., Any], arguments: tuple[str, ...]):
        assert cli(*arguments, code=2).stderr.strip()

    def test_a_machine_that_is_off_is_named(self, cli: Callable[..., Any], ports: range):
        failed = cli("dicom", "echo", f"OFF@127.0.0.1:{ports[2]}", code=1)
        assert f"OFF at 127.0.0.1:{ports[2]}" in failed.stderr


class TestAsking:
    def test_echo_query_and_send(self, cli: Callable[..., Any], orthanc: Orthanc, services: Services, tmp_path: Path):
        cli("dicom", "echo", orthanc.name)
        found = json.loads(cli("dicom", "query", orthanc.name, "-k", "StudyDate=20191231", "--json").stdout)
        assert [item["StudyInstanceUID"] for item in found] == [study_uid("older")]
        assert found[0]["PatientName"] == "测试^患者"
        (tmp_path / "a.dcm").write_bytes(ct_instance(study="sent", study_date="20150101"))
        (tmp_path / "b.txt").write_text("no DICOM")
        sent = json.loads(cli("dicom", "send", orthanc.name, tmp_path, "--json", code=1).stdout)
        assert (sent["files"], sent["sent"]) == (2, 1)
        assert sent["failed"][0]["file"].endswith("b.txt")
        [row] = audited(services, "dicom.sent")
        assert (row["instances"], row["failed"], row["to"]) == (2, 1, "ORTHANC")


@pytest.mark.usefixtures("_listening")
class TestMigration:
    """The tests follow one another, as the runs of one migration do."""

    def run(self, cli: Callable[..., Any], orthanc: Orthanc, *more: object, code: int = 0) -> Any:
        dates = ("--dates", "2019-12-30..2020-01-06")
        return json.loads(cli("migrate", "--from", orthanc.name, *dates, "--json", *more, code=code).stdout)

    def test_one_killed_in_the_middle_is_taken_up_where_it_was(
        self, cli: Callable[..., Any], orthanc: Orthanc, services: Services, data: Path
    ):
        command = [sys.executable, "-m", "api.cli", "migrate", "--from", orthanc.name, "--per-hour", "30"]
        command += ["--dates", "2019-12-30..2020-01-06", "--data", str(data)]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: _here(services) > 0)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = _here(services)
        assert before < 5
        report = self.run(cli, orthanc)
        assert report["studies"] | {"already_here": 0} == {
            "found": 3, "complete": 3, "already_here": 0, "missing": 0, "differing": 0, "failed": 0, "waiting": 0,
        }  # fmt: skip
        assert report["instances"] == {"there": 5, "here": 5}
        assert report["whole"]
        assert _here(services) == 5
        with services.database.reading() as session:
            assert set(session.scalars(select(InstanceRow.received_from))) == {"cstore:ORTHANC"}

    def test_run_again_it_fetches_nothing(self, cli: Callable[..., Any], orthanc: Orthanc, services: Services):
        report = self.run(cli, orthanc)
        assert (report["studies"]["already_here"], report["studies"]["complete"]) == (3, 3)
        with services.database.reading() as session:
            assert max(session.scalars(select(MigratedStudyRow.attempts))) <= 2

    def test_what_came_to_the_old_pacs_meanwhile_is_fetched(
        self, cli: Callable[..., Any], orthanc: Orthanc, services: Services
    ):
        orthanc.take(ct_instance(study="old", number=4, study_date="20200105"))
        report = self.run(cli, orthanc, "--get")
        assert (report["studies"]["already_here"], report["instances"]) == (2, {"there": 6, "here": 6})

    def test_what_is_here_only_is_told_and_nothing_is_lost(
        self, cli: Callable[..., Any], orthanc: Orthanc, services: Services, data: Path
    ):
        for name in orthanc.instances():
            tags = orthanc.call("GET", f"/instances/{name}/simplified-tags")
            if tags["SOPInstanceUID"] == instance_uid("old", number=4):
                orthanc.call("DELETE", f"/instances/{name}")
        report = self.run(cli, orthanc, code=1)
        [differing] = report["not_complete"]
        assert (differing["study_instance_uid"], differing["state"]) == (study_uid("old"), "differing")
        assert (differing["there"], differing["here"]) == (3, 4)
        newest = max((data / "migration").glob("*.txt")).read_text(encoding="utf-8")
        assert "不一致：1 次" in newest
        assert study_uid("old") in newest
        assert "测试" not in newest

    def test_a_pacs_that_is_off_is_waited_for_and_then_left(self, services: Services, ports: range):
        off = Peer(ae_title="OFF", institution_code="", host="127.0.0.1", port=ports[2])
        slept: list[float] = []
        report = Migration(
            remote=Remote(off, build_connect(services.settings)),
            source="off",
            institution_code="",
            reads=services.database.reads,
            writes=services.database.writes,
            fetch=lambda _uid: None,
            throttle=Throttle(sleep=slept.append),
            clock=services.clock,
        ).run(Dates(date(2000, 1, 1), date(2020, 1, 1)))
        assert (sum(slept), report.found, report.whole) == (600, 0, False)
        assert "OFF" in report.stopped

    def test_every_run_is_in_the_audit(self, services: Services):
        assert [row["not_complete"] for row in audited(services, "dicom.migrated")] == [0, 0, 0, 1]


def _here(services: Services) -> int:
    with services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(InstanceRow).where(InstanceRow.current)) or 0


@pytest.fixture(scope="module")
def _ours(services: Services) -> None:
    services.ingestor.store_instance(
        BytesIO(ct_instance(study="ours")),
        institution_code=services.settings.hospital.institution_code,
        origin=Origin(Channel.IMPORT, "test"),
    )


@pytest.mark.usefixtures("_listening", "_ours")
class TestOrthancAsksUs:
    def test_what_there_is_and_gets_it(self, orthanc: Orthanc, services: Services):
        before = len(orthanc.instances())
        wanted = {"Level": "Study", "Query": {"StudyDate": "20260301", "PatientName": "测试*"}}
        query = orthanc.call("POST", "/modalities/us/query", json=wanted)["ID"]
        found = orthanc.call("GET", f"/queries/{query}/answers?expand&simplify")
        assert [item["StudyInstanceUID"] for item in found] == [study_uid("ours")]
        orthanc.call("POST", f"/queries/{query}/retrieve", json={"TargetAet": "ORTHANC"})
        assert len(orthanc.instances()) == before + 1
        [searched] = audited(services, "archive.searched")
        assert searched["level"] == "study"
        assert "PatientName" in searched["keys"]
        assert "测试" not in json.dumps(searched, ensure_ascii=False)

    def test_a_study_of_the_archive_is_sent_by_hand(self, cli: Callable[..., Any], orthanc: Orthanc):
        before = len(orthanc.instances())
        unknown = cli("dicom", "send", "ORTHANC", "--study", study_uid("never"), code=1)
        assert study_uid("never") in unknown.stderr
        for name in orthanc.instances():
            if orthanc.call("GET", f"/instances/{name}/simplified-tags")["StudyInstanceUID"] == study_uid("ours"):
                orthanc.call("DELETE", f"/instances/{name}")
        sent = json.loads(cli("dicom", "send", "ORTHANC", "--study", study_uid("ours"), "--json").stdout)
        assert sent == {"files": 1, "sent": 1, "failed": []}
        assert len(orthanc.instances()) == before

    def test_whether_what_it_sent_is_safe(self, orthanc: Orthanc, services: Services):
        asked = {
            "DicomInstances": [
                {"SOPClassUID": CT_IMAGE_STORAGE, "SOPInstanceUID": instance_uid("ours")},
                {"SOPClassUID": CT_IMAGE_STORAGE, "SOPInstanceUID": instance_uid("never sent")},
            ]
        }
        transaction = orthanc.call("POST", "/modalities/us/storage-commitment", json=asked)["ID"]
        [work] = until(lambda: _due(services))
        report_commitment(services, int(work.subject))
        with services.database.writing() as session:
            settle(session, work)
        heard = until(lambda: _heard(orthanc, transaction))
        assert heard["Status"] == "Failure"
        assert [item["SOPInstanceUID"] for item in heard["Success"]] == [instance_uid("ours")]
        assert [item["SOPInstanceUID"] for item in heard["Failures"]] == [instance_uid("never sent")]
        assert heard["Failures"][0]["FailureReason"] == 0x0112


def _heard(orthanc: Orthanc, transaction: str) -> Any:
    answer = orthanc.call("GET", f"/storage-commitment/{transaction}")
    return answer if answer["Status"] != "Pending" else None


@pytest.mark.usefixtures("_listening", "_ours")
class TestRetrievalIsAudited:
    def test_one_row_a_request(self, services: Services, ports: range):
        with association(ports[0], "1.2.840.10008.5.1.4.1.2.2.3", calling="ORTHANC") as asked:
            identifier = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=study_uid("ours"))
            list(asked.send_c_get(identifier, "1.2.840.10008.5.1.4.1.2.2.3"))
        with services.database.reading() as session:
            *_, row = session.scalars(
                select(AuditEventRow).where(AuditEventRow.action == "instances.retrieved").order_by(AuditEventRow.at)
            )
            assert (row.actor_kind, row.actor, row.object_id) == ("machine", "ORTHANC", study_uid("ours"))
            assert (row.detail["instances"], row.detail["destination"]) == (1, "ORTHANC")


class TestCommitmentAfterAKill:
    def test_what_was_accepted_is_reported_by_the_next_process(self, data: Path, services: Services, ports: range):
        heard: list[Any] = []

        def hear(event: Any) -> tuple[int, None]:
            heard.append(event.event_information)
            return 0x0000, None

        environment = os.environ | {"MINGYING_DICOM__PORT": str(ports[2]), "MINGYING_HL7__PORT": str(free_ports(1))}
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "scp", "--data", str(data)], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            until(lambda: not is_free("127.0.0.1", ports[2]))
            assert _asks(ports[2]) == 0
        finally:
            process.kill()
            process.wait()
        [work] = until(lambda: _due(services))
        with pytest.raises(ReportNotHeard):  # the machine is off: it stays owed
            report_commitment(services, int(work.subject))
        ae = AE("CT1")
        ae.add_supported_context(STORAGE_COMMITMENT, PLAIN, scu_role=True, scp_role=True)
        server = ae.start_server(("127.0.0.1", ports[1]), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hear)])
        try:
            report_commitment(services, int(work.subject))
            report_commitment(services, int(work.subject))  # heard once, it is not sent again
        finally:
            server.shutdown()
        [information] = heard
        assert [item.FailureReason for item in information.FailedSOPSequence] == [0x0112]
        with services.database.reading() as session:
            row = session.get_one(StorageCommitmentRow, int(work.subject))
            assert (row.failed, row.reported_at is not None) == (1, True)


def _asks(port: int) -> int:
    with association(port, STORAGE_COMMITMENT, calling="CT1") as asked:
        reference = keys(ReferencedSOPClassUID=CT_IMAGE_STORAGE, ReferencedSOPInstanceUID="1.2.3.4")
        information = keys(TransactionUID="1.2.9", ReferencedSOPSequence=[reference])
        status, _ = asked.send_n_action(information, 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        return int(status.Status)


def _due(services: Services) -> list[Work]:
    with services.database.writing() as session:
        return lease_due(session, services.clock(), kind=COMMIT, most=5)
