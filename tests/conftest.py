"""Fixtures every test may ask for, and the record that the acceptance book is made from."""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.builders.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

_EVIDENCE = pytest.StashKey[dict[str, list[str]]]()
_LONGEST_NAME = 100
ARTIFACTS = Path(__file__).parents[1] / "artifacts"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real test material; skips where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MINGYING_TEST_DATA", default))
    if not (folder / "dicom").is_dir():
        pytest.skip("the shared test material is not on this machine (MINGYING_TEST_DATA)")
    return folder


class Evidence:
    """What a test shows for its requirement besides passing."""

    def __init__(self, kept: dict[str, list[str]], name: str) -> None:
        self._kept = kept
        self._name = name

    def screenshot(self, label: str) -> Path:
        """Return where to put a screenshot, and remember it."""
        folder = ARTIFACTS / "screens"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._name}-{label}.png"
        self._kept["screenshots"].append(str(path))
        return path

    def figure(self, sentence: str) -> None:
        """Keep a measured figure as a sentence."""
        self._kept["figures"].append(sentence)


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Keeps screenshots (in artifacts/screens) and figures for the acceptance book."""
    kept: dict[str, list[str]] = {"screenshots": [], "figures": []}
    request.node.stash[_EVIDENCE] = kept
    return Evidence(kept, request.node.name.replace("[", "-").replace("]", ""))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--acceptance", metavar="FILE", help="run only tests that speak for requirements; write outcomes")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long value by its length: a test's name stands in the environment of what it starts, which has limits."""
    if isinstance(val, str | bytes) and len(val) > _LONGEST_NAME:
        return f"{len(val)} {'bytes' if isinstance(val, bytes) else 'characters'}"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Playwright keeps an event loop in its thread: what calls asyncio.run must have run before. The roads are one
    # long group for one process: begun first, they end with the rest.
    items.sort(key=lambda item: ("e2e" in item.path.parts, "road" not in item.path.parts))
    if config.getoption("--acceptance"):
        speaking = [item for item in items if item.get_closest_marker("clause")]
        config.hook.pytest_deselected(items=[item for item in items if item not in speaking])
        items[:] = speaking


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    path = item.config.getoption("--acceptance")
    if path and (report.when == "call" or report.outcome != "passed"):
        kept: dict[str, list[str]] = item.stash.get(_EVIDENCE, {"screenshots": [], "figures": []})
        line = {
            "clauses": sorted({mark.args[0] for mark in item.iter_markers("clause")}),
            "name": item.nodeid,
            "outcome": report.outcome,
            "seconds": report.duration,
            **kept,
        }
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return report
