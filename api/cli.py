"""`mingying`: the command line, a public interface. Exit status 0 done, 1 failed with reasons, 2 wrong use."""

import sys
from importlib import import_module

import typer

from api.commands import processes

_PROCESSES = ("up", "migrate", "serve", "scp", "worker")
_COMMANDS = {
    "import": "load",
    "check": "check",
    "acceptance": "acceptance",
    "bench": "bench",
    "print-report": "report",
    "reindex": "reindex",
    "normalise": "normalise",
    "scrub": "scrub",
}
_GROUPS = {
    "dicom": ("dicom", "Other DICOM machines: are they there, what have they, send to them."),
    "demo": ("demo", "The demo hospital."),
    "user": ("users", "Accounts of staff."),
    "key": ("keys", "Keys of machines that call, and of the installation."),
    "audit": ("audit", "The audit trail."),
    "storage": ("storage", "The places of stored bytes: replica, room."),
    "retention": ("retention", "How long images are kept: holds, disposal plans, the room of what is disposed of."),
    "backup": ("backup", "Backups: made, proved, brought back."),
    "eval": ("evaluate_orders", "The AI parts over a file; JSON lines in and out, no network."),
    "kb": ("knowledge", "The knowledge base as files."),
}


def command_line(asked: str | None = None) -> typer.Typer:
    """Return the commands: all, or those that start processes and the one that is `asked` for.

    Somebody waits for each: it does not load what the others need.
    """
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    processes.register(app)
    one_known = asked in {*_PROCESSES, *_COMMANDS, *_GROUPS}
    for name, module in _COMMANDS.items():
        if not one_known or name == asked:
            import_module(f"api.commands.{module}").register(app)
    for name, (module, about) in _GROUPS.items():
        if not one_known or name == asked:
            app.add_typer(import_module(f"api.commands.{module}").app, name=name, help=about)
    return app


def main() -> None:
    """Run the command line; what an administrator can mend is said in a sentence."""
    app = command_line(sys.argv[1] if len(sys.argv) > 1 else None)
    try:
        app()
    except _mendable() as error:
        reason = getattr(error, "orig", None)
        sys.exit(f"the database cannot be used: {reason}" if reason else str(error))


def _mendable() -> tuple[type[Exception], ...]:
    """Return the errors a sentence is enough for; loaded when something failed, not before."""
    from sqlalchemy.exc import OperationalError

    from api.models_wiring import ExternalModelRefused
    from api.secrets import KeysUnreadable

    return KeysUnreadable, ExternalModelRefused, OperationalError


if __name__ == "__main__":
    main()
