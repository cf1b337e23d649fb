"""What all commands share: the data folder, settings with readable errors, output for people and programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console

from api.settings import Settings

if TYPE_CHECKING:  # what starts processes does not wait for it
    from api.wiring import Services

# no emoji: a file named ":a:" stays what it is
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Data folder, made when absent. Also MINGYING_DATA.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def fail(sentence: str) -> NoReturn:
    """Say why a command failed and end with status 1."""
    err.print(sentence, style="red", markup=False)
    raise typer.Exit(1)


def wrong_use(sentence: str) -> NoReturn:
    """Say what was wrong in the call and end with status 2."""
    err.print(sentence, style="red", markup=False)
    raise typer.Exit(2)


def load_settings(data: Path | None, **overrides: object) -> Settings:
    """Return the settings; a wrong one is named in a sentence and ends the command with status 2."""
    try:
        settings = Settings.load(data, **overrides)
    except (ValidationError, ValueError) as error:
        wrong_use(f"wrong setting: {_first(error)}")
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"the data folder {settings.data} cannot be made: {error.strerror}")
    return settings


@contextmanager
def running_services(data: Path | None, **overrides: object) -> Iterator["Services"]:
    """Yield services over a migrated database, closed afterwards."""
    from api.db.migrate import migrate
    from api.http_logging import configure_logging
    from api.wiring import build_services

    configure_logging("WARNING")
    settings = load_settings(data, **overrides)
    migrate(settings.database)
    services = build_services(settings)
    try:
        yield services
    finally:
        services.close()


def print_json(value: object) -> None:
    """Print one JSON document, untouched by what a console does to text."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        item = error.errors()[0]
        name = "MINGYING_" + "__".join(str(part) for part in item["loc"]).upper() if item["loc"] else ""
        return f"{name} {item['msg']}".strip()
    return str(error)
