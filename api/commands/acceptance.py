"""`mingying acceptance`: run the tests that speak for requirements and make the book."""

import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import JsonOption, err, fail, out, print_json

_IN_PARALLEL = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("acceptance", epilog="Example: mingying acceptance --out artifacts/acceptance")(acceptance)


def acceptance(
    to: Annotated[Path, typer.Option("--out", help="Folder of the book.")] = Path("artifacts/acceptance"),
    as_json: JsonOption = False,
) -> None:
    """Make the acceptance book: requirement by requirement, proved, failed or document needed, with screenshots."""
    from api.acceptance.book import write_html, write_pdf
    from api.acceptance.results import Verdict, judge, read_outcomes, read_requirements
    from api.wiring import FONT

    root = Path(__file__).resolve().parents[2]
    if not (root / "tests").exists():
        fail("the tests are not here: run this in a checkout of the project, after `make test`")
    to.mkdir(parents=True, exist_ok=True)
    outcomes = to / "outcomes.jsonl"
    outcomes.unlink(missing_ok=True)
    err.print("running the tests that speak for requirements …")
    command = [sys.executable, "-m", "pytest", "-q", *_IN_PARALLEL, "--acceptance", str(outcomes.absolute()), "tests"]
    done = subprocess.run(command, cwd=root, check=False, stdout=sys.stderr)  # noqa: S603  # our own tests
    if done.returncode not in {0, 1}:
        fail("the tests did not run: see above")
    rows = judge(read_requirements(), read_outcomes(outcomes))
    write_html(rows, to / "acceptance.html", made_at=datetime.now(UTC), version=version("mingying"))
    printed = write_pdf(to / "acceptance.html", to / "acceptance.pdf", font=FONT)
    summary = {str(verdict): sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    if as_json:
        print_json({"summary": summary, "rows": {row.requirement.requirement_id: str(row.verdict) for row in rows}})
    else:
        out.print("，".join(f"{name} {count}" for name, count in summary.items()), markup=False)
        out.print(f"{to / 'acceptance.html'}" + ("" if printed else " (no Chromium here, so no PDF)"), markup=False)
    if any(row.verdict is Verdict.FAILED for row in rows):
        raise typer.Exit(1)
