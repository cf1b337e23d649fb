"""The records on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from imaging_core.index.base import Base
from tests.builders.postgres import fresh_database
from tests.builders.records import Records, open_records


@pytest.fixture(scope="session")
def postgres_records(postgres_server: str) -> Iterator[Records]:
    with fresh_database(postgres_server) as url:
        records = open_records(url)
        yield records
        records.database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    """Empty records on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        records = open_records(f"sqlite:///{tmp_path / 'records.sqlite3'}")
        yield records
        records.database.close()
        return
    shared: Records = request.getfixturevalue("postgres_records")
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with shared.database.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    yield Records(shared.database)


@pytest.fixture
def session(records: Records) -> Iterator[Session]:
    """One transaction, thrown away."""
    with records.database.writes() as session:
        yield session
