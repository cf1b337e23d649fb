"""ORU^R01: what it says about one or more reports."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.interop.hl7v2.errors import FieldProblem
from imaging_core.interop.hl7v2.fields import physician_name, time_of
from imaging_core.interop.hl7v2.message import Message, Segment
from imaging_core.interop.hl7v2.report_codes import ReportCodes, joined, split_by_headings, without_heading
from imaging_core.reports.types import IncomingReport, ReportStatus

_TEXT_TYPES = {"TX", "FT", "ST", "CE", "CWE", ""}
_YES = {"1", "Y", "YES", "TRUE", "是", "有", "阳性"}
_NO = {"0", "N", "NO", "FALSE", "否", "无", "阴性"}
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
# PS3.16 D: 110180 Study Instance UID, 113014 Study; and the plain words.
_STUDY_UID = {"110180", "113014", "STUDY INSTANCE UID", "STUDYINSTANCEUID", "检查实例UID"}
_LONGEST_TEXT = 100_000


@dataclass(slots=True)
class _Group:
    """One OBR and what follows it."""

    obr: Segment
    observations: list[Segment] = field(default_factory=list)
    study: Segment | None = None


@dataclass(frozen=True, slots=True)
class ReadReport:
    """One report of a message, not yet addressed to a patient of ours. Fields as in `IncomingReport`."""

    source_id: str
    status: ReportStatus
    study_instance_uid: StudyInstanceUid | None
    accession_number: str
    exam_id: str
    exam_code: str
    exam_item: str
    findings: str = field(repr=False)
    impression: str = field(repr=False)
    reporting_physician: str
    verifying_physician: str
    examined_at: datetime | None
    reported_at: datetime | None
    critical: bool | None

    def addressed(self, *, institution_code: InstitutionCode, patient: PatientKey, digest: str) -> IncomingReport:
        """Return the report as the archive files it; `digest` is that of the message."""
        return IncomingReport(institution_code=institution_code, patient=patient, source_digest=digest, **asdict(self))


def read_reports(message: Message, codes: ReportCodes) -> list[ReadReport]:
    """Return the reports of a message, one per source id.

    Raises:
        FieldProblem: no OBR, no status, no text where there must be one, no number to file it under, or a cut message.
    """
    _refuse_cut(message)
    groups = _groups(message)
    if not groups:
        raise FieldProblem("OBR", "缺少检查信息段", condition="100")
    reports: dict[str, ReadReport] = {}
    for group in groups:
        report = _read(group, codes)
        earlier = reports.get(report.source_id)
        reports[report.source_id] = report if earlier is None else _together(earlier, report)
    return list(reports.values())


def _refuse_cut(message: Message) -> None:
    last = message.segments[-1]
    # OBX-11 is required; a text segment that ends before it, without line end, was cut on its way.
    if not message.terminated and last.name == "OBX" and last.field_count < 11:
        raise FieldProblem("OBX-11", "消息不完整")


def _groups(message: Message) -> list[_Group]:
    groups: list[_Group] = []
    for_all: Segment | None = None
    for segment in message.segments:
        if segment.name == "OBR":
            groups.append(_Group(segment, study=for_all))
        elif segment.name == "OBX" and groups:
            groups[-1].observations.append(segment)
        elif segment.name == "ZDS" and groups:
            groups[-1].study = segment
        elif segment.name == "ZDS":
            for_all = segment
    return groups


def _read(group: _Group, codes: ReportCodes) -> ReadReport:
    obr = group.obr
    status = _status(group, codes)
    findings, impression = _texts(group, codes)
    if status is not ReportStatus.WITHDRAWN and not (findings or impression):
        raise FieldProblem("OBX-5", "未找到检查所见或诊断意见", condition="101")
    study = _study_instance_uid(group)
    filler, placer, field_18 = obr.value(3), obr.value(2), obr.value(18)
    source_id = filler or field_18 or study or placer
    if not source_id:
        raise FieldProblem("OBR-3", "缺少检查号", condition="101")
    for location, number in (("OBR-3", filler), ("OBR-2", placer), ("OBR-18", field_18)):
        if len(number) > 64:
            raise FieldProblem(location, "编号超过 64 个字符")
    return ReadReport(
        source_id=source_id,
        status=status,
        study_instance_uid=study,
        accession_number=field_18 or filler,
        exam_id=(filler if field_18 and filler != field_18 else "") or placer,
        exam_code=obr.value(4)[:128],
        exam_item=(obr.value(4, 2) or obr.value(4))[:512],
        findings=findings,
        impression=impression,
        reporting_physician=_physician(group, codes.reporting_physician_fields),
        verifying_physician=_physician(group, codes.verifying_physician_fields),
        examined_at=time_of(obr.value(7)),
        reported_at=time_of(obr.value(22)),
        critical=_critical(group, codes),
    )


def _status(group: _Group, codes: ReportCodes) -> ReportStatus:
    stated = group.obr.value(25).upper()
    if stated:
        status = codes.statuses.get(stated)
        if status is None:
            raise FieldProblem("OBR-25", "报告状态无法识别")
        return status
    of_observations = {o.value(11).upper() for o in group.observations} - {""}
    found = {codes.statuses.get(value) for value in of_observations}
    # Several states in one report: only a report that is verified in all its parts is verified.
    if len(found) == 1 and None not in found:
        return next(status for status in found if status is not None)
    if ReportStatus.PRELIMINARY in found:
        return ReportStatus.PRELIMINARY
    if not of_observations and codes.status_when_absent is not None:
        return codes.status_when_absent
    raise FieldProblem("OBR-25", "缺少报告状态", condition="101")


def _texts(group: _Group, codes: ReportCodes) -> tuple[str, str]:
    """Return findings and impression, from OBX marked by code, else from headings inside the text."""
    pieces = list(_pieces(group, codes))
    parts: dict[str, list[str]] = {"findings": [], "impression": []}
    marked = {part for part, _ in pieces}
    for part, text in pieces:
        split = split_by_headings(text, codes)
        other = {"findings": "impression", "impression": "findings"}.get(part)
        if other is not None and (other in marked or not getattr(split, other)):
            # Marked as one part and the other has its own: the text stays as written.
            parts[part].append(without_heading(text, codes))
        elif other is not None or split.findings or split.impression:
            parts[part or "findings"].append(split.before)
            parts["findings"].append(split.findings)
            parts["impression"].append(split.impression)
    return joined(parts["findings"]), joined(parts["impression"])


def _pieces(group: _Group, codes: ReportCodes) -> Iterator[tuple[str, str]]:
    """Yield text and what it is marked as: findings, impression, or empty where no code says so."""
    part = ""
    for observation in group.observations:
        text, marks = observation.text(5), _marks(observation)
        if len(text) > _LONGEST_TEXT:
            raise FieldProblem("OBX-5", f"文本超过 {_LONGEST_TEXT} 个字符")
        if observation.value(2).upper() not in _TEXT_TYPES or not text or marks & (codes.critical | _STUDY_UID):
            continue
        # A line without a code goes on with the one before.
        part = part if not marks else _part_of(marks, codes)
        yield part, text


def _part_of(marks: set[str], codes: ReportCodes) -> str:
    if marks & codes.impression:
        return "impression"
    return "findings" if marks & codes.findings else ""


def _marks(observation: Segment) -> set[str]:
    return {part.upper() for component in observation.repetitions(3)[0] for part in component if part}


def _critical(group: _Group, codes: ReportCodes) -> bool | None:
    for observation in group.observations:
        if _marks(observation) & codes.critical:
            stated = observation.value(5).upper()
            return True if stated in _YES else False if stated in _NO else None
    flags = {part for o in group.observations for rep in o.repetitions(8) for comp in rep for part in comp if part}
    # HL7 table 0078: AA = very abnormal; HH and LL = beyond panic limits.
    return True if flags & {"AA", "HH", "LL", "危急", "危急值"} else None


def _study_instance_uid(group: _Group) -> StudyInstanceUid | None:
    if group.study is not None and _UID.fullmatch(group.study.value(1)):
        return _checked_uid("ZDS-1", group.study.value(1))
    for observation in group.observations:
        if _marks(observation) & _STUDY_UID:
            value = observation.value(5)
            if _UID.fullmatch(value):
                return _checked_uid("OBX-5", value)
    return None


def _checked_uid(location: str, value: str) -> StudyInstanceUid:
    if len(value) > 64:  # PS3.5 9.1
        raise FieldProblem(location, "Study Instance UID 超过 64 个字符")
    return StudyInstanceUid(value)


def _physician(group: _Group, fields: tuple[int, ...]) -> str:
    return next((name for name in (physician_name(group.obr, number) for number in fields) if name), "")[:128]


def _together(first: ReadReport, second: ReadReport) -> ReadReport:
    """Return one report of two OBR that share a number, as for an examination of several parts."""
    states = {first.status, second.status}
    return replace(
        first,
        status=first.status if len(states) == 1 else ReportStatus.PRELIMINARY,
        exam_item="、".join(dict.fromkeys(item for item in (first.exam_item, second.exam_item) if item))[:512],
        findings=joined([first.findings, second.findings]),
        impression=joined([first.impression, second.impression]),
        critical=True if first.critical or second.critical else first.critical,
    )
