"""HL7 v2 messages as a Chinese HIS or RIS sends them: v2.4, GB18030, times without a zone.

All people are invented. Every function returns the bytes of one message without MLLP framing
(`frame` adds it), so a test can also cut, swap or spoil them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count

CHINA = timezone(timedelta(hours=8))
SENT_AT = datetime(2025, 3, 10, 9, 30, tzinfo=CHINA)
PHONE = "13800000001"
ID_NUMBER = "110101198001010010"
"""Valid check digit (GB 11643), nobody's number."""

FINDINGS = (
    "胸廓对称，纵隔居中。右肺上叶见一磨玻璃结节，大小约6mm×5mm，边界清楚。余肺野清晰，未见实变影。"
    "气管及主要支气管通畅。纵隔未见肿大淋巴结。双侧胸腔未见积液。"
)
IMPRESSION = "1. 右肺上叶磨玻璃结节，建议6个月后复查。\n2. 余肺未见明显异常。"

_control_ids = count(1)


def escaped(text: str) -> str:
    """Escape the delimiters and turn line ends into `\\.br\\`."""
    for plain, sequence in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\")):
        text = text.replace(plain, sequence)
    return text.replace("\n", "\\.br\\")


def stamp(at: datetime) -> str:
    """Return `at` as the HIS writes times: local, to the second, without a zone."""
    return at.astimezone(CHINA).strftime("%Y%m%d%H%M%S")


def msh(
    message_type: str,
    *,
    control_id: str | None = None,
    charset: str = "GB18030",
    sent_at: datetime = SENT_AT,
    facility: str = "TESTHOSP",
) -> str:
    """Return an MSH segment; `charset` fills MSH-18."""
    control = control_id if control_id is not None else f"MSG{next(_control_ids):08d}"
    return f"MSH|^~\\&|HIS|{facility}|MINGYING|MINGYING|{stamp(sent_at)}||{message_type}|{control}|P|2.4||||||{charset}"


def message(*segments: str, encoding: str = "gb18030", line_end: str = "\r") -> bytes:
    """Join segments and encode them."""
    return (line_end.join(segments) + line_end).encode(encoding)


def _adt(
    event: str,
    *,
    patient_id: str = "TEST0001",
    name: str = "测试患者",
    sex: str = "女",
    birth_date: str = "19800101",
    phone: str = PHONE,
    id_number: str = ID_NUMBER,
    encounter_class: str = "O",
    at: datetime = SENT_AT,
    discharged_at: datetime | None = None,
    control_id: str | None = None,
    charset: str = "GB18030",
    encoding: str = "gb18030",
    facility: str = "TESTHOSP",
) -> bytes:
    pid = [""] * 20
    pid[0], pid[1], pid[3], pid[5], pid[7], pid[8] = "PID", "1", patient_id, name, birth_date, sex
    pid[13], pid[19] = phone, id_number
    pv1 = [""] * 46
    pv1[0], pv1[1], pv1[2], pv1[44] = "PV1", "1", encounter_class, stamp(at)
    pv1[45] = stamp(discharged_at) if discharged_at else ""
    return message(
        msh(f"ADT^{event}", control_id=control_id, charset=charset, sent_at=at, facility=facility),
        f"EVN|{event}|{stamp(at)}",
        "|".join(pid).rstrip("|"),
        "|".join(pv1).rstrip("|"),
        encoding=encoding,
    )


def adt_a04(
    *,
    patient_id: str = "TEST0001",
    name: str = "测试患者",
    sex: str = "女",
    birth_date: str = "19800101",
    phone: str = PHONE,
    id_number: str = ID_NUMBER,
    encounter_class: str = "O",
    at: datetime = SENT_AT,
    control_id: str | None = None,
    charset: str = "GB18030",
    encoding: str = "gb18030",
    facility: str = "TESTHOSP",
    event: str = "A04",
) -> bytes:
    """Return a registration (挂号); `event="A08"` makes it an update."""
    return _adt(
        event,
        patient_id=patient_id,
        name=name,
        sex=sex,
        birth_date=birth_date,
        phone=phone,
        id_number=id_number,
        encounter_class=encounter_class,
        at=at,
        control_id=control_id,
        charset=charset,
        encoding=encoding,
        facility=facility,
    )


def adt_a03(
    *,
    patient_id: str = "TEST0001",
    name: str = "测试患者",
    discharged_at: datetime = SENT_AT + timedelta(days=5),
    control_id: str | None = None,
    facility: str = "TESTHOSP",
) -> bytes:
    """Return a discharge (出院) with the time in PV1-45."""
    return _adt(
        "A03",
        patient_id=patient_id,
        name=name,
        encounter_class="I",
        at=discharged_at,
        discharged_at=discharged_at,
        control_id=control_id,
        facility=facility,
    )


def oru_r01(
    *,
    patient_id: str = "TEST0001",
    name: str = "测试患者",
    study_instance_uid: str | None = None,
    accession_number: str = "ACC0001",
    exam_item: str = "胸部CT平扫",
    exam_code: str = "CT001",
    findings: str = FINDINGS,
    impression: str = IMPRESSION,
    status: str = "F",
    reporting_physician: str = "测试报告医师",
    verifying_physician: str = "测试审核医师",
    examined_at: datetime = SENT_AT,
    reported_at: datetime = SENT_AT + timedelta(hours=2),
    critical: bool = False,
    control_id: str | None = None,
    charset: str = "GB18030",
    encoding: str = "gb18030",
    facility: str = "TESTHOSP",
) -> bytes:
    """Return a report; `status` fills OBR-25: F verified, P preliminary, C corrected, X withdrawn."""
    obr = [""] * 34
    obr[0], obr[1], obr[2], obr[3], obr[4] = "OBR", "1", "REQ0001", accession_number, f"{exam_code}^{exam_item}"
    obr[7], obr[18], obr[22], obr[25] = stamp(examined_at), accession_number, stamp(reported_at), status
    obr[32], obr[33] = f"D002^{verifying_physician}", f"D001^{reporting_physician}"
    segments = [
        msh("ORU^R01", control_id=control_id, charset=charset, sent_at=reported_at, facility=facility),
        f"PID|1||{patient_id}||{name}",
        "|".join(obr),
        f"OBX|1|TX|FINDINGS^检查所见||{escaped(findings)}||||||{status}",
        f"OBX|2|TX|IMPRESSION^诊断意见||{escaped(impression)}|||{'AA' if critical else ''}|||{status}",
    ]
    if study_instance_uid is not None:
        segments.append(f"ZDS|{study_instance_uid}^MINGYING^Application^DICOM")
    return message(*segments, encoding=encoding)


def frame(raw: bytes) -> bytes:
    """Wrap a message for MLLP."""
    return b"\x0b" + raw + b"\x1c\x0d"


@dataclass(frozen=True, slots=True)
class Ack:
    """What an acknowledgement says."""

    code: str
    control_id: str
    reason: str
    error_location: str
    charset: str
    message_type: str


def read_ack(raw: bytes, *, encoding: str = "gb18030") -> Ack:
    """Read an ACK (framed or not) without help of the code under test."""
    segments = {line[:3]: line.split("|") for line in raw.strip(b"\x0b\x1c\r").decode(encoding).split("\r") if line}
    header, acknowledged = segments["MSH"], segments["MSA"]
    problem = segments.get("ERR", [])
    return Ack(
        code=acknowledged[1],
        control_id=acknowledged[2],
        reason=acknowledged[3] if len(acknowledged) > 3 else "",
        error_location=problem[2] if len(problem) > 2 else "",
        charset=header[17] if len(header) > 17 else "",
        message_type=header[8],
    )
