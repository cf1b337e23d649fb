"""Refusing who asks too often, in the protocol's own way: 429 and when to come back."""

from fastapi import Request

from api.auth.limits import Limiter
from api.errors import Problem


def throttle(limiter: Limiter, key: str, *, most: int, window_seconds: int = 60) -> None:
    """Count one try of `key`; one more than `most` in a window is refused."""
    count = limiter.count(key, window_seconds=window_seconds)
    if count.tries > most:
        raise Problem(429, "too_many", headers={"Retry-After": str(count.seconds_left)})


def throttle_address(limiter: Limiter, request: Request, door: str, *, most: int) -> None:
    """Count one try at a door that is open to everybody; an address has `most` a minute."""
    address = request.client.host if request.client else "unknown"
    throttle(limiter, f"{door}:{address}", most=most)
