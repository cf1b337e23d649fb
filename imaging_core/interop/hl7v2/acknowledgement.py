"""Writing ACK messages: AA only for what is committed, AE and AR with a reason that names segment and field."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from imaging_core.interop.hl7v2.charset import charset_label, reply_encoding
from imaging_core.interop.hl7v2.fields import CHINA

_LONGEST_CONTROL_ID = 199  # HL7 v2.5.1 has 20, later versions 199


class AckCode(StrEnum):
    """HL7 table 0008, original mode."""

    ACCEPT = "AA"
    ERROR = "AE"
    """Understood, not filed: sending again may help, or a person must look at it."""
    REJECT = "AR"
    """Sending the same again will not help."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to answer. `location` is like `PID-3`, `condition` a code of HL7 table 0357."""

    code: AckCode
    reason: str = ""
    location: str = ""
    condition: str = "0"


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """What of a request is echoed, read from its bytes so that unreadable messages are answered too."""

    application: str
    facility: str
    event: str
    control_id: str
    processing_id: str
    version: str
    charset: str
    encoding: str


def request_header(raw: bytes) -> RequestHeader:
    """Return what MSH says as far as it can be read; everything else is empty."""
    encoding = reply_encoding(raw)
    first = re.split(r"[\r\n]", raw[:8192].decode(encoding, errors="replace").lstrip("\ufeff \t\r\n\x0b"), maxsplit=1)[
        0
    ]
    fields = first.split(first[3]) if first.startswith("MSH") and len(first) > 3 else []
    # MSH-1 is the delimiter itself, so MSH-n is at n - 1; one more in front makes it n.
    header = ["", *map(_clean, fields), *[""] * 13]
    component = first[4] if fields and len(first) > 4 else "^"
    message_type = header[9].split(component)
    return RequestHeader(
        application=header[3],
        facility=header[4],
        event=message_type[1] if len(message_type) > 1 else "",
        control_id=header[10][:_LONGEST_CONTROL_ID],
        processing_id=header[11] or "P",
        version=header[12] or "2.4",
        charset=charset_label(raw, encoding),
        encoding=encoding,
    )


def write_ack(raw: bytes, verdict: Verdict, *, application: str, now: datetime) -> bytes:
    """Return the acknowledgement of a message, in its own character set."""
    request = request_header(raw)
    sent_at = now.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
    type_code = "^".join(["ACK", request.event, "ACK"] if request.event else ["ACK"])
    own_id = uuid4().hex[:20]
    reason = f"{verdict.location} {verdict.reason}".strip()
    segments = [
        f"MSH|^~\\&|{application}|{application}|{request.application}|{request.facility}|{sent_at}||{type_code}"
        f"|{own_id}|{request.processing_id}|{request.version}||||||{request.charset}",
        f"MSA|{verdict.code}|{request.control_id}|{reason}",
    ]
    if verdict.code is not AckCode.ACCEPT:
        # HL7 v2.5.1 2.15.5: location, error code, severity, message for the user
        segments.append(f"ERR||{_location(verdict.location)}|{verdict.condition}^^HL70357|E||||{verdict.reason}")
    return ("\r".join(segments) + "\r").encode(request.encoding, errors="replace")


def _location(location: str) -> str:
    segment, _, field = location.partition("-")
    return f"{segment}^1^{field}" if field else segment


def _clean(text: str) -> str:
    # Echoed into our own delimiters; escapes and everything below a blank would break the reply.
    return re.sub(r"[|~\\&\r\n\x00-\x1f]", "", text)
