"""One browser driver a test process, two of them in one thread disturb each other; and the browser it drives."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright, sync_playwright

from api.chromium import find_chromium


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; skips where there is none."""
    found = find_chromium()
    if found is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver."""
    with sync_playwright() as running:
        yield running
