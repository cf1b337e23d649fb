"""npm of the environment: Node comes from a Python wheel."""

import os
from pathlib import Path

from steps import BIN, run

REGISTRY = "Check that the npm registry can be reached, then run the command again."


def npm(*arguments: str, folder: Path, remedy: str) -> None:
    """Run npm in a folder."""
    run([str(BIN / "npm"), *arguments], remedy=remedy, cwd=folder, env=node_environment())


def node_environment() -> dict[str, str]:
    """Return what lets npm and Node find each other."""
    return {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "npm_config_update_notifier": "false"}
