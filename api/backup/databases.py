"""One moment of a live database as a file, and back: SQLite by its online backup, PostgreSQL by `pg_dump`."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    bindparam,
    create_engine,
    inspect,
    select,
    text,
    union,
    update,
)
from sqlalchemy.engine import URL, make_url

from api.backup.errors import DatabaseDamaged, NothingToBackUp, PlaceTaken, ToolFailed
from api.processes.system import force_to_disk
from imaging_core.blobs import BlobRef

_BLOB_COLUMNS = ("blob_digest", "blob_locator", "blob_size")


@dataclass(frozen=True, slots=True)
class Copied:
    """The file that holds the copy, and what the database said at that moment."""

    file: str
    revision: str
    blobs: list[BlobRef]


def engine_of(url: str) -> str:
    """Return `sqlite` or `postgresql`."""
    return make_url(url).get_backend_name()


def copy_database(url: str, folder: Path) -> Copied:
    """Copy the database into a folder. Readers and writers go on; what they commit meanwhile is not in it.

    Raises:
        NothingToBackUp: there is no database.
        DatabaseDamaged: its pages contradict each other.
        ToolFailed: `pg_dump` gave up.
    """
    return _copy_sqlite(make_url(url), folder) if engine_of(url) == "sqlite" else _copy_postgres(url, folder)


def require_empty(url: str) -> None:
    """Check that a database may be brought back to this address.

    Raises:
        PlaceTaken: something is there.
    """
    parsed = make_url(url)
    if engine_of(url) == "sqlite":
        if parsed.database and Path(parsed.database).exists():
            raise PlaceTaken(f"there is already a database: {parsed.database}")
        return
    with _engine(url) as engine:
        if inspect(engine).get_table_names():
            raise PlaceTaken(
                f"the database {parsed.database} is not empty: let MINGYING_DATABASE_URL name a new, empty one"
            )


def bring_back(url: str, file: Path) -> None:
    """Fill the empty database at this address; all of it or, on PostgreSQL, nothing.

    Raises:
        ToolFailed: `pg_restore` gave up.
    """
    parsed = make_url(url)
    if engine_of(url) == "sqlite":
        target = Path(parsed.database or "")
        shutil.copyfile(file, target)
        target.chmod(0o600)
        force_to_disk(target)
        return
    whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run("pg_restore", parsed, *whole, str(file))


def _copy_sqlite(url: URL, folder: Path) -> Copied:
    source, target = Path(url.database or ""), folder / "database.sqlite"
    if not source.is_file():
        raise NothingToBackUp(f"there is no database {source}")
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
            # in one step: it then sees one moment, while in several it begins anew whenever somebody writes
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise DatabaseDamaged(f"the database {source} was not backed up: {found}")
    with _engine(f"sqlite:///{target}") as engine, engine.connect() as connection:
        return Copied(target.name, _revision(connection), _blobs(connection))


def _copy_postgres(url: str, folder: Path) -> Copied:
    target = folder / "database.dump"
    with _engine(url) as engine, engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        # pg_dump looks at the very moment at which the list of blobs is read
        moment = connection.scalar(text("SELECT pg_export_snapshot()"))
        options = ("--format=custom", f"--snapshot={moment}", "--no-owner", "--no-privileges", f"--file={target}")
        _run("pg_dump", make_url(url), *options)
        return Copied(target.name, _revision(connection), _blobs(connection))


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        raise NothingToBackUp("the database holds no tables of ours")
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def move_blobs(connection: Connection, blobs: list[BlobRef]) -> None:
    """Write into every table that names blobs where they lie now."""
    if not blobs:
        return
    places = [{"digest": ref.digest, "locator": ref.locator} for ref in blobs]
    for table in _naming_blobs(connection):
        moved = table.c.blob_digest == bindparam("digest")
        connection.execute(update(table).where(moved).values(blob_locator=bindparam("locator")), places)


def _blobs(connection: Connection) -> list[BlobRef]:
    """Return what any table names as a blob, whichever version made the tables."""
    # PostgreSQL would resolve foreign keys of whole tables: only these columns are asked for
    tables = _naming_blobs(connection)
    rows = union(*(select(*(table.c[name] for name in _BLOB_COLUMNS)) for table in tables))
    return [BlobRef(digest, size, locator) for digest, locator, size in connection.execute(rows)]


def _naming_blobs(connection: Connection) -> list[Table]:
    inspector = inspect(connection)
    naming = [
        name
        for name in inspector.get_table_names()
        if {column["name"] for column in inspector.get_columns(name)} >= set(_BLOB_COLUMNS)
    ]
    return [Table(name, MetaData(), autoload_with=connection, include_columns=_BLOB_COLUMNS) for name in naming]


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()


def _run(program: str, url: URL, *options: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise ToolFailed(f"{program} is not installed: install PostgreSQL's client programs")
    parts = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database, **url.query}
    # the password goes by the environment: every user of this machine sees arguments
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    target = f"--dbname={make_conninfo('', **{name: str(value) for name, value in parts.items() if value})}"
    done = subprocess.run(  # noqa: S603  # our own arguments
        [found, target, *options], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        # only their own sentences: what follows may quote a patient's row
        said = [line for line in done.stderr.splitlines() if line.startswith(f"{program}:")]
        raise ToolFailed("; ".join(said[:3]) or f"{program} ended with status {done.returncode}")
