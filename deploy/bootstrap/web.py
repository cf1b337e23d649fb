"""The pages, built from the npm lock file."""

from npm import REGISTRY, npm
from steps import ROOT, digest, is_done, mark_done, say

_WEB = ROOT / "viewer_h5"


def build_pages() -> None:
    """Install the locked packages and build the pages."""
    lock = digest([_WEB / "package.json", _WEB / "package-lock.json"])
    if not (is_done("npm", lock) and (_WEB / "node_modules").exists()):
        say("installing page packages (once)")
        npm("ci", "--no-audit", "--no-fund", "--loglevel=error", folder=_WEB, remedy=REGISTRY)
        mark_done("npm", lock)
    sources = [path for folder in ("src", "public") for path in (_WEB / folder).rglob("*") if path.is_file()]
    inputs = digest([*sources, *_WEB.glob("*.html"), *_WEB.glob("*.ts"), _WEB / "package-lock.json"])
    if is_done("pages", inputs) and (_WEB / "dist").exists():
        return
    say("building the pages")
    fault = "Run `.venv/bin/npm run build` in viewer_h5 to see the fault."
    npm("run", "--silent", "build", folder=_WEB, remedy=fault)
    mark_done("pages", inputs)
