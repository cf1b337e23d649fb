"""The two cookies of a patient: an exchanged link, and a grant."""

from fastapi import Response

LINK_COOKIE = "my_link"
GRANT_COOKIE = "my_grant"


def set_cookie(response: Response, name: str, value: str, *, seconds: int, secure: bool) -> None:
    """Set an opaque cookie that scripts cannot read and other sites cannot send with a request that changes things."""
    response.set_cookie(name, value, max_age=seconds, path="/api/patient", httponly=True, secure=secure, samesite="lax")


def clear_cookies(response: Response) -> None:
    """End both cookies."""
    for name in (LINK_COOKIE, GRANT_COOKIE):
        response.delete_cookie(name, path="/api/patient")
