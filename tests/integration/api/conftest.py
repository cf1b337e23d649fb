"""A migrated database on each engine, and a real Redis."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import make_url

from api.db.engine import Database
from api.db.migrate import migrate
from api.processes import private_redis
from tests.builders.hospital import SmallHospital, small_hospital
from tests.builders.postgres import fresh_database


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis on a socket file."""
    with tempfile.TemporaryDirectory(prefix="my-redis-") as folder:
        process = private_redis.start(Path(folder))
        yield private_redis.socket_url(Path(folder))
        process.terminate()
        process.wait()


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis[bytes]"]:
    client = Redis.from_url(redis_url)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "index.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> Iterator[str]:
    """Name of a migrated PostgreSQL database to copy."""
    with fresh_database(postgres_server) as url:
        migrate(url)
        yield str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with this version's tables."""
    if request.param == "sqlite":
        path = tmp_path / "index.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("migrated_postgres")
    with fresh_database(request.getfixturevalue("postgres_server"), template=template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def hospital(tmp_path: Path, database_url: str, redis_url: str, redis: "Redis[bytes]") -> Iterator[SmallHospital]:
    """A hospital with one patient, CT and report, on each database."""
    opened = small_hospital(tmp_path / "data", database_url=database_url, redis_url=redis_url)
    opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
    yield opened
    opened.services.close()
