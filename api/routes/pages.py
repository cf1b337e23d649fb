"""The built pages: hashed assets cached for a year, precompressed files preferred, entry pages always fresh."""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.auth.access import PUBLIC, allow, services_of
from api.errors import Problem

DIST = Path(__file__).resolve().parents[2] / "viewer_h5" / "dist"
_ENTRY_PAGES = {
    "/": "index.html",
    "/r": "index.html",
    "/editor": "editor.html",
    "/admin": "admin.html",
    "/plugin": "plugin.html",
    "/reading/compare": "reading.html",
    "/laboratory": "laboratory.html",
}
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_MISSING = (
    "<!doctype html><meta charset=utf-8><title>页面未构建</title><p>页面还没有构建，请运行 <code>make demo</code>。</p>"
)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm"}


class _Assets(StaticFiles):
    """Static files whose names hold a digest of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Send the brotli or gzip twin of a file if there is one and the browser takes it."""
        accepted = Request(scope).headers.get("accept-encoding", "")
        for encoding, ending in (("br", ".br"), ("gzip", ".gz")):
            twin, _ = self.lookup_path(path + ending)
            media_type = _TYPES.get(Path(path).suffix)
            if twin and media_type and encoding in accepted:
                response: Response = FileResponse(twin, media_type=media_type)
                response.headers["content-encoding"] = encoding
                break
        else:
            response = await super().get_response(path, scope)
        response.headers["vary"] = "accept-encoding"
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def mount(app: FastAPI) -> tuple[str, ...]:
    """Serve the pages; return the policy hashes of their inline scripts."""
    if (DIST / "assets").exists():
        app.mount("/assets", _Assets(directory=DIST / "assets"))
    if (DIST / "pdfjs").exists():
        app.mount("/pdfjs", StaticFiles(directory=DIST / "pdfjs"))
    for address, file in _ENTRY_PAGES.items():
        app.add_api_route(
            address,
            _page(DIST / file),
            methods=["GET"],
            dependencies=allow(PUBLIC),
            include_in_schema=False,
            response_model=None,
        )
    # browsers ask for the second one by themselves on pages that declare no icon, and complain when there is none
    for address, served in (("/icons/{name}", _icon), ("/favicon.ico", _favicon), ("/plugin/dock.js", _dock)):
        app.add_api_route(
            address,
            served,
            methods=["GET"],
            dependencies=allow(PUBLIC),
            include_in_schema=False,
            response_model=None,
        )
    return _script_hashes()


def _page(file: Path) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        # while the page loads: an archive that shows no pages is spared its memory, the first patient the wait
        services_of(request).live_knowledge.prepare()
        if not file.exists():
            return HTMLResponse(_MISSING, 503)
        return FileResponse(file, headers={"cache-control": "no-cache"})

    return page


def _icon(name: str) -> Response:
    folder = DIST / "icons"
    known = {path.name: path for path in folder.iterdir()} if folder.exists() else {}
    if name not in known:
        raise Problem(404, "not_found")
    return FileResponse(known[name], headers={"cache-control": "public, max-age=86400"})


def _favicon() -> Response:
    return _icon("favicon.svg")


def _dock() -> Response:
    """Serve the script with which a page of a HIS shows the plugin: any page may load it, the plugin decides."""
    file = DIST / "plugin" / "dock.js"
    if not file.exists():
        raise Problem(404, "not_found")
    # pages that are not ours name this address, so a new version must reach them by itself
    headers = {"cache-control": "public, max-age=300", "cross-origin-resource-policy": "cross-origin"}
    return FileResponse(file, media_type="text/javascript", headers=headers)


def _script_hashes() -> tuple[str, ...]:
    found: list[str] = []
    for file in sorted({DIST / name for name in _ENTRY_PAGES.values()}):
        if file.exists():
            for script in _INLINE_SCRIPT.findall(file.read_text(encoding="utf-8")):
                digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
                found.append(f"sha256-{digest}")
    return tuple(found)
