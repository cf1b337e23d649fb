"""What the account pages of the console send and get."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.accounts.roles import Role
from api.schemas.patient import NO_NUL, Model
from api.schemas.staff import Login

PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=NO_NUL)]
Department = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=NO_NUL)]
Roles = Annotated[list[Role], Field(max_length=len(Role))]


class NewAccount(Model):
    """A person who is to get an account, and the roles asked for."""

    login: Login
    name: PersonName
    department: Department = ""
    requested_roles: Annotated[Roles, Field(min_length=1)]


class RolesIn(Model):
    """What an account may be used for from now on."""

    roles: Roles


class AccountOut(Model):
    """One account."""

    id: int
    login: str
    name: str
    department: str
    roles: list[Role]
    requested_roles: list[Role]
    created_at: datetime
    last_seen_at: datetime | None
    disabled: bool
    second_factor: bool
    password_is_initial: bool


class AccountList(Model):
    """Accounts that fit the question, and how many wait for a grant in all."""

    total: int
    waiting: int
    accounts: list[AccountOut]


class HandedOut(Model):
    """An account with its initial password, which is shown this once."""

    account: AccountOut
    initial_password: str


class ImportRow(Model):
    """One person of an accounts sheet."""

    row: int
    name: str
    login: str
    department: str
    requested_roles: list[Role]


class CellError(Model):
    """What is wrong in one cell of it."""

    row: int
    column: str
    reason: str


class ImportCheck(Model):
    """What a sheet holds, and what keeps it from being imported. Nothing was changed."""

    rows: list[ImportRow]
    errors: list[CellError]


class Imported(Model):
    """All accounts of a sheet with their initial passwords, which are shown this once."""

    accounts: list[HandedOut]
