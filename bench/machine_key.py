"""A machine's key, issued as an administrator issues one."""

import json
import os
import subprocess
import sys

from api.settings import Settings
from bench.installation import ROOT


def issue_key(settings: Settings, *scopes: str) -> str:
    """Return a new key of a running installation."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "api.cli", "key", "issue", "--name", "bench", "--json"),
            *(part for scope in scopes for part in ("--scope", scope)),
        ],
        env={**os.environ, "MINGYING_MODE": "demo", "MINGYING_DATA": str(settings.data)},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return str(json.loads(done.stdout)["key"])
