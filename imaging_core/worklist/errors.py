"""What can go wrong with the work list.

WorklistError
├── ItemGone           it does not wait any more, or is another one by now
├── RemedyUnsuitable   this cannot be done about it, or what was chosen does not fit
└── CannotUndo         something came since that would be lost
"""

from imaging_core.errors import ImagingError


class WorklistError(ImagingError):
    """Anything the work list refuses."""


class ItemGone(WorklistError):
    """The item does not wait any more, or changed since it was shown."""

    def __init__(self) -> None:
        super().__init__("the item does not wait any more")


class RemedyUnsuitable(WorklistError):
    """The remedy is none of this item, or lacks what it needs."""

    def __init__(self, field: str) -> None:
        super().__init__(f"the remedy does not fit: {field}")
        self.field = field


class CannotUndo(WorklistError):
    """Something came since the decision that undoing it would lose."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(f"decision {decision_id} cannot be undone any more")
        self.decision_id = decision_id
