"""`mingying bench`: workloads that anyone can run on their own machine, ours and a peer in turn."""

from typing import Annotated

import typer

from api.commands.common import JsonOption, err, fail, out, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench", epilog="Example: mingying bench retrieval --json")(bench)


def bench(
    workload: Annotated[str, typer.Argument(help="Which workload; without a known name the names are listed.")],
    peer: Annotated[
        str | None, typer.Option(help="A peer to start and measure in the same run, where there is one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run one workload and print its figures beside their goals; status 1 when a goal is missed."""
    try:
        from bench.errors import BenchError, PeerUnknown
        from bench.workloads import WORKLOADS, machine
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "bench":
            raise
        fail("the workloads are not here: run this in a checkout of the project")
    if workload not in WORKLOADS:
        err.print(f"no workload {workload}; there are: {', '.join(sorted(WORKLOADS))}", markup=False)
        raise typer.Exit(2)
    try:
        goals = WORKLOADS[workload](peer)
    except PeerUnknown as unknown:
        err.print(str(unknown), markup=False)
        raise typer.Exit(2) from None
    except BenchError as error:
        fail(str(error))
    met = all(goal.met for goal in goals.values())
    if as_json:
        print_json({**machine(), "goals": {name: goal.as_json() for name, goal in goals.items()}, "met": met})
    else:
        for name, goal in goals.items():
            out.print(f"{'ok  ' if goal.met else 'MISS'} {name}: {goal.sentence()}", markup=False)
    if not met:
        raise typer.Exit(1)
