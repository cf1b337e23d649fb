"""OpenID Connect: authorization code with PKCE; what the ID token says is believed only after every check."""

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from api.auth.citizen.calls import Budget, call, read_object
from api.auth.citizen.port import Citizen, CitizenPlatformUnavailable, CitizenRefused, Visit
from api.settings import OidcPlatformSettings, keeps_secrets

_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures by a key that only the platform has: neither `none` nor a secret that others share."""
_LEEWAY_SECONDS = 60
_KEPT_SECONDS = 3600
"""A key that the platform took back is believed no longer than this."""


class _Metadata(BaseModel):
    """OpenID Connect Discovery 1.0, section 3: what we use of it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: _Metadata
    keys: KeySet
    until: float


class OidcPlatform:
    """A platform that speaks OpenID Connect."""

    def __init__(self, settings: OidcPlatformSettings, *, redirect_uri: str, seconds: float) -> None:
        self._settings = settings
        self._issuer = settings.issuer
        self._redirect_uri = redirect_uri
        self._seconds = seconds
        self._known: _Known | None = None

    def address(self, visit: Visit) -> str:
        """Return where the browser signs in."""
        metadata = self._platform(Budget.of(self._seconds)).metadata
        challenge = urlsafe_b64encode(hashlib.sha256(visit.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._settings.scope,
            "state": visit.state,
            "nonce": visit.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"

    def identify(self, reference: str, visit: Visit | None, now: datetime) -> Citizen:
        """Exchange the code, check the ID token, and return the person it speaks of."""
        if visit is None:
            raise CitizenRefused("not_begun_here")
        budget = Budget.of(self._seconds)
        known = self._platform(budget)
        tokens = self._exchange(known.metadata, reference, visit, budget)
        claims = self._checked(str(tokens.get("id_token", "")), visit, now, budget)
        settings = self._settings
        if settings.id_number_claim not in claims and known.metadata.userinfo_endpoint:
            claims = {**self._userinfo(known.metadata.userinfo_endpoint, tokens, claims["sub"], budget), **claims}
        return Citizen(
            id_number=_text(claims, settings.id_number_claim),
            name=_text(claims, settings.name_claim),
        )

    def _exchange(self, metadata: _Metadata, code: str, visit: Visit, budget: Budget) -> dict[str, Any]:
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": visit.verifier,
        }
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined
        who = (quote(settings.client_id, safe=""), quote(settings.client_secret.get_secret_value(), safe=""))
        answer = call("POST", metadata.token_endpoint, budget, data=form, auth=who)
        if answer.status_code == 400 and _error(answer.content) == "invalid_grant":
            raise CitizenRefused("code_refused")
        if answer.status_code != 200:
            raise CitizenPlatformUnavailable(f"token endpoint: HTTP {answer.status_code}")
        return read_object(answer)

    def _checked(self, id_token: str, visit: Visit, now: datetime, budget: Budget) -> dict[str, Any]:
        """Return the claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        try:
            token = jwt.decode(id_token, self._platform(budget).keys, algorithms=_ALGORITHMS)
        except InvalidKeyIdError:  # keys are changed now and then: once with fresh ones
            token = self._with_fresh_keys(id_token, budget)
        except (JoseError, ValueError) as error:
            raise CitizenRefused(_why(error)) from None
        client = self._settings.client_id
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": client},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": visit.nonce},
        )
        try:
            rules.validate(token.claims)
        except JoseError as error:
            raise CitizenRefused(_why(error)) from None
        audience = token.claims["aud"]
        if token.claims.get("azp", None if isinstance(audience, list) and len(audience) > 1 else client) != client:
            raise CitizenRefused("id_token_azp")
        return token.claims

    def _with_fresh_keys(self, id_token: str, budget: Budget) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._platform(budget, fresh=True).keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise CitizenRefused(_why(error)) from None

    def _userinfo(self, url: str, tokens: dict[str, Any], subject: object, budget: Budget) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
        answer = call("GET", url, budget, headers=headers)
        if answer.status_code != 200:
            raise CitizenPlatformUnavailable(f"userinfo endpoint: HTTP {answer.status_code}")
        told = read_object(answer)
        if told.get("sub") != subject:  # section 5.3.2: it may speak of somebody else
            raise CitizenRefused("userinfo_of_another")
        return told

    def _platform(self, budget: Budget, *, fresh: bool = False) -> _Known:
        """Return where the platform is and its keys; asked now and then, and when a key is unknown."""
        known = self._known
        if known is not None and not fresh and time.monotonic() < known.until:
            return known
        found = self._discover(budget)
        self._known = found
        return found

    def _discover(self, budget: Budget) -> _Known:
        found = _get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration", budget)
        try:
            metadata = _Metadata.model_validate(found)
        except ValidationError:
            raise CitizenPlatformUnavailable("metadata not of the agreed form") from None
        if metadata.issuer != self._issuer:
            raise CitizenPlatformUnavailable("metadata of another issuer")
        endpoints = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        if not all(keeps_secrets(url) for url in (*endpoints, metadata.userinfo_endpoint or metadata.jwks_uri)):
            raise CitizenPlatformUnavailable("an endpoint without https")
        try:
            keys = KeySet.import_key_set(_get(metadata.jwks_uri, budget))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise CitizenPlatformUnavailable("no usable keys") from None
        return _Known(metadata, keys, until=time.monotonic() + _KEPT_SECONDS)


def _get(url: str, budget: Budget) -> dict[str, Any]:
    answer = call("GET", url, budget)
    if answer.status_code != 200:
        raise CitizenPlatformUnavailable(f"HTTP {answer.status_code}")
    return read_object(answer)


def _error(content: bytes) -> object:
    """Return the error code of a refused exchange (RFC 6749, section 5.2)."""
    try:
        said = json.loads(content)
    except ValueError:
        return None
    return said.get("error") if isinstance(said, dict) else None


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name) if name else None
    return value if isinstance(value, str) else ""


def _why(error: Exception) -> str:
    """Name what is wrong with an ID token; an error's own words may quote it."""
    claim = getattr(error, "claim", "")
    return "_".join(filter(None, ("id_token", getattr(error, "error", "") or type(error).__name__, claim)))
