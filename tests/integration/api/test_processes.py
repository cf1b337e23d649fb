"""The whole installation as processes: started twice, killed, crashed and stopped."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.builders.dicom import ct_series, study_uid
from tests.builders.running import RunningService, running_service
from tests.builders.senders import storescu, write_instances
from tests.builders.servers import free_port

# one after another on one service: the last test ends it
pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("processes")]

WORDS_ALONE = {"EMBEDDER_FOLDER": "/nonexistent"}


def children(service: RunningService) -> dict[str, psutil.Process]:
    found = {}
    for child in psutil.Process(service.process.pid).children():
        with contextlib.suppress(psutil.Error):  # it ends while we look
            command = child.cmdline()
            found[next((name for name in ("serve", "scp", "worker") if name in command), "redis")] = child
    return found


def until(true, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := true():
            return result
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("up") / "data", **WORDS_ALONE) as running:
        yield running


class TestStartingTwice:
    def test_on_the_same_data_says_so_and_leaves_the_first_alone(self, service):
        ports = {f"MINGYING_{name}__PORT": str(free_port()) for name in ("HTTP", "DICOM", "HL7")}
        second = subprocess.run(
            [sys.executable, "-m", "api.cli", "up"],
            env={**service.environment, **ports},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert "already in use" in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(f"{service.base_url}/health", trust_env=False).json()["status"] == "ok"

    def test_on_a_port_that_is_taken_names_it_and_how_to_choose_another(self, tmp_path):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            environment = {**os.environ, "MINGYING_MODE": "demo", "MINGYING_HTTP__PORT": str(port)}
            done = subprocess.run(
                [sys.executable, "-m", "api.cli", "up", "--data", str(tmp_path)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == 1
        assert f"HTTP port {port}" in done.stderr
        assert "--port" in done.stderr


@pytest.mark.clause("R7.1")
class TestCrashes:
    def test_a_worker_killed_in_the_middle_of_a_study_is_started_again_and_finishes_it(self, service, tmp_path):
        killed = children(service)["worker"]
        study = study_uid("killed")
        folder = write_instances(tmp_path / "send", ct_series(60, 512, 512, study="killed", series="s"))
        assert storescu(service.dicom_port, folder).returncode == 0
        until(lambda: begun(service, study))
        helpers = killed.children(recursive=True)
        killed.kill()
        _, alive = psutil.wait_procs(helpers, timeout=20)
        assert alive == []
        until(lambda: children(service).get("worker", killed).pid != killed.pid)
        until(lambda: settled(service, study), seconds=90)
        assert "Worker ended unexpectedly" in (service.data / "up.log").read_text()

    def test_a_web_process_that_dies_is_started_again(self, service):
        children(service)["serve"].kill()
        until(lambda: "Web ended unexpectedly" in (service.data / "up.log").read_text())
        until(lambda: healthy(service))


class TestIdle:
    def test_a_worker_with_nothing_to_do_costs_little(self, service, evidence):
        worker = children(service)["worker"]
        until(lambda: worker.cpu_percent(interval=1.0) < 20, seconds=30)
        before = worker.cpu_times()
        time.sleep(5)
        after = worker.cpu_times()
        percent = (after.user + after.system - before.user - before.system) / 5 * 100
        evidence.figure(f"idle worker: {percent:.1f} % of one core")
        assert percent < 8


class TestLogs:
    def test_hold_no_patient(self, service):
        assert "study derived" in service.logs()
        for secret in ("测试", "TEST0001"):
            assert secret not in service.logs()


@pytest.mark.clause("R7.1")
class TestTheEnd:
    """The last test: it ends the service of the others."""

    def test_after_a_killed_supervisor_the_next_start_works_and_sigterm_leaves_nothing_running(self, service):
        left = list(children(service).values())
        service.process.kill()
        service.process.wait()
        _, alive = psutil.wait_procs([child for child in left if not is_redis(child)], timeout=40)
        assert alive == []
        with running_service(service.data, **WORDS_ALONE) as second:
            assert healthy(second)
            left += children(second).values()
            began = time.monotonic()
            second.process.send_signal(signal.SIGTERM)
            assert second.process.wait(timeout=40) == 0
            assert time.monotonic() - began < 20  # nothing runs that would have to be waited for
        assert [child for child in left if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
        assert "Stopped." in (service.data / "up.log").read_text()
        for port in (second.http_port, second.dicom_port, second.hl7_port):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", port), timeout=1)


def is_redis(process: psutil.Process) -> bool:
    return any(name in process.name() for name in ("redis", "valkey"))


def healthy(service: RunningService) -> bool:
    try:
        return httpx.get(f"{service.base_url}/health", trust_env=False, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def begun(service: RunningService, study: str) -> bool:
    """Return whether the study is leased: its job is in the queue or running."""
    return query(service, "SELECT 1 FROM work WHERE subject = ? AND due_at > datetime('now', '+60 seconds')", study)


def settled(service: RunningService, study: str) -> bool:
    made = "SELECT 1 FROM studies WHERE study_instance_uid = ? AND manifest_version IS NOT NULL"
    return query(service, made, study) and not query(service, "SELECT 1 FROM work WHERE subject = ?", study)


def query(service: RunningService, statement: str, study: str) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{service.data}/index.sqlite?mode=ro", uri=True)) as connection:
        return bool(connection.execute(statement, (study,)).fetchall())
