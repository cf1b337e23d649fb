"""C-FIND matches: an identifier read as a query of the index, and each match written as an identifier."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy.orm import Session, sessionmaker

from imaging_core.dicom.writing import dataset
from imaging_core.errors import SearchKeyInvalid
from imaging_core.index.search.attributes import ATTRIBUTES, Attribute, Level, Matching
from imaging_core.index.search.finding import statement
from imaging_core.index.search.keys import Query, read_keys
from imaging_core.network.matching import BadIdentifier

PENDING: Final = 0xFF00
PENDING_UNSUPPORTED_KEYS: Final = 0xFF01

_LEVELS: Final = {"PATIENT": Level.PATIENT, "STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
_UNIQUE: Final = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}
_OURS: Final = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet", "RetrieveAETitle", "InstanceAvailability"})
"""Answered by us, whatever was asked."""
_AT_ONCE: Final = 500


class Finder:
    """Finds what matches an identifier. Threads may share it.

    Args:
        reads: Opens sessions that read.
        ae_title: Where matches can be retrieved from: ours.
    """

    def __init__(self, reads: sessionmaker[Session], ae_title: str) -> None:
        self._reads = reads
        self._ae_title = ae_title

    def find(
        self,
        identifier: Any,  # noqa: ANN401  # a pydicom data set
        *,
        institution_code: str,
        patient_root: bool,
    ) -> Iterator[tuple[int, Any]]:
        """Yield status and identifier of each match, from the newest study on; matches are read as they are taken.

        Keys are relational: those of higher levels may be left out. Optional keys that are not known here are neither
        matched nor answered, which the status of each match says (PS3.4 table C.4-1).

        Raises:
            BadIdentifier: Before the first match: no level, or a value that its key cannot have.
        """
        level_name = str(identifier.get("QueryRetrieveLevel") or "").strip()
        level = _LEVELS.get(level_name)
        if level is None or (level is Level.PATIENT and not patient_root):
            raise BadIdentifier("Query/Retrieve Level is missing or not of this model")
        asked = {element.keyword: _text(element) for element in identifier if element.keyword not in _OURS}
        known = {keyword: value for keyword, value in asked.items() if _known(keyword, level)}
        try:
            # PS3.4 C.2.2.2.5.4: dates and times are one span only where that was negotiated
            query = Query(level=level, keys=read_keys(level, known), combined_times=False)
        except SearchKeyInvalid as error:
            raise BadIdentifier(f"{error.key}: {error.reason}") from error
        unique = {keyword for at, keyword in _UNIQUE.items() if at <= level and (patient_root or at > Level.PATIENT)}
        answered = [ATTRIBUTES[keyword] for keyword in sorted(known.keys() | unique)]
        status = PENDING if len(known) == len(asked) else PENDING_UNSUPPORTED_KEYS
        return self._matches(institution_code, query, answered, level_name, status)

    def _matches(
        self, institution_code: str, query: Query, answered: Sequence[Attribute], level_name: str, status: int
    ) -> Iterator[tuple[int, Any]]:
        ours = {
            "SpecificCharacterSet": "ISO_IR 192",
            "QueryRetrieveLevel": level_name,
            "RetrieveAETitle": self._ae_title,
            "InstanceAvailability": "ONLINE",
        }
        uids = max(query.level, 1)
        with self._reads() as session:
            found = statement(session, institution_code, query, answered)
            for row in session.execute(found.execution_options(yield_per=_AT_ONCE)):
                values = zip(answered, row[uids:], strict=True)
                yield status, dataset({item.keyword: _value(item, value) for item, value in values} | ours)


def _known(keyword: str, level: Level) -> bool:
    attribute = ATTRIBUTES.get(keyword)
    return attribute is not None and attribute.column is not None and attribute.level <= level


def _text(element: Any) -> str:  # noqa: ANN401
    """Return the value of a key as it stands; several are divided by a backslash."""
    value = element.value
    if value is None or element.VR == "SQ":
        return ""
    several = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
    return "\\".join(str(item).strip("\0 ") for item in several)


def _value(item: Attribute, value: Any) -> Any:  # noqa: ANN401
    """Return a value of the index as pydicom takes it."""
    if item.matching is Matching.DAY:
        return f"{value:08d}" if value else ""
    if isinstance(value, date):
        return f"{value:%Y%m%d}"
    if item.matching is Matching.MODALITIES:
        return list(value)
    if item.matching is Matching.NUMBER and item.level is Level.INSTANCE and item.keyword != "InstanceNumber":
        return value or None  # what has no pixels has neither frames nor rows
    return value if value is not None else ""
