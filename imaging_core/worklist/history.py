"""One history of what was decided, whether an item asked for it or not."""

from typing import Final

from sqlalchemy.orm import Session

from imaging_core.patients.decision_tables import PatientDecisionRow
from imaging_core.patients.decisions import DecisionKind
from imaging_core.worklist.items import Remedy
from imaging_core.worklist.tables import WorklistDecisionRow

PATIENTS: Final = "patients"
"""Kind of a decision that was made about patients by themselves, not about an item."""
_OF_KINDS: Final = {
    DecisionKind.ASSIGN: Remedy.ASSIGN,
    DecisionKind.MOVE: Remedy.MOVE,
    DecisionKind.SPLIT: Remedy.SPLIT,
    DecisionKind.MERGE: Remedy.MERGE,
}


def note_patient_decision(session: Session, made: PatientDecisionRow) -> WorklistDecisionRow:
    """Write down a decision about patients that no item asked for, so that it stands in the same history."""
    row = WorklistDecisionRow(
        institution_code=made.institution_code,
        kind=PATIENTS,
        subject=str(made.id),
        state="",
        remedy=_OF_KINDS[DecisionKind(made.kind)],
        reason=made.reason,
        actor=made.actor,
        at=made.at,
        patient_decision=made.id,
        before={},
    )
    session.add(row)
    session.flush()
    return row
