"""Running set-up steps quietly, and remembering which ones are done."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
_STAMPS = VENV / "stamps"


class Failure(Exception):
    """A step failed; the text is a sentence with its remedy."""


def say(text: str) -> None:
    """Print one line to the person who waits."""
    print(f"· {text}", file=sys.stderr, flush=True)


def run(command: list[str], *, remedy: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed.

    Raises:
        Failure: with the last lines of its output and the remedy.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} was not found. {remedy}") from error
    if done.returncode:
        tail = "\n  ".join(line for line in done.stdout.splitlines()[-12:] if line.strip())
        raise Failure(f"`{' '.join(command[:6])}` failed. {remedy}\n  {tail}")
    return done.stdout


def digest(paths: Iterable[Path], *words: str) -> str:
    """Return a digest of file contents, in a stable order, and some words."""
    total = hashlib.sha256("\0".join(words).encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def is_done(step: str, inputs: str) -> bool:
    """Return whether this step succeeded before with the same inputs."""
    stamp = _STAMPS / step
    return stamp.exists() and stamp.read_text() == inputs


def mark_done(step: str, inputs: str) -> None:
    """Remember that the step succeeded."""
    _STAMPS.mkdir(parents=True, exist_ok=True)
    (_STAMPS / step).write_text(inputs)
