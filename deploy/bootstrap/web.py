"""The pages: Node comes from a Python wheel, the rest from the npm lock file."""

import os

from steps import BIN, ROOT, digest, is_done, mark_done, run, say

_WEB = ROOT / "viewer_h5"
_REGISTRY = "Check that the npm registry can be reached, then run the command again."


def build_pages() -> None:
    """Install the locked packages and build the pages."""
    environment = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "npm_config_update_notifier": "false"}
    npm = str(BIN / "npm")
    lock = digest([_WEB / "package.json", _WEB / "package-lock.json"])
    if not (is_done("npm", lock) and (_WEB / "node_modules").exists()):
        say("installing page packages (once)")
        run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], remedy=_REGISTRY, cwd=_WEB, env=environment)
        mark_done("npm", lock)
    sources = [path for folder in ("src", "public") for path in (_WEB / folder).rglob("*") if path.is_file()]
    inputs = digest([*sources, *_WEB.glob("*.html"), *_WEB.glob("*.ts"), _WEB / "package-lock.json"])
    if is_done("pages", inputs) and (_WEB / "dist").exists():
        return
    say("building the pages")
    run(
        [npm, "run", "--silent", "build"],
        remedy="Run `.venv/bin/npm run build` in viewer_h5 to see the fault.",
        cwd=_WEB,
        env=environment,
    )
    mark_done("pages", inputs)
