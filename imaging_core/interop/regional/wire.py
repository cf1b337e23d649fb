"""Talking to the platform over HTTP: one call, its hard time limit, and whether its answer may be believed."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from imaging_core.interop.regional.errors import PlatformRejected, PlatformUnreachable, PlatformUntrusted
from imaging_core.interop.regional.fields import FieldNames
from imaging_core.interop.regional.signing import NONCE, SIGNATURE, TIMESTAMP, answer_is_signed

_MOST_BYTES = 4 * 1024 * 1024
OK = "200"


class SignedCalls:
    """Calls whose answers must be signed under the shared secret, to this question, and of now."""

    def __init__(
        self,
        base_url: str,
        secret: bytes,
        names: FieldNames,
        clock: Callable[[], datetime],
        *,
        clock_skew_seconds: float,
    ) -> None:
        self._secret = secret
        self._names = names
        self._clock = clock
        self._skew = clock_skew_seconds
        # proxies of the environment are for the internet, not for the dedicated line to the platform
        self._client = httpx.Client(base_url=base_url.rstrip("/"), trust_env=False, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def post(
        self, path: str, message: Mapping[str, Any], *, headers: Mapping[str, str], seconds: float
    ) -> dict[str, Any]:
        """Return the answer to a message.

        Raises:
            PlatformUnreachable: nothing usable came in time.
            PlatformUntrusted: what came is not signed as agreed.
            PlatformRejected: the platform says no.
        """
        nonce = secrets.token_hex(16)
        answers: SimpleQueue[httpx.Response | Exception] = SimpleQueue()

        def call() -> None:
            try:
                answers.put(self._exchange(path, message, {**headers, NONCE: nonce}, seconds))
            except Exception as error:  # noqa: BLE001  # handed to the caller
                answers.put(error)

        # A server that drips a byte now and then keeps each read alive: only a clock outside ends that.
        threading.Thread(target=call, daemon=True, name="regional-platform").start()
        try:
            answer = answers.get(timeout=seconds)
        except Empty:
            raise PlatformUnreachable("time limit") from None
        if isinstance(answer, (httpx.TransportError, httpx.StreamError, httpx.InvalidURL)):
            raise PlatformUnreachable(type(answer).__name__) from answer
        if isinstance(answer, Exception):
            raise answer
        self._require_signature(answer, nonce=nonce, path=path)
        return self._read(answer)

    def _exchange(
        self, path: str, message: Mapping[str, Any], headers: Mapping[str, str], seconds: float
    ) -> httpx.Response:
        end = time.monotonic() + seconds
        content = json.dumps(self._names.outward(message), ensure_ascii=False).encode()
        sent = {**headers, "Content-Type": "application/json; charset=utf-8"}
        with self._client.stream("POST", path, content=content, headers=sent, timeout=seconds) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    raise PlatformUnreachable("answer too large")
                if time.monotonic() > end:
                    raise PlatformUnreachable("time limit")
            kept = {name: value for name, value in response.headers.items() if name != "content-encoding"}
            return httpx.Response(response.status_code, headers=kept, content=bytes(body))

    def _require_signature(self, answer: httpx.Response, *, nonce: str, path: str) -> None:
        if answer.status_code >= 500:  # its proxy has no secret to sign with
            raise PlatformUnreachable(f"HTTP {answer.status_code}")
        timestamp = answer.headers.get(TIMESTAMP, "")
        signature = answer.headers.get(SIGNATURE, "")
        if not answer_is_signed(
            self._secret, signature, nonce=nonce, timestamp=timestamp, path=path, body=answer.content
        ):
            raise PlatformUntrusted("the answer is not signed as agreed")
        if not timestamp.isdecimal() or abs(int(timestamp) - self._clock().timestamp()) > self._skew:
            raise PlatformUntrusted("the answer is signed for another time: compare the clocks")

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            read = self._names.inward(json.loads(answer.content))
        except ValueError as error:
            raise PlatformUnreachable("no JSON") from error
        if not isinstance(read, dict) or not isinstance(read.get("code"), str):
            raise PlatformUnreachable("not the agreed form")
        if read["code"] != OK:
            raise PlatformRejected(read["code"])
        data = read.get("data", {})
        if not isinstance(data, dict):
            raise PlatformUnreachable("not the agreed form")
        return data
