"""A database that an older version filled, under this version."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, Table, create_engine, func, insert, inspect, select, text

from api.accounts.passwords import initial_password
from api.accounts.roles import Role
from api.accounts.store import create_account, find_account
from api.audit.chain import seal_pending, verify
from api.backup.create import create_backup
from api.backup.restore import restore_backup
from api.backup.verify import verify_backups
from api.db.migrate import alembic_config, migrate
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.patients.name_search import find_by_name
from tests.builders import hl7
from tests.builders.dicom import study_uid
from tests.builders.hospital import SmallHospital, received, small_hospital
from tests.builders.postgres import fresh_database

pytestmark = pytest.mark.integration

OLD = "0002"
STUDY = study_uid("study")


@pytest.fixture
def filled(hospital: SmallHospital) -> SmallHospital:
    """A hospital with a patient, pictures, a report, a sealed audit and an account."""
    services = hospital.services
    with services.database.writing() as session:
        create_account(
            session,
            institution_code=hospital.institution_code,
            login="wang.li",
            name="测试王丽",
            department="",
            roles={Role.DOCTOR},
            password=initial_password(),
            now=services.clock(),
        )
        _, head = seal_pending(session, services.keys.audit)
    services.audit_anchor.remember(head)
    return hospital


@pytest.fixture
def old_url(filled: SmallHospital, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same hospital's rows in the tables that revision 0002 made."""
    with _empty(filled, request, tmp_path / "old.sqlite") as url:
        command.upgrade(alembic_config(url), OLD)
        _copy_rows(filled.services.database.engine, url)
        assert revision(url) == OLD
        yield url


@pytest.mark.clause("R7.1")
class TestUpgrade:
    def test_an_older_database_is_brought_to_this_version_and_answers_as_before(self, filled, old_url, redis_url):
        token, sent = filled.token(STUDY), received(filled)
        before = counts(old_url)
        assert before["instances"] == 3
        migrate(old_url)
        assert revision(old_url) == ScriptDirectory.from_config(alembic_config(old_url)).get_current_head()
        assert {name: counts(old_url)[name] for name in before} == before
        with opened(filled, old_url, redis_url) as upgraded:
            services = upgraded.services
            visitor = upgraded.browser()
            assert visitor.post("/api/patient/link", json={"token": token}).status_code == 204
            with services.database.reading() as session:
                (found,) = find_by_name(
                    session, institution_code=InstitutionCode(upgraded.institution_code), text="cshz", limit=9
                )
                assert found.patient.name == "测试患者"
            proof = {"method": "id_number", "id_number": hl7.ID_NUMBER}
            assert visitor.post("/api/patient/verification", json=proof).status_code == 200
            _, cookie = upgraded.grant(STUDY)
            sop, content = sent
            browser = upgraded.browser(cookie)
            assert browser.get(f"/api/patient/studies/{STUDY}/instances/{sop}").content == content
            with services.database.reading() as session:
                assert find_account(session, upgraded.institution_code, "wang.li") is not None
                head = services.audit_anchor.head()
                assert verify(session, services.keys.audit, services.clock(), head=head).intact
            # and goes on: new rows find their place after the old ones
            upgraded.load(
                patient_id="TEST0002", accession_number="ACC0002", study="new", id_number="110101198001010029"
            )
            assert counts(old_url)["studies"] == 2

    def test_a_second_time_changes_nothing(self, old_url):
        migrate(old_url)
        before = counts(old_url)
        migrate(old_url)
        assert counts(old_url) == before


@pytest.mark.clause("R7.1")
class TestTheWayBack:
    def test_a_backup_made_before_an_upgrade_keeps_the_old_tables_and_comes_back_with_either_version(
        self, filled, old_url, redis_url, request, tmp_path, monkeypatch
    ):
        with opened(filled, old_url, redis_url) as before:
            create_backup(before.services, tmp_path / "backup", progress=lambda _done, _known: None)
        (made,) = verify_backups(tmp_path / "backup", progress=lambda _done, _known: None)
        assert made.about is not None
        assert made.about.revision == OLD
        assert revision(old_url) == OLD
        with _empty(filled, request, tmp_path / "unused") as url:
            if not url.startswith("sqlite"):
                monkeypatch.setenv("MINGYING_DATABASE_URL", url)
            keys, data = filled.services.settings.data / "keys.json", tmp_path / "new"
            restore_backup(tmp_path / "backup", data, keys=keys, name=None, progress=lambda _done, _known: None)
            back = url if not url.startswith("sqlite") else f"sqlite:///{data}/index.sqlite"
            assert counts(back)["instances"] == 3
            assert revision(back) == ScriptDirectory.from_config(alembic_config(back)).get_current_head()


@contextmanager
def opened(filled: SmallHospital, url: str, redis_url: str) -> Iterator[SmallHospital]:
    """Open the hospital over another database."""
    other = small_hospital(filled.services.settings.data, database_url=url, redis_url=redis_url)
    try:
        yield other
    finally:
        other.services.close()


@contextmanager
def _empty(filled: SmallHospital, request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    if filled.services.database.engine.dialect.name == "sqlite":
        yield f"sqlite:///{path}"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


def _copy_rows(source: Engine, url: str) -> None:
    """Copy what the older tables can hold, column by column."""
    target = create_engine(url)
    old, new = MetaData(), MetaData()
    old.reflect(target)
    new.reflect(source)
    with source.connect() as reading, target.begin() as writing:
        for table in old.sorted_tables:
            if table.name == "alembic_version":
                continue
            kept = new.tables[table.name].c
            columns = [kept[column.name] for column in table.columns if column.name in kept]
            dropped = {column.name: "" for column in table.columns if column.name not in kept}
            rows = [dict(row) | dropped for row in reading.execute(select(*columns)).mappings()]
            if rows:
                writing.execute(insert(table), rows)
                _advance_sequence(writing.dialect.name, writing, table)
    target.dispose()


def _advance_sequence(dialect, connection, table: Table) -> None:
    key = next(iter(table.primary_key.columns))
    if dialect == "postgresql" and isinstance(key.type.python_type(), int):
        sequence = text(f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), max({key.name}))")
        connection.execute(text(f"{sequence} FROM {table.name}"))


def revision(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    engine.dispose()
    return found


def counts(url: str) -> dict[str, int]:
    """Return how many rows each table holds."""
    engine = create_engine(url)
    metadata = MetaData()
    with engine.connect() as connection:
        names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        metadata.reflect(connection, only=names)
        found = {name: connection.scalar(select(func.count()).select_from(metadata.tables[name])) for name in names}
    engine.dispose()
    return {name: count or 0 for name, count in found.items()}
