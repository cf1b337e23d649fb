"""The cookies of a patient (an exchanged link, a grant), of staff (a sign-in) and of a doctor (the plugin, a view)."""

from fastapi import Response
from fastapi.responses import RedirectResponse

LINK_COOKIE = "my_link"
GRANT_COOKIE = "my_grant"
STAFF_COOKIE = "my_staff"
PLUGIN_COOKIE = "my_plugin"
LABORATORY_COOKIE = "my_laboratory"


def set_cookie(response: Response, name: str, value: str, *, seconds: int, secure: bool) -> None:
    """Set an opaque cookie that scripts cannot read and other sites cannot send with a request that changes things."""
    response.set_cookie(name, value, max_age=seconds, path="/api/patient", httponly=True, secure=secure, samesite="lax")


def clear_cookies(response: Response) -> None:
    """End both cookies."""
    for name in (LINK_COOKIE, GRANT_COOKIE):
        response.delete_cookie(name, path="/api/patient")


def to_page(grant_cookie: str, *, seconds: int, secure: bool, address: str = "/r") -> RedirectResponse:
    """Send a browser that was let in to the phone page: with its grant, and without the link it may have had before."""
    response = RedirectResponse(address, status_code=303)
    response.delete_cookie(LINK_COOKIE, path="/api/patient")
    set_cookie(response, GRANT_COOKIE, grant_cookie, seconds=seconds, secure=secure)
    return response


def set_staff_cookie(response: Response, token: str, *, seconds: int, secure: bool) -> None:
    """Set the sign-in cookie; other sites cannot make the browser send it at all."""
    response.set_cookie(
        STAFF_COOKIE, token, max_age=seconds, path="/api", httponly=True, secure=secure, samesite="strict"
    )


def clear_staff_cookie(response: Response) -> None:
    """End the sign-in cookie."""
    response.delete_cookie(STAFF_COOKIE, path="/api")


def set_laboratory_cookie(response: Response, token: str, *, seconds: int, secure: bool) -> None:
    """Set the cookie of one patient's laboratory reports before a doctor."""
    response.set_cookie(
        LABORATORY_COOKIE,
        token,
        max_age=seconds,
        path="/api/laboratory",
        httponly=True,
        secure=secure,
        samesite="strict",
    )


def set_plugin_cookie(response: Response, token: str, *, secure: bool, framed: bool) -> None:
    """Set the plugin's cookie: it ends with the browser, or with its session, and opens the plugin alone.

    `framed`: pages of a HIS may show the plugin in themselves (api/decisions/007).
    """
    _append_plugin_cookie(response, token, secure=secure, framed=framed)


def clear_plugin_cookie(response: Response, *, secure: bool, framed: bool) -> None:
    """End the plugin's cookie."""
    _append_plugin_cookie(response, "", secure=secure, framed=framed, more="; Max-Age=0")


def _append_plugin_cookie(response: Response, value: str, *, secure: bool, framed: bool, more: str = "") -> None:
    # written out: http.cookies knows Partitioned from Python 3.14 on
    sites = "SameSite=none; Partitioned" if framed and secure else "SameSite=strict"
    rules = f"Path=/api/plugin; HttpOnly; {sites}{'; Secure' if secure else ''}{more}"
    response.headers.append("set-cookie", f"{PLUGIN_COOKIE}={value}; {rules}")
