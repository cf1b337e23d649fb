"""What retention refuses.

RetentionError
├── PlanNotFound       no such plan at this institution
├── PlanClosed         the plan is not in the state for this
├── SamePerson         one person may not do both: make and approve a plan, place and release a hold
├── PlanChanged        the lines of a plan are not those that were approved
├── NothingPastTerm    there is nothing to plan
├── HoldNotFound       no such hold, or it is released
└── NothingToHold      a hold names no study and no patient of the institution
"""


class RetentionError(Exception):
    """Anything retention refuses."""


class PlanNotFound(RetentionError):
    """No such plan at this institution."""


class PlanClosed(RetentionError):
    """The plan is in another state: it was decided already, or not yet."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the plan is {state}")
        self.state = state


class SamePerson(RetentionError):
    """One person may not do both."""


class PlanChanged(RetentionError):
    """The lines of a plan are not those that were approved."""


class NothingPastTerm(RetentionError):
    """The term of no study is over."""


class HoldNotFound(RetentionError):
    """No such hold, or it is released."""


class NothingToHold(RetentionError):
    """A hold names no study and no patient of the institution."""
