"""An OpenID provider as a separate process, with keys of its own and faults on demand.

Whoever opens its authorization page is signed in at once as the person wished for.
"""

import base64
import hashlib
import json
import secrets
import time
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.builders.control import Handler, serve

CLIENT_ID = "mingying"
CLIENT_SECRET = "a secret/of+ours, not for use"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
LATER_KEY = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
STOLEN_NAME = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
"""Another key that says it is the first."""


class Provider(Handler):
    codes: ClassVar[dict[str, dict[str, str]]] = {}
    seen: ClassVar[list[str]] = []
    """Addresses that were asked for."""

    @property
    def base(self) -> str:
        return f"http://{self.headers['Host']}"

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        wishes = Handler.wishes
        if path == "/control":
            return self.answer(200, json.dumps({"seen": Provider.seen}).encode())
        Provider.seen.append(self.path)
        if path == "/.well-known/openid-configuration":
            issuer = "http://127.0.0.1:1" if wishes.get("fault") == "other_issuer" else self.base
            found = {
                "issuer": issuer,
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": "http://hospital.test/token"
                if wishes.get("fault") == "plain"
                else f"{self.base}/token",
                "jwks_uri": f"{self.base}/jwks",
                "userinfo_endpoint": f"{self.base}/userinfo",
            }
            return self.answer(200, json.dumps(found).encode())
        if path == "/jwks":
            keys: list[RSAKey | ECKey] = [KEY, LATER_KEY] if wishes.get("later_key") else [KEY]
            return self.answer(200, json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode())
        if path == "/authorize":
            return self.authorize({name: values[0] for name, values in query.items()})
        if path == "/userinfo":
            subject = "somebody else" if wishes.get("fault") == "userinfo_of_another" else "subject-1"
            return self.answer(200, json.dumps({"sub": subject, **wishes["person"]}).encode())
        return self.answer(404, b"{}")

    def do_POST(self):
        if self.path == "/control":
            return self.control()
        Provider.seen.append(self.path)
        form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
        asked = Provider.codes.pop(form.get("code", ""), None)
        if Handler.wishes.get("fault") == "broken":
            return self.answer(502, b"<html>")
        if self.headers.get("Authorization") != _basic(CLIENT_ID, CLIENT_SECRET):
            return self.answer(401, b'{"error": "invalid_client"}')
        if asked is None or not _is_the_same_visit(asked, form):
            return self.answer(400, b'{"error": "invalid_grant"}')
        tokens = {"access_token": "access", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}
        return self.answer(200, json.dumps(tokens).encode())

    def authorize(self, asked: dict[str, str]) -> None:
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert "openid" in asked["scope"].split()
        if Handler.wishes.get("fault") == "cancelled":
            given = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            Provider.codes[code] = asked
            given = {"code": code, "state": asked["state"]}
        self.answer(302, b"", Location=f"{asked['redirect_uri']}?{urlencode(given)}")

    def id_token(self, nonce: str) -> str:
        wishes = Handler.wishes
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.base,
            "aud": CLIENT_ID,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
        }
        if not wishes.get("in_userinfo"):
            claims |= wishes["person"]
        claims |= wishes.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        match wishes.get("fault"):
            case "other_key":
                return jwt.encode({"alg": "RS256", "kid": "one"}, claims, STOLEN_NAME)
            case "none":
                head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').rstrip(b"=").decode()
                content = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
                return f"{head}.{content}."
            case "public_key_as_secret":
                shared = OctKey.import_key(KEY.as_pem(private=False).hex())
                return jwt.encode({"alg": "HS256", "kid": "one"}, claims, shared)
            case "unreadable":
                return "no token"
        if wishes.get("later_key") or wishes.get("fault") == "unknown_key":
            return jwt.encode({"alg": "ES256", "kid": "two"}, claims, LATER_KEY)
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)


def _is_the_same_visit(asked: dict[str, str], form: dict[str, str]) -> bool:
    challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return (
        form.get("grant_type") == "authorization_code"
        and form.get("redirect_uri") == asked["redirect_uri"]
        and asked["code_challenge_method"] == "S256"
        and base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() == asked["code_challenge"]
    )


def _basic(client: str, secret: str) -> str:
    encoded = urlencode({"s": secret})[2:].replace("+", "%20")
    return "Basic " + base64.b64encode(f"{client}:{encoded}".encode()).decode()


if __name__ == "__main__":
    serve(Provider)
