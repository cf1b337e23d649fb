"""`mingying`: the command line, a public interface. Exit status 0 done, 1 failed with reasons, 2 wrong use."""

import sys

import typer

from api.commands import (
    acceptance,
    audit,
    bench,
    check,
    demo,
    evaluate,
    evaluate_orders,
    keys,
    knowledge,
    load,
    processes,
    report,
    users,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

processes.register(app)
load.register(app)
check.register(app)
acceptance.register(app)
bench.register(app)
report.register(app)
evaluate_orders.register(evaluate.app)
app.add_typer(demo.app, name="demo", help="The demo hospital.")
app.add_typer(users.app, name="user", help="Accounts of staff.")
app.add_typer(keys.app, name="key", help="Keys of machines that call, and of the installation.")
app.add_typer(audit.app, name="audit", help="The audit trail.")
app.add_typer(evaluate.app, name="eval", help="Run the AI parts over a file; JSON lines in and out, no network.")
app.add_typer(knowledge.app, name="kb", help="The knowledge base as files.")


def main() -> None:
    """Run the command line; what an administrator can mend is said in a sentence."""
    from sqlalchemy.exc import OperationalError

    from api.models_wiring import ExternalModelRefused
    from api.secrets import KeysUnreadable

    try:
        app()
    except (KeysUnreadable, ExternalModelRefused) as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(f"the database cannot be used: {error.orig}")


if __name__ == "__main__":
    main()
