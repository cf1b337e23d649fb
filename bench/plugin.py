"""`plugin`: what a doctor waits for a name among 200,000 patients, in characters, in full pinyin and by initials."""

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import httpx
from sqlalchemy import insert

from api.accounts.passwords import initial_password
from api.accounts.roles import Role
from api.accounts.store import create_account
from api.db.engine import Database
from api.settings import Settings
from bench.errors import BenchError, check_peer
from bench.figures import median, milliseconds, percentile
from bench.goal import Goal
from bench.installation import running_installation
from bench.machine_key import issue_key
from bench.names import names_as_in_life
from bench.options import rounds
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.patients.name_search import name_rows
from imaging_core.patients.readings import readings_of
from imaging_core.patients.tables import NameKeyRow, PatientRow

_PATIENTS = 200_000
_BATCH = 5_000
_SEARCHES_OF_A_DOCTOR = 50
"""Fewer than one account may search in a minute."""
_P95_MS = 100
_AT = datetime(2026, 11, 1, tzinfo=UTC)


def plugin(peer: str | None = None) -> dict[str, Goal]:
    """Fill the patient index, then search as doctors do: one request a pause in typing."""
    check_peer(peer)
    chance = random.Random(4)  # noqa: S311  # the same patients every time
    with running_installation() as installation:
        settings = installation.settings
        names = list(islice(names_as_in_life(chance), _PATIENTS))
        logins = [f"bench{number}" for number in range(3 * rounds(3))]
        database = Database.open(settings.database)
        try:
            _add_patients(database, settings, names, chance)
            _add_doctors(database, settings, logins)
        finally:
            database.close()
        key = issue_key(settings, "launch")
        searched = {"characters": _characters, "pinyin": _pinyin, "initials": _initials}
        times: dict[str, list[float]] = {name: [] for name in searched}
        for number, login in enumerate(logins):
            how, typed = list(searched.items())[number % len(searched)]
            with _woken(installation.base_url, key, login) as browser:
                texts = [typed(chance.choice(names), chance) for _ in range(_SEARCHES_OF_A_DOCTOR)]
                times[how] += _search_times(browser, texts)
    goals: dict[str, Goal] = {}
    for name, values in times.items():
        note = f"{len(values)} searches among {_PATIENTS:,} patients, one connection"
        goals[f"search_{name}_p50_ms"] = Goal(median(values), "ms", note=note)
        goals[f"search_{name}_p95_ms"] = Goal(percentile(values, 0.95), "ms", goal=_P95_MS)
    return goals


def _add_patients(database: Database, settings: Settings, names: list[str], chance: random.Random) -> None:
    """Write patients, keys of their names and a study each, as registration and ingest leave them."""
    code, day, at = InstitutionCode(settings.hospital.institution_code), _AT.date(), _AT
    for begin in range(0, len(names), _BATCH):
        batch = list(enumerate(names[begin : begin + _BATCH], begin + 1))
        patients = [
            {
                "id": number,
                "institution_code": code,
                "patient_id": f"BENCH{number:07}",
                "name": name,
                "sex": chance.choice("FM"),
                "birth_date": day - timedelta(days=chance.randrange(30_000)),
                "registered_at": at,
                "updated_at": at,
            }
            for number, name in batch
        ]
        studies = [
            {
                "institution_code": code,
                "study_instance_uid": f"1.2.826.0.1.3680043.10.999.4.{number}",
                "patient_key": number,
                "study_date": day - timedelta(days=chance.randrange(1_000)),
                "modalities": ["CT"],
                "instance_count": 1,
                "first_received_at": at,
                "last_received_at": at,
            }
            for number, _ in batch
        ]
        keys = [row for number, name in batch for row in name_rows(PatientKey(number), code, name)]
        with database.writing() as session:
            session.execute(insert(PatientRow), patients)
            session.execute(insert(StudyRow), studies)
            session.execute(insert(NameKeyRow), keys)


def _add_doctors(database: Database, settings: Settings, logins: list[str]) -> None:
    with database.writing() as session:
        for login in logins:
            create_account(
                session,
                institution_code=settings.hospital.institution_code,
                login=login,
                name="测试医生",
                roles={Role.DOCTOR},
                password=initial_password(),
                now=_AT,
            )


@contextlib.contextmanager
def _woken(base_url: str, key: str, login: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, timeout=60, trust_env=False) as browser:
        bearer = {"Authorization": f"Bearer {key}"}
        launch = browser.post("/api/plugin/launches", json={"login": login}, headers=bearer)
        launch.raise_for_status()
        token = launch.json()["url"].partition("#")[2]
        browser.post("/api/plugin/session", json={"token": token}).raise_for_status()
        yield browser


def _search_times(browser: httpx.Client, texts: list[str]) -> list[float]:
    def search(text: str) -> None:
        answer = browser.post("/api/plugin/search", json={"text": text})
        answer.raise_for_status()
        if not answer.json()["patients"]:
            raise BenchError("a patient was not found by name")

    search(texts[0])
    return [milliseconds(lambda t=text: search(t)) for text in texts]  # type: ignore[misc]  # runs at once


def _characters(name: str, chance: random.Random) -> str:
    """A surname alone, the beginning, the whole, or the given name."""
    return chance.choice([name[:1], name[:2], name, name[1:]])


def _pinyin(name: str, chance: random.Random) -> str:
    read = [syllable.read for syllable in readings_of(name)[0]]
    return chance.choice([read[0], "".join(read[:2]), " ".join(read), "".join(read)[: len(read[0]) + 1]])


def _initials(name: str, chance: random.Random) -> str:
    read = "".join(syllable.read[:1] for syllable in readings_of(name)[0])
    return chance.choice([read[:2], read])
