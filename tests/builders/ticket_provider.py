"""A citizen platform that sends people with one-time tickets, as a separate process with faults on demand."""

import hashlib
import hmac
import json
import secrets
import time
from typing import Any, ClassVar

from tests.builders.control import Handler, serve

APP_KEY = "key-of-the-hospital"
SECRET = "a-secret-of-both-not-for-use"


class Platform(Handler):
    tickets: ClassVar[set[str]] = set()
    seen: ClassVar[list[str]] = []

    def do_GET(self):
        """Give a ticket, as the platform's own application gets one for the person who is signed in."""
        if self.path == "/control":
            return self.answer(200, json.dumps({"seen": Platform.seen}).encode())
        ticket = secrets.token_urlsafe(24)
        Platform.tickets.add(ticket)
        return self.answer(200, json.dumps({"ticket": ticket}).encode())

    def do_POST(self):
        if self.path == "/control":
            return self.control()
        body = self.body()
        nonce, timestamp = self.headers["X-Nonce"], self.headers["X-Timestamp"]
        Platform.seen.append(nonce)
        wanted = _sign("question", nonce, timestamp, self.path, body)
        if self.headers["X-Signature"] != wanted or abs(int(timestamp) - time.time()) > 300:
            return self.answer(401, b"{}")
        asked, wishes = json.loads(body), Handler.wishes
        known = asked["ticket"] in Platform.tickets and asked["app_key"] == APP_KEY
        if wishes.get("fault") != "forgetful":
            Platform.tickets.discard(asked["ticket"])
        told: dict[str, Any] = {"app_key": APP_KEY, "expires_at": int(time.time()) + 60, **wishes["person"]}
        told |= wishes.get("told", {})
        return self.told(200 if known else 410, told if known else {}, nonce)

    def told(self, status: int, told: dict[str, Any], nonce: str) -> None:
        body = json.dumps(told, ensure_ascii=False).encode()
        timestamp, fault = str(int(time.time())), Handler.wishes.get("fault")
        if fault == "late":
            timestamp = str(int(time.time()) - 1000)
        signature = _sign("answer", "0" * 32 if fault == "other_question" else nonce, timestamp, self.path, body)
        if fault == "changed":
            body = body.replace(b"app_key", b"app-key")
        if fault == "unsigned":
            signature = ""
        if fault == "broken":
            status = 502
        self.answer(status, body, X_Timestamp=timestamp, X_Signature=signature)


def _sign(purpose: str, nonce: str, timestamp: str, path: str, body: bytes) -> str:
    # written out once more, so that a change on our side alone is noticed
    message = f"{purpose}\n{nonce}\n{timestamp}\n{path}\n".encode() + body
    return hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()


if __name__ == "__main__":
    serve(Platform)
