"""What can be asked for and what is answered, at each level (PS3.4 C.6.1.1, C.6.2.1; PS3.18 10.6.1.2 and 10.6.3)."""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Any, Final

from sqlalchemy.orm import InstrumentedAttribute

from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow


class Level(IntEnum):
    """Query/Retrieve level; a higher number is further down."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3


class Matching(Enum):
    """How a key is compared (PS3.4 C.2.2.2)."""

    UID = auto()
    """One or a list."""
    TEXT = auto()
    """As it is written, or with wildcards."""
    CODES = auto()
    """One or a list of code strings."""
    NAME = auto()
    DAY = auto()
    """A date kept as a number."""
    DATE = auto()
    TIME = auto()
    NUMBER = auto()
    MODALITIES = auto()
    NONE = auto()
    """Only answered."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `always` ones are answered unasked."""

    keyword: str
    tag: str
    vr: str
    level: Level
    matching: Matching
    column: InstrumentedAttribute[Any] | None
    always: bool = True


_P, _S, _E, _I = Level
_TABLE: Final = (
    Attribute("SpecificCharacterSet", "00080005", "CS", _P, Matching.NONE, None),
    Attribute("PatientName", "00100010", "PN", _P, Matching.NAME, StudyRow.patient_name),
    Attribute("PatientID", "00100020", "LO", _P, Matching.TEXT, StudyRow.patient_id),
    Attribute("PatientBirthDate", "00100030", "DA", _P, Matching.DATE, StudyRow.patient_birth_date),
    Attribute("PatientSex", "00100040", "CS", _P, Matching.CODES, StudyRow.patient_sex),
    Attribute("StudyDate", "00080020", "DA", _S, Matching.DAY, StudyRow.study_day),
    Attribute("StudyTime", "00080030", "TM", _S, Matching.TIME, StudyRow.study_time),
    Attribute("AccessionNumber", "00080050", "SH", _S, Matching.TEXT, StudyRow.accession_number),
    Attribute("InstanceAvailability", "00080056", "CS", _S, Matching.NONE, None),
    Attribute("ModalitiesInStudy", "00080061", "CS", _S, Matching.MODALITIES, StudyRow.modalities),
    Attribute("ReferringPhysicianName", "00080090", "PN", _S, Matching.NAME, StudyRow.referring_physician_name),
    Attribute("StudyDescription", "00081030", "LO", _S, Matching.TEXT, StudyRow.study_description),
    Attribute("RetrieveURL", "00081190", "UR", _S, Matching.NONE, None),
    Attribute("StudyInstanceUID", "0020000D", "UI", _S, Matching.UID, StudyRow.study_instance_uid),
    Attribute("StudyID", "00200010", "SH", _S, Matching.TEXT, StudyRow.study_id),
    Attribute("NumberOfStudyRelatedSeries", "00201206", "IS", _S, Matching.NUMBER, StudyRow.series_count),
    Attribute("NumberOfStudyRelatedInstances", "00201208", "IS", _S, Matching.NUMBER, StudyRow.instance_count),
    Attribute("Modality", "00080060", "CS", _E, Matching.CODES, SeriesRow.modality),
    Attribute("SeriesDescription", "0008103E", "LO", _E, Matching.TEXT, SeriesRow.series_description),
    Attribute("BodyPartExamined", "00180015", "CS", _E, Matching.CODES, SeriesRow.body_part_examined),
    Attribute("SeriesInstanceUID", "0020000E", "UI", _E, Matching.UID, SeriesRow.series_instance_uid),
    Attribute("SeriesNumber", "00200011", "IS", _E, Matching.NUMBER, SeriesRow.series_number),
    Attribute("NumberOfSeriesRelatedInstances", "00201209", "IS", _E, Matching.NUMBER, SeriesRow.instance_count),
    Attribute(
        "PerformedProcedureStepStartDate",
        "00400244",
        "DA",
        _E,
        Matching.DATE,
        SeriesRow.performed_procedure_step_start_date,
    ),
    Attribute(
        "PerformedProcedureStepStartTime",
        "00400245",
        "TM",
        _E,
        Matching.TIME,
        SeriesRow.performed_procedure_step_start_time,
    ),
    Attribute("SeriesDate", "00080021", "DA", _E, Matching.DATE, SeriesRow.series_date, always=False),
    Attribute("SeriesTime", "00080031", "TM", _E, Matching.TIME, SeriesRow.series_time, always=False),
    Attribute("Manufacturer", "00080070", "LO", _E, Matching.TEXT, SeriesRow.manufacturer, always=False),
    Attribute("StationName", "00081010", "SH", _E, Matching.TEXT, SeriesRow.station_name, always=False),
    Attribute("ProtocolName", "00181030", "LO", _E, Matching.TEXT, SeriesRow.protocol_name, always=False),
    Attribute("Laterality", "00200060", "CS", _E, Matching.CODES, SeriesRow.laterality, always=False),
    Attribute("SOPClassUID", "00080016", "UI", _I, Matching.UID, InstanceRow.sop_class_uid),
    Attribute("SOPInstanceUID", "00080018", "UI", _I, Matching.UID, InstanceRow.sop_instance_uid),
    Attribute("InstanceNumber", "00200013", "IS", _I, Matching.NUMBER, InstanceRow.instance_number),
    Attribute("NumberOfFrames", "00280008", "IS", _I, Matching.NUMBER, InstanceRow.number_of_frames),
    Attribute("Rows", "00280010", "US", _I, Matching.NUMBER, InstanceRow.rows),
    Attribute("Columns", "00280011", "US", _I, Matching.NUMBER, InstanceRow.columns),
    Attribute("BitsAllocated", "00280100", "US", _I, Matching.NUMBER, InstanceRow.bits_allocated),
    Attribute(
        "AvailableTransferSyntaxUID", "00083002", "UI", _I, Matching.UID, InstanceRow.transfer_syntax_uid, always=False
    ),
)
ATTRIBUTES: Final = {item.keyword: item for item in _TABLE}


def answered(level: Level, above: Level | None, asked: frozenset[str], *, everything: bool) -> list[Attribute]:
    """Return what a match holds, in order of tags.

    Attributes of levels down to `above`, which the caller named, are left out unless asked for; unique keys never are.
    `everything` is includefield=all.
    """
    named = -1 if above is None else above
    return sorted(
        (
            item
            for item in _TABLE
            if item.level <= level
            and (
                item.keyword in asked
                or item.keyword in _EVERYWHERE
                or (item.level > named and (item.always or everything))
            )
        ),
        key=lambda item: item.tag,
    )


_EVERYWHERE: Final = frozenset(
    {"SpecificCharacterSet", "InstanceAvailability", "RetrieveURL", "StudyInstanceUID", "SeriesInstanceUID"}
)
