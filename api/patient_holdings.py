"""What is a patient's in all packages, for decisions about patients."""

from typing import Final

from api.db.tables import ConversationRow, PaperRow
from imaging_core.patients.holdings import ARCHIVE, Holding

HOLDINGS: Final = (*ARCHIVE, Holding(ConversationRow, ("report_key",)), Holding(PaperRow))
"""Consent stays with the record that gave it: whoever merges two records does not consent for the patient."""
