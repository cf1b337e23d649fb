"""The file format both index adapters share: a NumPy archive with keys, model id and one payload."""

import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge_base.embed.port import Vectors
from knowledge_base.errors import VectorIndexMismatch, VectorShapeMismatch


def check_shape(keys: Sequence[str] | None, vectors: Vectors, dimension: int) -> None:
    """Raise `VectorShapeMismatch` unless there is one row of the right length for each key."""
    rows = len(vectors) if keys is None else len(keys)
    if vectors.shape != (rows, dimension):
        raise VectorShapeMismatch((rows, dimension), vectors.shape)


def write_archive(path: Path, *, engine: str, model_id: str, keys: Sequence[str], payload: npt.NDArray[Any]) -> None:
    """Write beside the target and rename, so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, engine=engine, model_id=model_id, keys=np.array(keys, dtype=np.str_), payload=payload)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_archive(path: Path, *, engine: str, model_id: str) -> tuple[list[str], npt.NDArray[Any]]:
    """Return keys and payload; raises `VectorIndexMismatch`."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if str(archive["engine"]) != engine:
                raise VectorIndexMismatch(path, f"made by {archive['engine']}, not {engine}")
            if str(archive["model_id"]) != model_id:
                raise VectorIndexMismatch(path, f"vectors of {archive['model_id']}, not of {model_id}")
            return [str(key) for key in archive["keys"]], archive["payload"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise VectorIndexMismatch(path, "missing or damaged") from error
