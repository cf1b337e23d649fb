"""The knowledge base as files."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import JsonOption, err, out, print_json

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _knowledge() -> None:
    """Look after the knowledge base."""


@app.command(epilog="Example: mingying kb lint")
def lint(
    folder: Annotated[Path | None, typer.Argument(help="Content folder; the shipped one by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check all entries: sources, wording, doses, duplicate words."""
    from knowledge_base.ingest import lint_content

    problems = [str(problem) for problem in lint_content(folder)]
    if as_json:
        print_json(problems)
    else:
        for problem in problems:
            err.print(problem, markup=False)
        out.print(f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)
