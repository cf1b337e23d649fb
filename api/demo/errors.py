"""What can be wrong with the demo hospital.

DemoError
├── DemoContentError   hospital.yaml cannot be read, or does not hold together
├── DemoBuildFailed    the files of a study could not be made
└── DemoLoadFailed     the running installation refused a part, or does not answer
"""

from collections.abc import Sequence


class DemoError(Exception):
    """Something about the demo hospital."""


class DemoContentError(DemoError):
    """The description of the hospital is wrong. `problems` says where, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class DemoBuildFailed(DemoError):
    """The files of a study could not be made."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"demo study {key} could not be made: {reason}")
        self.key = key
        self.reason = reason


class DemoLoadFailed(DemoError):
    """The running installation refused a part of the demo, or does not answer. The sentence says which and why."""
