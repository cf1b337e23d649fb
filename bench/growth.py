"""`growth`: searching among ten thousand and among a million studies, on SQLite and on PostgreSQL.

Rows of the index are generated; there are no images behind them. What is timed is what a search costs behind the
network: statement, rows and the text of the answer.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from api.db.engine import Database
from api.db.migrate import migrate
from bench.errors import check_peer
from bench.figures import median, milliseconds, percentile
from bench.goal import Goal
from bench.names import names_as_in_life
from bench.options import rounds
from imaging_core.index.search.answers import write_matches
from imaging_core.index.search.attributes import Level, answered
from imaging_core.index.search.finding import find
from imaging_core.index.search.keys import Query, read_keys
from imaging_core.index.search.names import filed_names
from imaging_core.index.search.tables import StudyModalityRow, StudyNameRow
from imaging_core.index.search.upkeep import day_number
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.patients.readings import readings_of

_FEW: Final = 10_000
_MANY: Final = 1_000_000
_PAGE: Final = 50
_P95_MS: Final = 50
_BATCH: Final = 5_000
_DAYS: Final = 5 * 365
_LAST: Final = date(2026, 10, 31)
_AT: Final = datetime(2026, 11, 1, tzinfo=UTC)
INSTITUTION: Final = "12340000BENCH00001"
_MODALITIES: Final = {"CT": 35, "DX": 30, "MR": 15, "US": 12, "MG": 4, "XA": 2, "PT": 1, "ECG": 1}
Keys = Mapping[str, str]


def growth(peer: str | None = None) -> dict[str, Goal]:
    """Fill two indexes and search both. `MINGYING_BENCH_STUDIES` changes the larger number.

    PostgreSQL is measured where `MINGYING_BENCH_POSTGRES` names a server (an address without a database).
    """
    check_peer(peer)
    many = int(os.environ.get("MINGYING_BENCH_STUDIES", _MANY))
    goals: dict[str, Goal] = {}
    for engine, place in _engines().items():
        found: dict[int, dict[str, list[float]]] = {}
        for studies in (_FEW, many):
            with place(studies) as url:
                names = fill(url, studies)
                found[studies] = _times(url, names, studies)
        for search, times in found[many].items():
            small, large = percentile(found[_FEW][search], 0.95), percentile(times, 0.95)
            note = f"{large:.1f} ms among {many:,} studies, {small:.1f} among {_FEW:,}; median {median(times):.1f}"
            goals[f"{engine}_{search}_p95_ms"] = Goal(large, "ms", goal=_P95_MS, note=note)
            goals[f"{engine}_{search}_p95_growth"] = Goal(large / small, "times", goal=2)
    return goals


def fill(url: str, studies: int) -> list[str]:
    """Migrate an empty database and write rows of so many studies into it; return the names of their patients."""
    migrate(url)
    chance = random.Random(7)  # noqa: S311  # the same studies every time
    names = list(islice(names_as_in_life(chance), max(studies // 3, 1)))
    database = Database.open(url)
    try:
        for begin in range(0, studies, _BATCH):
            rows = [_rows(number, chance, names) for number in range(begin + 1, min(begin + _BATCH, studies) + 1)]
            with database.writing() as session:
                for table, own in (
                    (StudyRow, "study"),
                    (SeriesRow, "series"),
                    (InstanceRow, "instance"),
                    (StudyNameRow, "names"),
                    (StudyModalityRow, "modality"),
                ):
                    several = [row for item in rows for row in item[own]]
                    session.execute(insert(table), several)
        with database.engine.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()
    finally:
        database.close()
    return names


@contextmanager
def _sqlite(studies: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as folder:
        yield f"sqlite:///{Path(folder) / f'{studies}.sqlite'}"


def _engines() -> dict[str, Callable[[int], Any]]:
    engines: dict[str, Callable[[int], Any]] = {"sqlite": _sqlite}
    if server := os.environ.get("MINGYING_BENCH_POSTGRES"):

        @contextmanager
        def postgres(studies: int) -> Iterator[str]:
            name = f"mingying_bench_{studies}"
            admin = Database.open(server)
            autocommit = admin.engine.execution_options(isolation_level="AUTOCOMMIT")
            try:
                with autocommit.connect() as connection:
                    connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    connection.execute(text(f"CREATE DATABASE {name}"))
                yield admin.engine.url.set(database=name).render_as_string(hide_password=False)
                with autocommit.connect() as connection:
                    connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            finally:
                admin.close()

        engines["postgresql"] = postgres
    return engines


def _rows(number: int, chance: random.Random, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    patient = number % len(names)
    day = _LAST - timedelta(days=chance.randrange(_DAYS))
    modality = chance.choices(list(_MODALITIES), list(_MODALITIES.values()))[0]
    own = {"institution_code": INSTITUTION}
    beside = own | {"study_id": number, "study_day": day_number(day)}
    uid = f"1.2.826.0.1.3680043.10.999.5.{number}"
    return {
        "study": [
            own
            | {
                "id": number,
                "study_instance_uid": uid,
                "patient_id": f"P{patient:07}",
                "patient_name": names[patient],
                "patient_sex": "F",
                "accession_number": f"A{number:08}",
                "study_date": day,
                "study_day": day_number(day),
                "study_time": f"{chance.randrange(24):02}{chance.randrange(60):02}00",
                "study_description": f"{modality} {number % 17}",
                "modalities": [modality],
                "series_count": 1,
                "instance_count": 1,
                "first_received_at": _AT,
                "last_received_at": _AT,
            }
        ],
        "series": [
            own
            | {
                "id": number,
                "study_id": number,
                "series_instance_uid": f"{uid}.1",
                "modality": modality,
                "instance_count": 1,
            }
        ],
        "instance": [
            own
            | {
                "id": number,
                "series_id": number,
                "sop_instance_uid": f"{uid}.1.1",
                "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
                "transfer_syntax_uid": "1.2.840.10008.1.2.1",
                "blob_digest": f"{number:064x}",
                "blob_locator": "",
                "blob_size": 0,
                "received_at": _AT,
            }
        ],
        "names": [beside | {"inner": inner, "text": written} for inner, written in _texts(names[patient])],
        "modality": [beside | {"modality": modality}],
    }


@lru_cache(maxsize=500_000)
def _texts(name: str) -> tuple[tuple[bool, str], ...]:
    return tuple((item.inner, item.text) for item in filed_names(name))


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
    first = _LAST - timedelta(days=chance.randrange(7, _DAYS))
    span = f"{first:%Y%m%d}-{first + timedelta(days=6):%Y%m%d}"
    return {"StudyDate": span, "ModalitiesInStudy": chance.choices(list(_MODALITIES), list(_MODALITIES.values()))[0]}


def _search(session: Session, keys: Keys, offset: int) -> str:
    query = Query(level=Level.STUDY, keys=read_keys(Level.STUDY, keys), limit=_PAGE + 1, offset=offset)
    attributes = answered(Level.STUDY, None, frozenset(), everything=False)
    return write_matches(find(session, INSTITUTION, query, attributes)[:_PAGE], Level.STUDY, attributes, "https://x")
