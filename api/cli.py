"""`mingying`: the command line, a public interface. Exit status 0 done, 1 failed with reasons, 2 wrong use."""

import sys

import typer

from api.commands import processes

_PROCESSES = ("up", "migrate", "serve", "scp", "worker")


def command_line(asked: str | None = None) -> typer.Typer:
    """Return the commands, or only those that start processes when one of them is `asked` for.

    A hospital waits for those: they do not load what the others need.
    """
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    processes.register(app)
    if asked not in _PROCESSES:
        _register_others(app)
    return app


def _register_others(app: typer.Typer) -> None:
    from api.commands import (
        acceptance,
        audit,
        backup,
        bench,
        check,
        demo,
        dicom,
        evaluate_orders,
        keys,
        knowledge,
        load,
        report,
        users,
    )

    load.register(app)
    check.register(app)
    acceptance.register(app)
    bench.register(app)
    report.register(app)
    app.add_typer(dicom.app, name="dicom", help="Other DICOM machines: are they there, what have they, send to them.")
    app.add_typer(demo.app, name="demo", help="The demo hospital.")
    app.add_typer(users.app, name="user", help="Accounts of staff.")
    app.add_typer(keys.app, name="key", help="Keys of machines that call, and of the installation.")
    app.add_typer(audit.app, name="audit", help="The audit trail.")
    app.add_typer(backup.app, name="backup", help="Backups: made, proved, brought back.")
    app.add_typer(evaluate_orders.app, name="eval", help="The AI parts over a file; JSON lines in and out, no network.")
    app.add_typer(knowledge.app, name="kb", help="The knowledge base as files.")


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
