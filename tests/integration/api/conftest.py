"""A migrated database on each engine, a real Redis, and small hospitals over them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from redis import Redis
from sqlalchemy import make_url

from api.accounts.roles import Role
from api.db.engine import Database
from api.db.migrate import migrate
from api.processes import private_redis
from knowledge_base.base import KnowledgeBase
from tests.builders.dicom import study_uid
from tests.builders.hospital import OTHER_ID_NUMBER, OTHER_PHONE, SmallHospital, small_hospital
from tests.builders.postgres import fresh_database
from tests.builders.routes import Things
from tests.builders.staff import signed_in

ENGINES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis on a socket file."""
    with tempfile.TemporaryDirectory(prefix="my-redis-") as folder:
        process = private_redis.start(Path(folder))
        yield private_redis.socket_url(Path(folder))
        process.terminate()
        process.wait()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
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


@contextmanager
def new_database(request: pytest.FixtureRequest, engine: str, folder: Path) -> Iterator[str]:
    """Yield the address of a database with this version's tables."""
    if engine == "sqlite":
        path = folder / "index.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("migrated_postgres")
    with fresh_database(request.getfixturevalue("postgres_server"), template=template) as url:
        yield url


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[str]:
    """A database with this version's tables, on each engine."""
    with new_database(request, engine, tmp_path) as url:
        yield url


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database for tests whose subject is not the database."""
    with new_database(request, "sqlite", tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    """The shipped knowledge, found by words alone: loads in a second."""
    return KnowledgeBase.load(embedder=None)


@pytest.fixture(scope="session")
def loaded_sqlite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Path:
    """Folder of a hospital with one patient, CT and report, to copy: filing them anew for each test takes longer."""
    folder = tmp_path_factory.mktemp("loaded")
    with new_database(request, "sqlite", folder) as url:
        _load_one_patient(folder / "data", url, redis_url)
    return folder


@pytest.fixture(scope="session")
def loaded_postgres(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[tuple[Path, str]]:
    """The same with the name of its PostgreSQL database."""
    folder = tmp_path_factory.mktemp("loaded")
    with new_database(request, "postgresql", folder) as url:
        _load_one_patient(folder / "data", url, redis_url)
        yield folder, str(make_url(url).database)


def _load_one_patient(data: Path, url: str, redis_url: str) -> None:
    opened = small_hospital(data, database_url=url, redis_url=redis_url)
    opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
    opened.services.close()
    with Redis.from_url(redis_url) as client:
        client.flushdb()


@contextmanager
def copied_hospital(request: pytest.FixtureRequest, engine: str, folder: Path) -> Iterator[str]:
    """Copy the loaded hospital into a folder, its data into `data`; yield the address of its database."""
    if engine == "sqlite":
        shutil.copytree(request.getfixturevalue("loaded_sqlite"), folder, dirs_exist_ok=True)
        yield f"sqlite:///{folder / 'index.sqlite'}"
        return
    template, name = request.getfixturevalue("loaded_postgres")
    shutil.copytree(template, folder, dirs_exist_ok=True)
    with fresh_database(request.getfixturevalue("postgres_server"), template=name) as url:
        yield url


@pytest.fixture
def hospital(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path, redis_url: str, redis: Redis
) -> Iterator[SmallHospital]:
    """A hospital with one patient, CT and report, on each database."""
    with copied_hospital(request, engine, tmp_path) as url:
        opened = small_hospital(tmp_path / "data", database_url=url, redis_url=redis_url, derive_quiet_seconds=0.2)
        yield opened
        opened.services.close()


@pytest.fixture
def clinic(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, redis: Redis, knowledge: KnowledgeBase
) -> Iterator[SmallHospital]:
    """The same on SQLite alone, with knowledge."""
    with copied_hospital(request, "sqlite", tmp_path) as url:
        opened = small_hospital(tmp_path / "data", database_url=url, redis_url=redis_url, knowledge=knowledge)
        yield opened
        opened.services.close()


@pytest.fixture(scope="module", params=ENGINES)
def archive(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    redis_url: str,
    knowledge: KnowledgeBase,
) -> Iterator[SmallHospital]:
    """A hospital that tests only read, with pictures: two studies of one patient, one of another."""
    folder = tmp_path_factory.mktemp("archive")
    with new_database(request, request.param, folder) as url:
        opened = small_hospital(folder / "data", database_url=url, redis_url=redis_url, knowledge=knowledge)
        other: dict[str, Any] = {"phone": OTHER_PHONE, "id_number": OTHER_ID_NUMBER, "name": "测试邻居"}
        opened.load(patient_id="TEST0001", accession_number="ACC0000", study="earlier")
        opened.load(patient_id="TEST0002", accession_number="ACC0002", study="neighbour", **other)
        opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study", derive=True)
        yield opened
        opened.services.close()


@dataclass(frozen=True)
class Office:
    """A hospital whose tests share it, each with things of its own, and two who administer it: signing in is slow."""

    hospital: SmallHospital
    keeper: TestClient
    second: TestClient


@pytest.fixture(scope="module", params=ENGINES)
def office(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    redis_url: str,
    knowledge: KnowledgeBase,
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with Redis.from_url(redis_url) as client:
        client.flushdb()  # else the codes of the other engine's keepers count as used
    with new_database(request, request.param, folder) as url:
        opened = small_hospital(folder / "data", database_url=url, redis_url=redis_url, knowledge=knowledge)
        opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
        keeper, second = (signed_in(opened, [Role.SYSTEM_ADMINISTRATOR]) for _ in range(2))
        yield Office(opened, keeper, second)
        opened.services.close()


@pytest.fixture
def patient(archive: SmallHospital, redis: Redis) -> TestClient:
    """The browser of the patient, who verified for the study "study"."""
    _, cookie = archive.grant(study_uid("study"))
    return archive.browser(cookie)


@pytest.fixture(scope="module")
def things(archive: SmallHospital) -> Things:
    """One of everything that the patient has."""
    return Things(archive)


@pytest.fixture
def consented(patient: TestClient) -> TestClient:
    """The patient, who agreed to everything."""
    for purpose in ("interpret", "ocr"):
        body = {"purpose": purpose, "version": "1", "given": True}
        assert patient.post("/api/patient/consents", json=body).status_code == 204
    return patient
