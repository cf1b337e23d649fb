"""The SMS port and its adapters: an HTTP gateway, and the demo's inbox page.

A hospital's gateway is reached by one POST of JSON `{phone, template, parameters}` with a bearer token;
gateways of other shapes are put behind that by the hospital's integration platform.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import httpx
import orjson
from redis import Redis

_INBOX = "demo:sms"
_INBOX_LENGTH = 50


class SmsUnreachable(Exception):
    """The gateway did not take the message; the person may ask again."""


class SmsSender(Protocol):
    """Sends short messages. Numbers, codes and links never enter a log."""

    def send_code(self, phone: str, code: str, *, minutes: int) -> None:
        """Send one code that is valid for so many minutes.

        Raises:
            SmsUnreachable: the message was not taken.
        """
        ...

    def send_report_ready(self, phone: str, link: str, *, days: int) -> None:
        """Say that a report can be opened at the address, for so many days; names nobody and no examination.

        Raises:
            SmsUnreachable: the message was not taken.
        """
        ...


class GatewaySmsSender:
    """Sends through the hospital's HTTP gateway."""

    def __init__(self, url: str, token: str, *, timeout_seconds: float = 5.0) -> None:
        self._url = url
        self._client = httpx.Client(timeout=timeout_seconds, headers={"Authorization": f"Bearer {token}"})

    def send_code(self, phone: str, code: str, *, minutes: int) -> None:
        """Post the message; any answer but 2xx means it was not taken."""
        self._post(phone, "verification_code", {"code": code, "minutes": minutes})

    def send_report_ready(self, phone: str, link: str, *, days: int) -> None:
        """Post the message; any answer but 2xx means it was not taken."""
        self._post(phone, "report_ready", {"link": link, "days": days})

    def _post(self, phone: str, template: str, parameters: Mapping[str, str | int]) -> None:
        message = {"phone": phone, "template": template, "parameters": parameters}
        try:
            self._client.post(self._url, json=message).raise_for_status()
        except httpx.HTTPError as error:
            raise SmsUnreachable(type(error).__name__) from None  # the chained error would carry the request


class InboxSmsSender:
    """Puts messages where the demo's inbox page shows them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def send_code(self, phone: str, code: str, *, minutes: int) -> None:
        """Keep the message, newest first."""
        self._keep(phone, f"【演示县人民医院】您的验证码是 {code}，{minutes} 分钟内有效。请勿告诉他人。")

    def send_report_ready(self, phone: str, link: str, *, days: int) -> None:
        """Keep the message, newest first."""
        self._keep(phone, f"【演示县人民医院】您的检查报告已出，点击查看：{link} （{days} 天内有效，打开后需验证身份）")

    def _keep(self, phone: str, text: str) -> None:
        entry = orjson.dumps({"phone": phone, "text": text, "at": datetime.now(UTC).isoformat()})
        self._redis.lpush(_INBOX, entry)
        self._redis.ltrim(_INBOX, 0, _INBOX_LENGTH - 1)

    def messages(self) -> list[dict[str, str]]:
        """Return the kept messages, newest first."""
        return [orjson.loads(entry) for entry in self._redis.lrange(_INBOX, 0, -1)]
