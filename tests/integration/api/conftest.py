"""A migrated database on each engine, and a real Redis."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from api.db.engine import Database
from api.db.migrate import migrate
from api.processes import private_redis
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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with this version's tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'index.sqlite'}"
        migrate(url)
        yield url
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        migrate(url)
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()
