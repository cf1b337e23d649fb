"""One engine a process, and two ways to a session: reading, and writing with the lock taken at once."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

_BUSY_MILLISECONDS = 15_000


def make_engine(url: str) -> Engine:
    """Return an engine for SQLite (WAL, synchronous FULL) or PostgreSQL."""
    if url.startswith("sqlite"):
        connect_args = {"check_same_thread": False, "timeout": _BUSY_MILLISECONDS / 1000}
        # as many connections as there are request threads: none waits for another's
        engine = create_engine(url, connect_args=connect_args, pool_size=10, max_overflow=50, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # hide_parameters: values of a failed statement are a patient's and would end up in a log
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=50, hide_parameters=True)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an acknowledgement means durable
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "secure_delete=ON",  # what a patient deletes is overwritten in the file
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns to writing fails at once when another wrote meanwhile; an immediate one waits.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@dataclass(frozen=True, slots=True)
class Database:
    """The engine and its sessions. `writes` is handed to code that opens its own transactions."""

    engine: Engine
    reads: sessionmaker[Session]
    writes: sessionmaker[Session]

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open the database; nothing is read yet."""
        engine = make_engine(url)
        options: dict[str, Any] = {"expire_on_commit": False}
        return cls(
            engine=engine,
            reads=sessionmaker(engine, **options),
            writes=sessionmaker(engine.execution_options(writing=True), **options),
        )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session whose changes are thrown away; what it loaded stays readable afterwards."""
        with self.reads() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session that is committed when the block ends without an error."""
        with self.writes.begin() as session:
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


SessionOpener = Callable[[], AbstractContextManager[Session]]
