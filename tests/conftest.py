"""Fixtures every test may ask for."""

import os
from pathlib import Path

import pytest

from tests.builders.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real test material; skips where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MINGYING_TEST_DATA", default))
    if not (folder / "dicom").is_dir():
        pytest.skip("the shared test material is not on this machine (MINGYING_TEST_DATA)")
    return folder
