"""What is a patient's: tables whose rows name one by `patient_key`."""

from dataclasses import dataclass
from typing import Any, Final

from imaging_core.documents.tables import LaboratoryResultRow
from imaging_core.index.tables import StudyRow
from imaging_core.reports.tables import ReportRow
from imaging_core.sharing.tables import DownloadRow, LinkRow


@dataclass(frozen=True, slots=True)
class Holding:
    """One such table. `once` names what a patient can have only once; two records of one person may both have it."""

    table: type[Any]
    once: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How a movement of its rows is written down."""
        return str(self.table.__tablename__)

    def identity(self, row: object) -> tuple[Any, ...]:
        """Return what a patient has only once of a row; empty where there is no such rule."""
        return tuple(getattr(row, column) for column in self.once)


STUDIES: Final = Holding(StudyRow)
REPORTS: Final = Holding(ReportRow, ("source_id",))
LABORATORY: Final = Holding(LaboratoryResultRow, ("report_number", "item_code"))
ARCHIVE: Final = (STUDIES, REPORTS, LABORATORY, Holding(LinkRow), Holding(DownloadRow))
"""All of this package. Documents and reminders name studies, not patients, and so follow their study by themselves."""
