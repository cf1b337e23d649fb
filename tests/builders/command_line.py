"""Commands run in the tests' own process, with the logging put back that they change for theirs."""

import logging
from collections.abc import Mapping, Sequence

import structlog
from typer.testing import CliRunner, Result

from api.cli import command_line


def invoke(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None, catch_exceptions: bool = True
) -> Result:
    """Run `mingying` with these arguments."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        return CliRunner().invoke(
            command_line(), list(arguments), env=dict(environment or {}), catch_exceptions=catch_exceptions
        )
    finally:
        # at once: a logger that is first used under the command's settings would keep them
        logging.captureWarnings(capture=False)
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
