"""`growth`: an archive of ten thousand studies and one of a million, on SQLite and on PostgreSQL.

Rows of the index are generated (`index_rows`); there are no images behind them. A search is timed as it costs behind
the network: statement, rows and the text of the answer. Ingest is the archive's own way in, with bytes and index on
the disk, into an index of a million and into an empty one in turn.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from api.db.engine import Database
from api.db.migrate import migrate
from bench.errors import check_peer
from bench.figures import median, milliseconds, percentile
from bench.goal import Goal
from bench.index_rows import DAYS, INSTITUTION, LAST, MODALITIES, fill
from bench.ingest_rates import ingest_in_turn
from bench.options import folder, rounds
from imaging_core.index.search.answers import write_matches
from imaging_core.index.search.attributes import Level, answered
from imaging_core.index.search.finding import find
from imaging_core.index.search.keys import Query, read_keys
from imaging_core.patients.readings import readings_of

_FEW: Final = 10_000
_MANY: Final = 1_000_000
_PAGE: Final = 50
_P95_MS: Final = 50
_INGEST_ROUNDS: Final = 5
Keys = Mapping[str, str]
Place = Callable[[int], AbstractContextManager[str]]
"""Gives the address of a database for so many studies."""


def growth(peer: str | None = None) -> dict[str, Goal]:
    """Fill two indexes and search both. `MINGYING_BENCH_STUDIES` changes the larger number.

    PostgreSQL is measured where `MINGYING_BENCH_POSTGRES` names a server (an address without a database). With
    `MINGYING_BENCH_KEEP`, a folder, the generated databases stay for the next run.
    """
    check_peer(peer)
    many = int(os.environ.get("MINGYING_BENCH_STUDIES", _MANY))
    goals: dict[str, Goal] = {}
    for engine, place in _engines(folder("MINGYING_BENCH_KEEP")).items():
        with ExitStack() as stack:
            empty, few, full = (stack.enter_context(place(studies)) for studies in (0, _FEW, many))
            small, large = (_times(url, fill(url, studies), studies) for url, studies in ((few, _FEW), (full, many)))
            for search, times in large.items():
                before, after = percentile(small[search], 0.95), percentile(times, 0.95)
                note = f"{after:.1f} ms among {many:,} studies, {before:.1f} among {_FEW:,}; median {median(times):.1f}"
                goals[f"{engine}_{search}_p95_ms"] = Goal(after, "ms", goal=_P95_MS, note=note)
                goals[f"{engine}_{search}_p95_growth"] = Goal(after / before, "times", goal=2)
            migrate(empty)
            into_full, into_empty = ingest_in_turn(full, empty, rounds(_INGEST_ROUNDS))
            share = median([ours / theirs for ours, theirs in zip(into_full, into_empty, strict=True)])
            note = (
                f"{median(into_full):.0f} instances/s at {many:,} studies, {median(into_empty):.0f} into an empty index"
            )
            goals[f"{engine}_ingest_share"] = Goal(share, "times", goal=0.8, higher_is_better=True, note=note)
    return goals


def _engines(kept: Path | None) -> dict[str, Place]:
    engines: dict[str, Place] = {"sqlite": lambda studies: _sqlite(kept, studies)}
    if server := os.environ.get("MINGYING_BENCH_POSTGRES"):
        engines["postgresql"] = lambda studies: _postgresql(server, studies, keep=kept is not None)
    return engines


@contextmanager
def _sqlite(kept: Path | None, studies: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as temporary:
        place = kept if kept is not None and studies else Path(temporary)
        yield f"sqlite:///{place / f'{studies}.sqlite'}"


@contextmanager
def _postgresql(server: str, studies: int, *, keep: bool) -> Iterator[str]:
    name = f"mingying_bench_{studies}"
    admin = Database.open(server)
    try:
        with admin.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            there = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
            if there and not (keep and studies):
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            if not (there and keep and studies):
                connection.execute(text(f"CREATE DATABASE {name}"))
            yield admin.engine.url.set(database=name).render_as_string(hide_password=False)
            if not (keep and studies):
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        admin.close()


def _times(url: str, names: list[str], studies: int) -> dict[str, list[float]]:
    chance = random.Random(11)  # noqa: S311
    searches: dict[str, Callable[[], tuple[Keys, int]]] = {
        "patient_id": lambda: ({"PatientID": f"P{chance.randrange(len(names)):07}"}, 0),
        "accession_number": lambda: ({"AccessionNumber": f"A{chance.randrange(studies) + 1:08}"}, 0),
        "name_prefix": lambda: ({"PatientName": _beginning(chance.choice(names), chance)}, 0),
        "week_modality": lambda: (_week(chance), 0),
        "page": lambda: ({}, chance.randrange(5) * _PAGE),
    }
    database = Database.open(url)
    times: dict[str, list[float]] = {name: [] for name in searches}
    try:
        with database.reading() as session:
            for number in range(60 * rounds(3) + 10):
                for name, asked in searches.items():
                    keys, offset = asked()
                    took = milliseconds(lambda keys=keys, offset=offset: _search(session, keys, offset))  # type: ignore[misc]
                    if number >= 10:  # before, statements are compiled and pages read
                        times[name].append(took)
    finally:
        database.close()
    return times


def _beginning(name: str, chance: random.Random) -> str:
    reading = readings_of(name)[0]
    ways = (name[:1], name[:2], reading[0].read, "".join(syllable.read for syllable in reading[:2]))
    return chance.choice(ways) + "*"


def _week(chance: random.Random) -> Keys:
    first = LAST - timedelta(days=chance.randrange(7, DAYS))
    span = f"{first:%Y%m%d}-{first + timedelta(days=6):%Y%m%d}"
    return {"StudyDate": span, "ModalitiesInStudy": chance.choices(list(MODALITIES), list(MODALITIES.values()))[0]}


def _search(session: Session, keys: Keys, offset: int) -> str:
    query = Query(level=Level.STUDY, keys=read_keys(Level.STUDY, keys), limit=_PAGE + 1, offset=offset)
    attributes = answered(Level.STUDY, None, frozenset(), everything=False)
    return write_matches(find(session, INSTITUTION, query, attributes)[:_PAGE], Level.STUDY, attributes, "https://x")
