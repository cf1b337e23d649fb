"""A private PostgreSQL cluster for tests, in a temporary folder, reached by unix socket only."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

_FAST = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=80"


def _binaries() -> Path | None:
    on_path = shutil.which("pg_ctl")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[4]))
    found = installed[-1] if installed else on_path and Path(on_path)
    return found.parent if found else None


def _run(folder: Path, *command: str | Path) -> None:
    # PostgreSQL refuses to run as root
    switch = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*switch, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd=folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a running private cluster; skips where PostgreSQL is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="mingying-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    try:
        _run(folder, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -h '' {_FAST}"
        _run(folder, binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            _run(folder, binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stopped(server: str) -> Iterator[None]:
    """Stop the private cluster until the block ends; its other tests run in this process and find it started again."""
    folder, binaries = Path(str(make_url(server).query["host"])), _binaries()
    assert binaries is not None
    control = (binaries / "pg_ctl", "-D", folder / "data", "-w")
    _run(folder, *control, "-m", "fast", "stop")
    try:
        yield
    finally:
        options = f"-k {folder} -h '' {_FAST}"
        _run(folder, *control, "-l", folder / "log", "-o", options, "start")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database of the private cluster, dropped afterwards."""
    with fresh_database(postgres_server) as url:
        yield url


@contextmanager
def fresh_database(server: str, *, template: str = "template1") -> Iterator[str]:
    """Yield the URL of a new database of that server, empty or a copy of a template; drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", pool_pre_ping=True)  # a test may restart the server
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        admin.dispose()
