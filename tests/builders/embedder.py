"""Where the converted embedding model stands on this machine, and a server process for the HTTP adapter."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from knowledge_base.embed import default_model_dir


def model_dir() -> Path:
    """Folder of the converted model; skips where nobody has converted it."""
    folder = Path(os.environ.get("MINGYING_EMBEDDER_DIR", default_model_dir()))
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no converted embedding model in {folder}: python -m knowledge_base.embed.convert --hf")
    return folder


@contextmanager
def embedding_server() -> Iterator[str]:
    """Start the server process and yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.builders.embedding_server"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.communicate()
