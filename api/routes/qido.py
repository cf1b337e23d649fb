"""QIDO-RS (PS3.18 10.6): search for studies, series and instances.

Callers are machines with the scope `query`; each sees its own institution. A query is a person's data: its values are
neither logged nor put into the audit, which keeps which keys were used and how many matches were sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl

from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, compile_path
from starlette.types import Receive, Scope, Send

from api.audit.record import Actor, record
from api.auth.access import machine
from api.errors import Problem
from api.raw_routes import Express, QuickAnswer, RawRoute, ready
from api.routes.wado_accept import Offer, choose
from api.wiring import Services
from imaging_core.dicom.dictionary import keyword_of
from imaging_core.errors import SearchKeyInvalid
from imaging_core.index.search.answers import write_matches
from imaging_core.index.search.attributes import Level, answered
from imaging_core.index.search.finding import find
from imaging_core.index.search.keys import Query, read_keys

SCOPE: Final = "query"
MOST: Final = 5000
"""Matches in one answer; the rest is to be asked for by offset."""
PREFIX: Final = "/dicom-web/"
_STUDY = "/dicom-web/studies/{study}"
PATHS: Final = {
    "/dicom-web/studies": Level.STUDY,
    "/dicom-web/series": Level.SERIES,
    "/dicom-web/instances": Level.INSTANCE,
    _STUDY + "/series": Level.SERIES,
    _STUDY + "/instances": Level.INSTANCE,
    _STUDY + "/series/{series}/instances": Level.INSTANCE,
}
_PATTERNS: Final = {path: compile_path(path)[0] for path in PATHS}
_JSON: Final = "application/dicom+json"
# both names of JSON are asked for; multipart/related with XML is not made
_OFFERS: Final = (Offer(_JSON, multipart=False), Offer("application/json", multipart=False))
_UID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_NUMBER: Final = re.compile(r"\d{1,9}")
_LONGEST_QUERY: Final = 128 * 1024
_MOST_PARAMETERS: Final = 200
_LIMITED: Final = '299 mingying "There are additional results that can be requested"'


def make_routes() -> list[BaseRoute]:
    """Return the routes; they speak ASGI themselves, so they are not of a router."""
    return [RawRoute(path, _search, methods=["GET"], rule=machine(SCOPE)) for path in PATHS]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, read."""

    query: Query
    named: Level | None
    """Down to which level the address names what is searched."""
    included: frozenset[str]
    everything: bool
    media_type: str


async def _search(request: Request, send: Send) -> None:
    services: Services = request.app.state.services
    actor: Actor = request.state.actor
    asked = _read(request.scope["route"].path, request.path_params, request.scope)
    response = await run_in_threadpool(_answer, services, actor, asked)
    await response(request.scope, request.receive, send)


def express(services: Services) -> Express:
    """Return how those are answered whose key was found a moment ago."""

    async def answer(scope: Scope, _receive: Receive, actor: Actor) -> QuickAnswer | None:
        for path, pattern in _PATTERNS.items():
            if (match := pattern.fullmatch(scope["path"])) is not None:
                asked = _read(path, match.groupdict(), scope)
                return ready(path, await run_in_threadpool(_answer, services, actor, asked))
        return None

    return Express(PREFIX, services.machine_keys.known_to(SCOPE), answer)


def _answer(services: Services, actor: Actor, asked: _Asked) -> Response:
    query, limit = asked.query, min(asked.query.limit or MOST, MOST)
    included = asked.included | {key.attribute.keyword for key in query.keys}
    attributes = answered(query.level, asked.named, included, everything=asked.everything)
    one_more = replace(query, limit=limit + 1)
    with services.database.reading() as session:
        found = find(session, actor.institution_code, one_more, attributes) if query.limit != 0 else []
    rows = found[:limit]
    _note(services, actor, asked, len(rows))
    headers = {"Cache-Control": "private, no-store"}
    if len(found) > limit:
        headers["Warning"] = _LIMITED
    if not rows:
        # PS3.18 8.3.4.4.1: no matches are told by 204 and an empty payload
        return Response(status_code=204, headers=headers)
    text = write_matches(rows, query.level, attributes, f"{services.settings.base_url}/dicom-web")
    return Response(text, media_type=asked.media_type, headers=headers)


