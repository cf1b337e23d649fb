"""A provincial platform over HTTP, after the public contract of 江苏省卫生健康云(影像平台).

What a province does otherwise is set: field names by a table, paths by another. Anhui's own plan is not public.
Ours and not in that contract: `study/shorttime/list` (the count alone tells nobody what to open), the signature of
answers, that a caller may name the `view_record_id` (an order keeps one, also when the platform was away; a platform
that gives its own is followed), and a decision in the receipt (as Zhejiang's has it: recognised or not, and why).
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.interop.regional.errors import PlatformRejected, PlatformUnreachable
from imaging_core.interop.regional.fields import FieldNames
from imaging_core.interop.regional.port import (
    Decision,
    DuplicateNotice,
    Examination,
    History,
    OrderItem,
    Person,
    Registration,
    RegistrationOutcome,
    RetrievalAddress,
)
from imaging_core.interop.regional.upload import batches
from imaging_core.interop.regional.wire import SignedCalls

TOKEN_EXPIRED = "401"  # noqa: S105  # a code of the contract
_RESIDENT_ID = "01"
_Answer = TypeVar("_Answer", bound=BaseModel)
_LAST_MOMENT = 253_402_214_400_000
"""Milliseconds until the last day of the year 9999, in any time zone."""
_RENEW_BEFORE = timedelta(seconds=30)


class Call(StrEnum):
    """The calls of the contract, with its paths."""

    TOKEN = "/openapi/api/v2/auth/token"  # noqa: S105  # a path
    HISTORY_TOTAL = "/openapi/api/v2/study/shorttime/list/total"
    HISTORY_LIST = "/openapi/api/v2/study/shorttime/list"
    RETRIEVAL = "/openapi/api/v2/study/create/url"
    NOTICE = "/openapi/api/v2/mutual/project/notice"
    RECEIPT = "/openapi/api/v2/mutual/project/callback"
    UPLOAD = "/openapi/api/v2/data/upload"


@dataclass(frozen=True, slots=True)
class ProvincialSettings:
    """Where the platform is, who we are there, and how long we wait."""

    url: str
    key: str
    secret: bytes = field(repr=False)
    institution_code: InstitutionCode
    institution_name: str
    seconds: float = 2.0
    """For everything a person waits for."""
    upload_seconds: float = 20.0
    clock_skew_seconds: float = 300.0
    field_names: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[Call, str] = field(default_factory=dict)


class _Token(BaseModel):
    token: str
    expires_in: float


class _Total(BaseModel):
    view_record_id: str
    total_num: int


class _Found(BaseModel):
    ris_study_id: str
    organ_code: str
    organ_name: str
    chk_modality: str
    proj_name: str
    hos_proj_no: str
    chk_dt: int = Field(ge=0, le=_LAST_MOMENT)
    has_dicom: bool
    has_report: bool


class _List(BaseModel):
    list: list[_Found]


class _Url(BaseModel):
    transport_protocol: str
    domain: str
    path: str


class _Address(BaseModel):
    view_record_id: str
    url: _Url


class _Notice(BaseModel):
    view_record_id: str
    total_num: int
    url: _Url | None = None


class _Nothing(BaseModel):
    pass


class _Uploaded(BaseModel):
    stored: int


class ProvincialPlatform:
    """The adapter; safe to use from several threads."""

    def __init__(self, settings: ProvincialSettings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._calls = SignedCalls(
            settings.url,
            settings.secret,
            FieldNames(settings.field_names),
            clock,
            clock_skew_seconds=settings.clock_skew_seconds,
        )
        self._token = ""
        self._token_ends = datetime.min.replace(tzinfo=UTC)
        self._token_guard = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()

    def sign_in(self) -> None:
        """Fetch a token anew: shows that address, key, secret and clocks agree."""
        end = self._end()
        self._current_token(end, not_this=self._current_token(end))

    def find_history(self, person: Person, *, view_record_id: str = "") -> History:
        """Return what other institutions registered for a person, newest first, under this record if one is named."""
        end = self._end()
        asked = {**self._who_asks(), **_patient(person), **_under(view_record_id), "source": "2"}
        total = self._ask(Call.HISTORY_TOTAL, asked, _Total, end)
        if total.total_num == 0:
            return History(total.view_record_id, ())
        found = self._ask(Call.HISTORY_LIST, {**asked, "view_record_id": total.view_record_id}, _List, end).list
        return History(
            total.view_record_id,
            tuple(_examination(item) for item in sorted(found, key=lambda item: item.chk_dt, reverse=True)),
        )

    def retrieval_address(self, view_record_id: str, examination: Examination) -> RetrievalAddress:
        """Return where an examination found under this record opens."""
        wish = {
            **self._who_asks(),
            "view_record_id": view_record_id,
            "study_organ_code": examination.institution_code,
            "ris_study_id": examination.examination_id,
        }
        answer = self._ask(Call.RETRIEVAL, wish, _Address, self._end())
        return RetrievalAddress(answer.view_record_id, _address(answer.url))

    def notify_order(self, person: Person, items: Sequence[OrderItem], *, view_record_id: str = "") -> DuplicateNotice:
        """Tell that these items are about to be ordered."""
        told = {**self._who_asks(), **_patient(person), **_under(view_record_id)}
        asked = {**told, "source": "1", "project_list": _projects(items)}
        answer = self._ask(Call.NOTICE, asked, _Notice, self._end())
        return DuplicateNotice(answer.view_record_id, answer.total_num, _address(answer.url) if answer.url else None)

    def send_receipt(self, view_record_id: str, person: Person, items: Sequence[OrderItem]) -> None:
        """Tell that the order was saved, and what was decided."""
        told = {**self._who_asks(), **_patient(person), "project_list": _projects(items)}
        self._ask(Call.RECEIPT, {**told, "view_record_id": view_record_id}, _Nothing, self._end())

    def register(self, registration: Registration) -> RegistrationOutcome:
        """Make a study known; what the platform holds already it does not store again."""
        stored, end = 0, self._end(self._settings.upload_seconds)
        for batch in batches(registration, self._settings.institution_code, self._settings.institution_name):
            stored += self._ask(Call.UPLOAD, {**self._who_asks(), **batch}, _Uploaded, end).stored
        return RegistrationOutcome.REGISTERED if stored else RegistrationOutcome.ALREADY_REGISTERED

    def _who_asks(self) -> dict[str, Any]:
        asked_at = int(self._clock().timestamp() * 1000)
        return {
            "organ_code": self._settings.institution_code,
            "organ_name": self._settings.institution_name,
            "study_request_time": asked_at,
        }

    def _end(self, seconds: float | None = None) -> float:
        """Return when a whole method must have ended, however many calls it takes."""
        return time.monotonic() + (self._settings.seconds if seconds is None else seconds)

    def _ask(self, call: Call, message: Mapping[str, Any], form: type[_Answer], end: float) -> _Answer:
        token = self._current_token(end)
        try:
            answer = self._post(call, message, end, {"X-Token": token})
        except PlatformRejected as error:
            if error.code != TOKEN_EXPIRED:
                raise
            # ended early, as when the platform was started anew: once with a fresh one, not for ever
            answer = self._post(call, message, end, {"X-Token": self._current_token(end, not_this=token)})
        return _parsed(form, answer)

    def _current_token(self, end: float, *, not_this: str = "") -> str:
        if not self._token_guard.acquire(timeout=_left(end)):
            raise PlatformUnreachable("time limit")
        try:  # many callers, one new token
            now = self._clock()
            if self._token in {"", not_this} or now >= self._token_ends - _RENEW_BEFORE:
                settings = self._settings
                timestamp = str(int(now.timestamp()))
                proof = token_proof(settings.key, timestamp, settings.secret)
                message = {"app_key": settings.key, "timestamp": timestamp, "app_sign": proof}
                fresh = _parsed(_Token, self._post(Call.TOKEN, message, end, {}))
                self._token, self._token_ends = fresh.token, now + timedelta(seconds=fresh.expires_in)
            return self._token
        finally:
            self._token_guard.release()

    def _post(self, call: Call, message: Mapping[str, Any], end: float, headers: Mapping[str, str]) -> dict[str, Any]:
        path = self._settings.paths.get(call, call)
        return self._calls.post(path, message, headers=headers, seconds=_left(end))


def _left(end: float) -> float:
    return max(end - time.monotonic(), 0.001)


def token_proof(key: str, timestamp: str, secret: bytes) -> str:
    """Return `app_sign` as the contract wants it: lower-case md5(md5(key + timestamp) + secret)."""
    inner = hashlib.md5((key + timestamp).encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(inner.encode() + secret, usedforsecurity=False).hexdigest()


def _parsed(form: type[_Answer], data: Mapping[str, Any]) -> _Answer:
    try:
        return form.model_validate(data)
    except ValidationError as error:
        raise PlatformUnreachable(f"{error.error_count()} fields are not of the agreed form") from None


def _patient(person: Person) -> dict[str, Any]:
    return {"cardtype": _RESIDENT_ID, "cardno": person.id_number, "name": person.name}


def _under(view_record_id: str) -> dict[str, str]:
    return {"view_record_id": view_record_id} if view_record_id else {}


def _projects(items: Sequence[OrderItem]) -> list[dict[str, Any]]:
    return [
        {
            "hos_proj_no": item.code,
            "proj_name": item.name,
            "chk_modality": item.modality,
            "ckpt_name": item.name,
            **_decided(item.decision),
        }
        for item in items
    ]


def _decided(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {}
    said = {"is_recognized": decision.recognized, "reason_code": decision.reason, "reason_mark": decision.comment}
    return {name: value for name, value in said.items() if value != ""}


def _examination(found: _Found) -> Examination:
    return Examination(
        examination_id=found.ris_study_id,
        institution_code=InstitutionCode(found.organ_code),
        institution_name=found.organ_name,
        modality=found.chk_modality,
        item=found.proj_name,
        item_code=found.hos_proj_no,
        examined_at=datetime.fromtimestamp(found.chk_dt / 1000, UTC),
        has_images=found.has_dicom,
        has_report=found.has_report,
    )


def _address(url: _Url) -> str:
    address = f"{url.transport_protocol}://{url.domain}{url.path}"
    if url.transport_protocol not in {"http", "https"} or urlsplit(address).netloc != url.domain:
        raise PlatformUnreachable("an address that is none")
    return address
