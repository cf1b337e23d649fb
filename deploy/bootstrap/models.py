"""The bundled embedding model, converted once from the package that carries its weights."""

from steps import BIN, ROOT, VENV, digest, is_done, mark_done, run, say

FOLDER = VENV / "share" / "mingying" / "models" / "embedder"


def convert_embedder(*, hugging_face: bool) -> None:
    """Convert the model; with `hugging_face` also to the form that sentence-transformers loads (tests)."""
    content = ROOT / "knowledge_base" / "content"
    inputs = digest([*(ROOT / "knowledge_base" / "embed" / "convert").glob("*.py"), *content.rglob("*.*")])
    wanted = ["embedder-hf"] if hugging_face else ["embedder-hf", "embedder"]
    if FOLDER.exists() and any(is_done(step, inputs) for step in wanted):
        return
    say("preparing the language model (once, under a minute)")
    command = [str(BIN / "python"), "-m", "knowledge_base.embed.convert", "--out", str(FOLDER)]
    run(
        command + (["--hf"] if hugging_face else []),
        remedy="Check that the Python package index can be reached, then run the command again.",
    )
    warm = [str(BIN / "python"), "-m", "knowledge_base", "warm"]
    run(warm, remedy="Run `.venv/bin/python -m knowledge_base warm` to see the fault.")
    mark_done("embedder-hf" if hugging_face else "embedder", inputs)
