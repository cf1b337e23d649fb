"""`mingying eval`: the AI parts over a file, for measuring on one's own material."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import track

from api.commands.common import err, fail
from api.models_wiring import build_embedder
from api.settings import Settings
from interpret.errors import InvalidLine
from knowledge_base.base import KnowledgeBase

app = typer.Typer(no_args_is_help=True)

InOption = Annotated[Path, typer.Option("--in", exists=True, dir_okay=False, help="JSON lines, UTF-8.")]
OutOption = Annotated[Path, typer.Option("--out", help="Where the predictions go, one JSON a line, input order.")]
Line = Mapping[str, Any]
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@app.command(epilog="Example: mingying eval report --in reports.jsonl --out predictions.jsonl")
def report(source: InOption, to: OutOption) -> None:
    """Explain reports: terms, findings, urgency, plain sentences."""
    from interpret.evaluation import eval_report

    knowledge = _knowledge(embedder=False)
    run_lines(source, to, lambda line: eval_report(line, knowledge))


@app.command(epilog="Example: mingying eval retrieve --in questions.jsonl --out hits.jsonl --k 10")
def retrieve(source: InOption, to: OutOption, k: Annotated[int, typer.Option(min=1, max=100)] = 10) -> None:
    """Find passages for questions."""
    knowledge = _knowledge(embedder=True)

    def one(line: Line) -> dict[str, Any]:
        question = line.get("question")
        if not isinstance(question, str):
            raise InvalidLine("question", "a text")
        result = knowledge.search(question, k)
        hits = [
            {
                "entry_id": hit.chunk.entry_id,
                "chunk_id": hit.chunk.chunk_id,
                "score": hit.score,
                "title": hit.chunk.title,
                "text": hit.chunk.text,
            }
            for hit in result.hits
        ]
        return {"id": line["id"], "known": result.known, "hits": hits}

    run_lines(source, to, one)


@app.command(epilog="Example: mingying eval consult --in dialogues.jsonl --out answers.jsonl")
def consult(source: InOption, to: OutOption) -> None:
    """Answer dialogues, one answer a turn."""
    from interpret.evaluation import eval_consult

    knowledge = _knowledge(embedder=True)
    run_lines(source, to, lambda line: eval_consult(line, knowledge))


@app.command(epilog="Example: mingying eval guard --in sentences.jsonl --out verdicts.jsonl")
def guard(source: InOption, to: OutOption) -> None:
    """Judge sentences about reports."""
    from interpret.evaluation import eval_guard

    knowledge = _knowledge(embedder=False)
    run_lines(source, to, lambda line: eval_guard(line, knowledge))


@app.command(epilog="Example: mingying eval ocr --images scans/ --out readings.jsonl")
def ocr(
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of pictures and PDFs.")],
    to: OutOption,
) -> None:
    """Read pictures of paper reports."""
    from ocr.evaluation import eval_ocr

    write_rows(to, eval_ocr(images))


def _knowledge(*, embedder: bool) -> KnowledgeBase:
    return KnowledgeBase.load(embedder=build_embedder(Settings()) if embedder else None)


def run_lines(source: Path, to: Path, one: Callable[[Line], dict[str, Any]]) -> None:
    """Judge each line of a file; the first that cannot be read ends it, named by its number."""
    lines = [line for line in source.read_bytes().removeprefix(_BYTE_ORDER_MARK).splitlines() if line.strip()]

    def judged() -> Iterator[dict[str, Any]]:
        for number, line in enumerate(_shown(lines), 1):
            try:
                yield one(_parse(line, number))
            except InvalidLine as error:
                fail(f"line {number}: {error}")

    write_rows(to, judged())


def _shown(lines: list[bytes]) -> Iterable[bytes]:
    return track(lines, console=err, transient=True, disable=not err.is_terminal)


def _parse(line: bytes, number: int) -> Line:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        fail(f"line {number} is not JSON")
    if not isinstance(value, dict) or "id" not in value:
        fail(f"line {number} is not an object with an id")
    return value


def write_rows(to: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    try:
        file = to.open("wb")
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}")
    with file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY))
