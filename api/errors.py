"""Package errors → problem+json (RFC 9457), one table.

Bodies say what went wrong in Chinese and may be shown; they never hold what was sent.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.messages import errors as words

log = structlog.get_logger(__name__)


def describe(error: BaseException) -> dict[str, str]:
    """Return what may be logged of an error: its type and where it arose, never its message, which may hold data."""
    return {"error": type(error).__name__, "stack": "".join(traceback.format_tb(error.__traceback__))}


class Problem(Exception):
    """An expected refusal at the edge. `code` names its words in `api/messages/errors.py`."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,  # noqa: ANN401  # extension members of the problem document
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


@dataclass(frozen=True, slots=True)
class _Mapped:
    status: int
    code: str


_TABLE: dict[type[Exception], _Mapped] = {}


def map_error(error: type[Exception], status: int, code: str) -> None:
    """Map a package's error to a status and the code of its words."""
    _TABLE[error] = _Mapped(status, code)


def problem_response(
    status: int,
    code: str,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,  # noqa: ANN401  # extension members
) -> JSONResponse:
    """Return a problem document with the words of its code."""
    title, standard_detail = words.text(code)
    body = {
        "type": f"urn:mingying:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail or standard_detail,
        "code": code,
        **extra,
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type="application/problem+json")


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of a route with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _http)
    for error in _TABLE:
        app.add_exception_handler(error, _mapped)


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for this type only
    return problem_response(error.status, error.code, detail=error.detail, headers=error.headers, **error.extra)


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this type only
    fields = sorted({".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0]) for item in error.errors()})
    return problem_response(422, "invalid_request", field=fields[0], fields=fields)


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # registered for this type only
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "refused")
    return problem_response(error.status_code, code, headers=error.headers)


def _mapped(_request: Request, error: Exception) -> Response:
    for kind in type(error).__mro__:
        if kind in _TABLE:
            mapped = _TABLE[kind]
            return problem_response(mapped.status, mapped.code)
    raise error


class BrokenOff(Exception):
    """An answer had begun when its route failed; the connection is closed. Carries nothing of the first error."""


class Faults:
    """ASGI middleware, inside those that log and add headers: a fault nobody expected becomes a problem document.

    The error itself goes no further: the server would log its message, which may hold a patient's data.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 500 unless an answer has begun."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            return
        except Exception as error:  # whatever it is, the caller gets a sentence
            if scope["type"] != "http":
                raise
            log.error("request failed", route=getattr(scope.get("route"), "path", "unknown"), **describe(error))
            if begun:
                raise BrokenOff from None
            await problem_response(500, "internal")(scope, receive, send)
