"""A File-set (PS3.10 8) of received files: where each one lies, and the DICOMDIR that lists them (PS3.3 F)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from itertools import pairwise
from typing import BinaryIO, Final

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import DIRECTORY_RECORDERS
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
# PS3.3 F.4-1; with a dot at its end a beginning, the longest counts. What has pixels and is not here is an IMAGE.
_KINDS: Final = {
    "9.": "WAVEFORM",
    "11.": "PRESENTATION",
    "66": "RAW DATA",
    "66.1": "REGISTRATION",
    "66.2": "FIDUCIAL",
    "66.3": "REGISTRATION",
    "67": "VALUE MAP",
    "88.": "SR DOCUMENT",
    "88.59": "KEY OBJECT DOC",
    "104.": "ENCAP DOC",
    "481.2": "RT DOSE",
    "481.3": "RT STRUCTURE SET",
    "481.4": "RT TREAT RECORD",
    "481.5": "RT PLAN",
    "481.6": "RT TREAT RECORD",
    "481.7": "RT TREAT RECORD",
}
_READ: Final = (
    "SpecificCharacterSet",
    "ContentDate",
    "ContentTime",
    "ContentLabel",
    "ContentDescription",
    "ContentCreatorName",
    "PresentationCreationDate",
    "PresentationCreationTime",
    "ReferencedSeriesSequence",
    "CompletionFlag",
    "VerificationFlag",
    "VerificationDateTime",
    "ConceptNameCodeSequence",
    "DocumentTitle",
    "HL7InstanceIdentifier",
    "MIMETypeOfEncapsulatedDocument",
    "RTPlanLabel",
    "RTPlanDate",
    "RTPlanTime",
    "StructureSetLabel",
    "StructureSetDate",
    "StructureSetTime",
    "DoseSummationType",
    "TreatmentDate",
    "TreatmentTime",
)
"""What records of other kinds than IMAGE hold beyond numbers and UIDs (PS3.3 F.5)."""
_NO_DATE: Final = "19000101"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryStudy:
    """What the DICOMDIR says of patient and study, in repaired text."""

    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    study_instance_uid: str
    study_id: str
    study_date: date | None
    study_time: str
    study_description: str
    accession_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFile:
    """What the DICOMDIR says of one file. `content` opens it; images are not opened at all."""

    series_instance_uid: str
    series_number: int | None
    modality: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    is_image: bool
    content: Callable[[], BinaryIO]


class FileSetDirectory:
    """Gives every file of one study its place, then writes the DICOMDIR.

    pydicom's `FileSet` lays out real files and compares each with all before it: 40 s for 1,200 slices.
    """

    def __init__(self, study: DirectoryStudy) -> None:
        self._study = study
        self._series: dict[str, list[Dataset]] = {}
        """By UID: the record of the series, then those of its files."""
        self._unlisted = 0

    def add(self, file: DirectoryFile) -> str:
        """Return the path of a file, e.g. `DICOM/SE000001/IM000001`.

        A file of which no record can be made (PS3.3 F.5 asks for things it does not hold) gets a place beside the set.
        """
        try:
            record = self._file_record(file)
        except Exception:  # noqa: BLE001  # whatever pydicom stumbles over: the file is given all the same
            self._unlisted += 1
            return f"OTHER/{self._unlisted:06d}.DCM"
        records = self._series.get(file.series_instance_uid)
        if records is None:
            records = [_record("SERIES", self._stand_in(file))]
            self._series[file.series_instance_uid] = records
        number = list(self._series).index(file.series_instance_uid) + 1
        record.ReferencedFileID = ["DICOM", f"SE{number:06d}", f"IM{len(records):06d}"]
        records.append(record)
        return "/".join(record.ReferencedFileID)

    def dicomdir(self) -> bytes:
        """Return the DICOMDIR of the files added so far; empty when there is none to list."""
        if not self._series:
            return b""
        stand_in = self._stand_in(None)
        patient, study = _record("PATIENT", stand_in), _record("STUDY", stand_in)
        records = [patient, study, *(record for series in self._series.values() for record in series)]
        directory = _directory(records)
        # offsets have a fixed length, so a first writing tells where every record will be
        draft = dcmread(BytesIO(_encoded(directory))).DirectoryRecordSequence
        places = {id(record): item.seq_item_tell for record, item in zip(records, draft, strict=True)}
        _link([patient], places)
        _link([study], places, under=patient)
        _link([series[0] for series in self._series.values()], places, under=study)
        for series, *files in self._series.values():
            _link(files, places, under=series)
        directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = places[id(patient)]
        directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = places[id(patient)]
        return _encoded(directory)

    def _file_record(self, file: DirectoryFile) -> Dataset:
        record = _record(_kind(file), self._stand_in(file))
        record.ReferencedSOPClassUIDInFile = file.sop_class_uid
        record.ReferencedSOPInstanceUIDInFile = file.sop_instance_uid
        record.ReferencedTransferSyntaxUIDInFile = file.transfer_syntax_uid
        return record

    def _stand_in(self, file: DirectoryFile | None) -> Dataset:
        """Return what pydicom makes records from; of type 1 values that files often lack, something stands there."""
        study = self._study
        dataset = Dataset() if file is None or _kind(file) == "IMAGE" else _read(file)
        dataset.PatientID = study.patient_id or "0"
        dataset.PatientName = study.patient_name
        dataset.StudyInstanceUID = study.study_instance_uid
        dataset.StudyID = study.study_id or "1"
        dataset.StudyDate = study.study_date.strftime("%Y%m%d") if study.study_date else _NO_DATE
        dataset.StudyTime = study.study_time or "000000"
        dataset.StudyDescription = study.study_description
        dataset.AccessionNumber = study.accession_number
        if file is not None:
            dataset.Modality = file.modality or "OT"
            dataset.SeriesInstanceUID = file.series_instance_uid
            dataset.SeriesNumber = file.series_number or 0
            dataset.InstanceNumber = file.instance_number or 0
        return dataset


def _kind(file: DirectoryFile) -> str:
    rest = file.sop_class_uid.removeprefix(_ROOT)
    named = [start for start in _KINDS if rest == start or (start.endswith(".") and rest.startswith(start))]
    if named:
        return _KINDS[max(named, key=len)]
    if not file.is_image:
        raise ValueError("no directory record is defined for this kind of instance")
    return "IMAGE"


def _read(file: DirectoryFile) -> Dataset:
    found = dcmread(file.content(), force=True, specific_tags=list(_READ), stop_before_pixels=True)
    found.decode()  # records are written in one character set, whatever that of the file
    dataset = Dataset()
    for element in found:
        if element.VM:
            dataset.add(element)
    return dataset


def _record(kind: str, dataset: Dataset) -> Dataset:
    record = DIRECTORY_RECORDERS[kind](dataset)
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    record.SpecificCharacterSet = "ISO_IR 192"
    return record


def _link(siblings: list[Dataset], places: dict[int, int], under: Dataset | None = None) -> None:
    if under is not None:
        under.OffsetOfReferencedLowerLevelDirectoryEntity = places[id(siblings[0])]
    for record, following in pairwise(siblings):
        record.OffsetOfTheNextDirectoryRecord = places[id(following)]


def _directory(records: list[Dataset]) -> Dataset:
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian  # PS3.10 8.6
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    directory.FileSetID = "MINGYING"
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = records
    return directory


def _encoded(directory: Dataset) -> bytes:
    out = BytesIO()
    dcmwrite(out, directory, enforce_file_format=True)
    return out.getvalue()
