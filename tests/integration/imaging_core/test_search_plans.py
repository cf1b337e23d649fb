"""Which index each search takes: none of the frequent ones may read a whole table."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Row, text
from sqlalchemy.dialects import postgresql, sqlite

from api.db.engine import Database
from bench.index_rows import INSTITUTION, fill
from imaging_core.index.search import finding
from imaging_core.index.search.attributes import Level, answered
from imaging_core.index.search.finding import find, statement
from imaging_core.index.search.keys import Query, read_keys
from tests.builders.postgres import fresh_database

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.4")]

DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}
EVERYTHING = answered(Level.STUDY, None, frozenset(), everything=False)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Two thousand studies."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('plans') / 'index.sqlite'}"
        fill(url, 2000)
        opened = Database.open(url)
        yield opened
        opened.close()
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        fill(url, 2000)
        opened = Database.open(url)
        yield opened
        opened.close()


def plan(database: Database, level: Level, keys: dict[str, str], offset: int = 0) -> str:
    name = database.engine.dialect.name
    query = Query(level=level, keys=read_keys(level, keys), limit=50, offset=offset)
    with database.reading() as session:
        found = statement(session, INSTITUTION, query, answered(level, None, frozenset(), everything=False))
        sql = str(found.compile(dialect=DIALECTS[name], compile_kwargs={"literal_binds": True}))
        if name == "postgresql":
            # a table of two thousand rows is read whole for less; what counts is that it need not be
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN " if name == "sqlite" else "EXPLAIN "
        rows = session.connection().exec_driver_sql(explain + sql.replace("%%", "%")).all()
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    ("level", "keys", "index"),
    [
        (Level.STUDY, {"PatientID": "P0000007"}, "ix_studies_institution_patient"),
        (Level.STUDY, {"AccessionNumber": "A00000007"}, "ix_studies_institution_accession"),
        (Level.STUDY, {"AccessionNumber": "A0000000*"}, "ix_studies_institution_accession"),
        (Level.STUDY, {"StudyInstanceUID": "1.2.826.0.1.3680043.10.999.5.7"}, "studies"),
        (Level.STUDY, {"PatientName": "ouyang*"}, "ix_study_names_text"),
        (Level.STUDY, {"PatientName": "欧阳*", "ModalitiesInStudy": "CT"}, "ix_study_names_text"),
        (Level.STUDY, {"StudyDate": "20261001-20261007", "ModalitiesInStudy": "CT"}, "ix_study_modalities_modality"),
        (Level.STUDY, {"StudyDate": "20261001-20261007"}, "ix_studies_newest"),
        (Level.STUDY, {}, "ix_studies_newest"),
        (Level.SERIES, {"SeriesInstanceUID": "1.2.826.0.1.3680043.10.999.5.7.1"}, "series_instance_uid"),
        (Level.INSTANCE, {"SOPInstanceUID": "1.2.826.0.1.3680043.10.999.5.7.1.1"}, "instances"),
        (Level.SERIES, {"PatientID": "P0000007"}, "ix_studies_institution_patient"),
    ],
)
def test_no_frequent_search_reads_a_whole_table(database: Database, level: Level, keys: dict[str, str], index: str):
    found = plan(database, level, keys)
    assert index in found, found
    # SQLite says SCAN for a walk along an index too, but names the index then
    whole = [line for line in found.splitlines() if "Seq Scan" in line or ("SCAN " in line and " USING " not in line)]
    assert [line for line in whole if "anon" not in line and "SUBQUERY" not in line] == [], found


def test_a_page_is_no_sort_of_all_studies(database: Database):
    assert "Sort" not in plan(database, Level.STUDY, {}, offset=100)
    assert "TEMP B-TREE" not in plan(database, Level.STUDY, {}, offset=100)


def test_many_of_one_name_are_met_on_a_walk_along_the_newest(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(finding, "_few", lambda *_arguments, **_named: 1)
    found = plan(database, Level.STUDY, {"PatientName": "wang*", "ModalitiesInStudy": "CT,MR"})
    assert "ix_studies_newest" in found
    assert not {"Seq Scan", "Sort", "Hash", "TEMP"} & set(re.findall(r"Seq Scan|Sort|Hash|TEMP", found)), found


@pytest.mark.parametrize("few", [1, 100_000])
def test_pages_hold_each_match_once_whichever_way_they_are_found(
    database: Database, few: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(finding, "_few", lambda *_arguments, **_named: few)
    with database.reading() as session:
        for keys in ({}, {"PatientName": "wang*"}, {"PatientName": "欧阳*"}, {"ModalitiesInStudy": "CT"}):
            read = read_keys(Level.STUDY, keys)
            whole = find(session, INSTITUTION, Query(level=Level.STUDY, keys=read), EVERYTHING)
            paged: list[Row[Any]] = []
            while page := find(
                session, INSTITUTION, Query(level=Level.STUDY, keys=read, limit=37, offset=len(paged)), EVERYTHING
            ):
                paged += page
            assert paged == list(whole)
            assert len({row[0] for row in paged}) == len(paged) > 0
            days = [row[EVERYTHING_DAY] for row in paged]
            assert days == sorted(days, reverse=True)


EVERYTHING_DAY = 1 + [item.keyword for item in EVERYTHING if item.column is not None].index("StudyDate")
