"""The whole service as separate processes, and a real browser at phone and desktop size."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize, expect

from tests.builders import oidc_provider
from tests.builders.control import Played, played
from tests.builders.running import RunningService, running_service

_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 360, "height": 800}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


expect.set_options(timeout=30_000)
"""Nothing here proves speed: a busy machine draws a page late, and that is no defect."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the whole service and real sockets, and runs in one process, in order."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.enable_socket)
            item.add_marker(pytest.mark.xdist_group("road"))
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def citizen_platform() -> Iterator[Played]:
    """An outside platform, a process of its own, whose citizens may come in."""
    with played("tests.builders.oidc_provider") as running:
        yield running


@pytest.fixture(scope="session")
def his() -> Iterator[Played]:
    """A web HIS, a process of its own, whose page holds the plugin."""
    with played("tests.builders.his_page") as running:
        yield running


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, citizen_platform: Played, his: Played
) -> Iterator[RunningService]:
    """A demo-mode installation, empty at first."""
    platforms = {
        "wmjk": {
            "kind": "oidc",
            "title": "皖美健康",
            "issuer": citizen_platform.url,
            "client_id": oidc_provider.CLIENT_ID,
            "client_secret": oidc_provider.CLIENT_SECRET,
        }
    }
    data = tmp_path_factory.mktemp("road") / "data"
    his_origin = his.url.replace("127.0.0.1", "localhost")
    with running_service(
        data, CITIZEN__PLATFORMS=json.dumps(platforms), PLUGIN__HIS_ORIGINS=json.dumps([his_origin])
    ) as running:
        his.wish(plugin=running.base_url)
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
    yield launched
    launched.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A new phone: touch, 360 × 800, no cookies."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2, locale="zh-CN")
    yield _opened(context)
    context.close()


@pytest.fixture
def desktop(browser: Browser) -> Iterator[Page]:
    """A desktop browser without cookies."""
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    yield _opened(context)
    context.close()


def _opened(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(30_000)
    return page
