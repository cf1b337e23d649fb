"""What sign-in pages of staff send and get."""

from typing import Annotated

from pydantic import StringConstraints

from api.accounts.passwords import MOST_CHARACTERS
from api.accounts.roles import Role
from api.accounts.sessions import Stage
from api.accounts.store import LOGIN_PATTERN
from api.schemas.patient import Model

Login = Annotated[str, StringConstraints(pattern=LOGIN_PATTERN, strip_whitespace=True)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$", strip_whitespace=True)]


class SignIn(Model):
    """Login and password."""

    login: Login
    password: Password


class CodeProof(Model):
    """The six digits of the authenticator app."""

    code: Code


class EnrolProof(CodeProof):
    """A code of the new secret, which proves that the app holds it."""

    secret: Annotated[str, StringConstraints(pattern=r"^[A-Z2-7]{16,64}$")]


class NewPassword(Model):
    """The present password and the next."""

    current: Password
    new: Password


class SignedIn(Model):
    """Who is signed in, and what the sign-in still lacks."""

    login: str
    name: str
    roles: list[Role]
    stage: Stage


class SecondFactor(Model):
    """A secret to put into an authenticator app; it counts once a code of it was given."""

    secret: str
    uri: str
    qr_svg: str
