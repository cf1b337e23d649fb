"""Fill the measured table of `docs/measurements.md`: `python -m bench.record [WORKLOAD…]`.

Runs the named workloads (all without a name) and writes the table from what was measured last of each, so that one
workload can be repeated alone. Run it on a quiet machine: the load at the end of each workload stands in the table.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bench.errors import BenchError
from bench.goal import Goal, shown
from bench.installation import CACHE, ROOT
from bench.workloads import WORKLOADS, machine

DOCUMENT = ROOT / "docs" / "measurements.md"
BEGIN, END = "<!-- measured: written by `python -m bench.record` -->", "<!-- end of measured -->"
_PEERS = {"archive": "orthanc"}
_HEAD = "| figure | goal | ours | peer | ratio |\n|---|---|---|---|---|"
Result = dict[str, Any]


def main() -> int:
    """Measure and write; status 1 when a workload could not be run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(sorted(WORKLOADS)))
    wanted = parser.parse_args().workloads or sorted(WORKLOADS)
    if unknown := sorted(set(wanted) - set(WORKLOADS)):
        parser.error(f"no workload {unknown[0]}; there are: {', '.join(sorted(WORKLOADS))}")
    folder = CACHE / "results"
    folder.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in wanted:
        sys.stderr.write(f"{name} …\n")
        try:
            goals = WORKLOADS[name](_PEERS.get(name))
        except BenchError as error:
            sys.stderr.write(f"{name} was not run: {error}\n")
            failed = True
            continue
        (folder / f"{name}.json").write_text(json.dumps(result_of(goals), ensure_ascii=False), encoding="utf-8")
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), results), encoding="utf-8")
    return int(failed)


def result_of(goals: Mapping[str, Goal]) -> Result:
    """Return what the table needs of one workload, with the machine and the time."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {**machine(), "at": now, "goals": {name: asdict(goal) for name, goal in goals.items()}}


def filled(document: str, results: Mapping[str, Result]) -> str:
    """Return the document with the part between the marks made anew.

    Raises:
        BenchError: The marks are not there.
    """
    before, mark, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise BenchError(f"{DOCUMENT.name} has no part for measured figures")
    parts = "\n\n".join(_section(name, result) for name, result in results.items())
    return f"{before}{BEGIN}\n\n{parts}\n\n{END}{after}"


def _section(name: str, result: Result) -> str:
    on, versions = result["machine"], result["versions"]
    command = f"`mingying bench {name}{f' --peer {_PEERS[name]}' if name in _PEERS else ''}`"
    what = ", ".join(f"{key} {value}" for key, value in versions.items())
    where = f"{on['processor']}, {on['cores']} cores, {on['memory_gb']} GB, {on['system']}, load {on['load_1_min']}"
    rows = [_row(figure, Goal(**goal)) for figure, goal in result["goals"].items()]
    return f"### {command}\n\n{result['at']}; {where}; {what}.\n\n{_HEAD}\n" + "\n".join(rows)


def _row(figure: str, goal: Goal) -> str:
    sign = "≥" if goal.higher_is_better else "≤"
    ratio_goal = "" if goal.ratio_goal is None else f" ({sign} {shown(goal.ratio_goal)})"
    cells: Sequence[str] = (
        f"{figure.removesuffix('_ms').removesuffix('_s').replace('_', ' ')}{f' ({goal.note})' if goal.note else ''}",
        "–" if goal.goal is None else f"{sign} {shown(goal.goal)} {goal.unit}".strip(),
        f"{shown(goal.ours)} {goal.unit}".strip() + ("" if goal.met else ", **missed**"),
        "–" if goal.peer is None else f"{goal.peer_name}: {shown(goal.peer)}",
        "–" if goal.ratio is None else f"{goal.ratio:.2f}" + ratio_goal,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
