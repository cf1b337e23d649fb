"""Rows of an index as years of a hospital leave it, written the way databases take millions of them.

There are no images behind them. The same number gives the same rows every time.
"""

import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import Boolean, Column, Connection, Table, text
from sqlalchemy.types import TypeEngine

from api.db.engine import Database
from api.db.migrate import migrate
from bench.errors import BenchError
from bench.names import names_as_in_life
from imaging_core.index.search.names import filed_names
from imaging_core.index.search.tables import StudyModalityRow, StudyNameRow
from imaging_core.index.search.upkeep import day_number
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow

INSTITUTION: Final = "12340000BENCH00001"
MODALITIES: Final = {"CT": 35, "DX": 30, "MR": 15, "US": 12, "MG": 4, "XA": 2, "PT": 1, "ECG": 1}
DAYS: Final = 5 * 365
LAST: Final = date(2026, 10, 31)
_AT: Final = datetime(2026, 11, 1, tzinfo=UTC)
_BATCH: Final = 50_000
_TABLES: Final = tuple(
    cast(Table, row.__table__) for row in (StudyRow, SeriesRow, InstanceRow, StudyNameRow, StudyModalityRow)
)
Row = dict[str, Any]


def names_of(studies: int) -> list[str]:
    """Return the names of the patients of so many studies; patient `n` has the n-th."""
    return list(islice(names_as_in_life(random.Random(7)), max(studies // 3, 1)))  # noqa: S311  # always the same


def fill(url: str, studies: int) -> list[str]:
    """Migrate an empty database and write rows of so many studies into it; return the names of their patients.

    A database that holds as many already is left as it is.

    Raises:
        BenchError: It holds fewer, left by a run that was ended.
    """
    migrate(url)
    names = names_of(studies)
    database = Database.open(url)
    try:
        with database.engine.connect().execution_options(writing=True) as connection:
            held = connection.scalar(
                text("SELECT max(id) FROM studies WHERE institution_code = :own"), {"own": INSTITUTION}
            )
            connection.rollback()
            if held and held < studies:
                raise BenchError(f"the database holds {held} generated studies, not {studies}: drop it")
            if not held:
                _write_all(connection, studies, names)
    finally:
        database.close()
    return names


def _write_all(connection: Connection, studies: int, names: Sequence[str]) -> None:
    chance = random.Random(8)  # noqa: S311
    write = _write_sqlite if connection.dialect.name == "sqlite" else _write_postgresql
    if connection.dialect.name == "sqlite":
        # what is lost by a crash is generated again; with a small cache each page would be written many times
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-262144"):
            driver.execute(f"PRAGMA {pragma}")
    indexes = _take_indexes_away(connection)
    for begin in range(1, studies + 1, _BATCH):
        rows: dict[str, list[Row]] = {table.name: [] for table in _TABLES}
        for number in range(begin, min(begin + _BATCH, studies + 1)):
            _add_rows(rows, number, chance, names)
        for table in _TABLES:
            write(connection, table, rows[table.name])
        connection.commit()
    for statement in indexes:
        connection.exec_driver_sql(statement)
    if connection.dialect.name == "postgresql":
        # the next row's number follows those that were written with theirs
        for name in ("studies", "series", "instances"):
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {studies})")
    connection.exec_driver_sql("ANALYZE")
    connection.commit()


def _take_indexes_away(connection: Connection) -> list[str]:
    """Drop the indexes that rows would have to be sorted into one by one; return how they are made again."""
    if connection.dialect.name == "sqlite":
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = '{}'"
    else:
        found = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{}' AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)"
        )
    made: list[str] = []
    for table in _TABLES:
        for name, statement in connection.exec_driver_sql(found.format(table.name)).all():
            connection.exec_driver_sql(f'DROP INDEX "{name}"')
            made.append(statement)
    return made


def _write_sqlite(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    columns, values = _bound(connection, table, rows[0])
    marks = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column.name}"' for column in columns)
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    driver.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', map(values, rows))  # noqa: S608


def _write_postgresql(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    columns, values = _bound(connection, table, rows[0])
    names = ", ".join(f'"{column.name}"' for column in columns)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(values(row))


def _bound(
    connection: Connection, table: Table, written: Iterable[str]
) -> tuple[list[Column[Any]], Callable[[Row], tuple[Any, ...]]]:
    """Return the columns to write, with those that have defaults, and what makes of a row the values for them."""
    columns = [column for column in table.columns if column.name in written or column.default is not None]
    bindings: list[tuple[str, Any, Callable[[Any], Any] | None]] = []
    for column in columns:
        # every driver takes a truth value as it is
        kind: TypeEngine[Any] = column.type.dialect_impl(connection.dialect)
        bind = None if isinstance(kind, Boolean) else kind.bind_processor(connection.dialect)
        default = cast(Any, column.default)
        if default is None or column.name in written:
            bindings.append((column.name, None, bind))
        else:
            value = default.arg if default.is_scalar else default.arg(None)
            bindings.append((column.name, value if bind is None else bind(value), None))

    if all(column.name in written for column in columns) and not any(bind for _, _, bind in bindings):
        return columns, itemgetter(*(column.name for column in columns))

    def values(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(name, default) if bind is None else bind(row[name]) for name, default, bind in bindings)

    return columns, values


def _add_rows(rows: dict[str, list[Row]], number: int, chance: random.Random, names: Sequence[str]) -> None:
    patient = number % len(names)
    day = LAST - timedelta(days=chance.randrange(DAYS))
    modality = chance.choices(list(MODALITIES), list(MODALITIES.values()))[0]
    own = {"institution_code": INSTITUTION}
    study_day = day_number(day)
    beside = own | {"study_id": number, "study_day": study_day}
    uid = f"1.2.826.0.1.3680043.10.999.5.{number}"
    rows["studies"].append(
        own
        | {
            "id": number,
            "study_instance_uid": uid,
            "patient_id": f"P{patient:07}",
            "patient_name": names[patient],
            "patient_sex": "F",
            "accession_number": f"A{number:08}",
            "study_date": day,
            "study_day": study_day,
            "study_time": f"{chance.randrange(24):02}{chance.randrange(60):02}00",
            "study_description": f"{modality} {number % 17}",
            "modalities": [modality],
            "series_count": 1,
            "instance_count": 1,
            "first_received_at": _AT,
            "last_received_at": _AT,
        }
    )
    rows["series"].append(
        own
        | {
            "id": number,
            "study_id": number,
            "series_instance_uid": f"{uid}.1",
            "modality": modality,
            "instance_count": 1,
        }
    )
    rows["instances"].append(
        own
        | {
            "id": number,
            "series_id": number,
            "sop_instance_uid": f"{uid}.1.1",
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "blob_digest": f"{chance.getrandbits(256):064x}",
            "blob_locator": "",
            "blob_size": 0,
            "received_at": _AT,
        }
    )
    rows["study_names"] += [beside | {"inner": inner, "text": written} for inner, written in _texts(names[patient])]
    rows["study_modalities"].append(beside | {"modality": modality})


@lru_cache(maxsize=500_000)
def _texts(name: str) -> tuple[tuple[bool, str], ...]:
    return tuple(sorted((item.inner, item.text) for item in filed_names(name)))
