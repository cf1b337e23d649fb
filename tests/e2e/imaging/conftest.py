"""The imaging pane in a real browser: built page, server with a phantom study, Chromium at a chosen size."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[3]
VIEWER = ROOT / "viewer_h5"
BROWSER_FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SOFTWARE_GL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the whole page and real sockets."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def phantom() -> ModuleType:
    """The study's truth; loaded by path because the viewer's tests are no Python package."""
    spec = importlib.util.spec_from_file_location("phantom", VIEWER / "tests/imaging/phantom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["phantom"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pane's page, built once as the product is."""
    vite = VIEWER / "node_modules/vite/bin/vite.js"
    if not vite.is_file():
        pytest.skip("viewer_h5/node_modules is missing: run make setup")
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if node is None:
        pytest.skip("node is missing")
    out = tmp_path_factory.mktemp("imaging-dist")
    command = [node, str(vite), "build", "-c", "tests/imaging/harness/vite.config.mjs", "--outDir", str(out)]
    done = subprocess.run(command, cwd=VIEWER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


class Server:
    """The page's server in its own process."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def faults(self, **counts: int) -> None:
        """Set how many answers of a kind are to fail, and forget the requests seen."""
        httpx.post(f"{self.url}/control", json=counts)

    def requests(self) -> list[dict[str, Any]]:
        """API requests since `faults`."""
        seen: list[dict[str, Any]] = httpx.get(f"{self.url}/control").json()
        return seen


@pytest.fixture(scope="session")
def _server(dist: Path) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, str(VIEWER / "tests/imaging/server.py"), str(dist)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    yield Server(int(process.stdout.readline()))
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def server(_server: Server) -> Server:
    """The server without faults."""
    _server.faults()
    return _server


@pytest.fixture(scope="session")
def browser(playwright: Any, chromium: str) -> Iterator[Any]:
    launched = playwright.chromium.launch(executable_path=chromium, args=[*BROWSER_FLAGS, *SOFTWARE_GL])
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def browser_without_gl(playwright: Any, chromium: str) -> Iterator[Any]:
    launched = playwright.chromium.launch(executable_path=chromium, args=[*BROWSER_FLAGS, "--disable-3d-apis"])
    yield launched
    launched.close()


@pytest.fixture
def open_page(server: Server) -> Iterator[Callable[..., Any]]:
    """`open_page(browser, width, height, ratio, touch, script)`: a page with the pane on it, closed after the test."""
    contexts = []
    errors: list[str] = []

    def open_it(
        browser: Any, *, width: int = 360, height: int = 800, ratio: float = 1, touch: bool = True, script: str = ""
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=ratio,
            has_touch=touch,
            is_mobile=touch,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(server.url)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert errors == []