def _note(services: Services, actor: Actor, asked: _Asked, matches: int) -> None:
    """Record the search before its answer is sent: by which keys, not for whom."""
    keys = sorted(key.attribute.keyword for key in asked.query.keys)
    with services.database.writing() as session:
        record(
            session,
            actor,
            "archive.searched",
            object_kind="search",
            object_id="-",
            now=services.clock(),
            detail={"level": asked.query.level.name.lower(), "keys": ",".join(keys), "matches": matches},
        )


# --- reading a request -----------------------------------------------------------------------------------------------


def _read(path: str, named_uids: Mapping[str, str], scope: Scope) -> _Asked:
    level = PATHS[path]
    keys: dict[str, str] = {}
    options: dict[str, str] = {}
    included: set[str] = set()
    accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
    for name, value in _parameters(scope["query_string"].decode("latin-1")):
        if name == "includefield":
            included |= {_keyword(item.strip(), "includefield") for item in value.split(",") if item.strip()}
        elif name == "accept":
            accept = value
        elif name in ("limit", "offset", "fuzzymatching"):
            _put(options, name, value)
        else:
            _put(keys, _keyword(name, None), value)
    named: Level | None = None
    for part, keyword, reached in (
        ("study", "StudyInstanceUID", Level.STUDY),
        ("series", "SeriesInstanceUID", Level.SERIES),
    ):
        if (uid := named_uids.get(part)) is not None:
            if not _UID.fullmatch(uid):
                raise _wrong(part, "it is not a UID")
            _put(keys, keyword, uid)
            named = reached
    try:
        read = read_keys(level, keys)
    except SearchKeyInvalid as error:
        raise _wrong(error.key, error.reason) from None
    query = Query(
        level=level,
        keys=read,
        fuzzy=_flag(options, "fuzzymatching"),
        limit=_number(options, "limit"),
        offset=_number(options, "offset") or 0,
    )
    everything = "all" in included
    return _Asked(query, named, frozenset(included - {"all"}), everything, choose(accept, _OFFERS).media_type)


def _parameters(text: str) -> list[tuple[str, str]]:
    if len(text) > _LONGEST_QUERY:
        raise Problem(414, "parameter_invalid", field="query", reason=f"longer than {_LONGEST_QUERY} characters")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise _wrong("query", "percent-encoded text must be UTF-8") from None
    except ValueError:
        raise _wrong("query", f"more than {_MOST_PARAMETERS} parameters") from None


def _keyword(name: str, of_parameter: str | None) -> str:
    if of_parameter and name == "all":
        return name
    keyword = keyword_of(name)
    if keyword is None:
        # a name nobody knows may be a value that slipped: told only where it looks like a name
        told = name if re.fullmatch(r"[A-Za-z0-9.]{1,64}", name) else "query"
        raise _wrong(of_parameter or told, "no attribute of the DICOM standard has this keyword or tag")
    return keyword


def _put(where: dict[str, str], name: str, value: str) -> None:
    if name in where:
        raise _wrong(name, "it is given more than once")
    where[name] = value


def _number(options: dict[str, str], name: str) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise _wrong(name, "a whole number from 0 is needed")
    return int(value)


def _flag(options: dict[str, str], name: str) -> bool:
    value = options.get(name, "false").lower()
    if value not in ("true", "false"):
        raise _wrong(name, "true or false is needed")
    return value == "true"


def _wrong(field: str, reason: str) -> Problem:
    return Problem(400, "parameter_invalid", field=field, reason=reason)
