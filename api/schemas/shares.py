"""Sharing and taking away: what the phone page sends and gets."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from api.schemas.patient import NO_NUL, Model

StudyUid = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]


class ShareWish(Model):
    """How a study is to be passed on. Without `passcode` the service makes one, unless it is not `protected`."""

    study: StudyUid
    expires_days: Literal[1, 7, 30]
    protected: bool = True
    passcode: Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)] | None = None
    with_history: bool = False
    with_explanation: bool = False

    @model_validator(mode="after")
    def _no_passcode_for_nothing(self) -> Self:
        if self.passcode is not None and not self.protected:
            raise ValueError("a passcode, and no protection")
        return self


class ShareMade(Model):
    """A new share. `qr` is a data URI; link and passcode are not told again."""

    share_id: str
    link: str
    qr: str
    passcode: str | None
    expires_at: datetime


class ShareOut(Model):
    """A share in its owner's list."""

    share_id: str
    study_instance_uid: str
    study_date: date | None
    modalities: list[str]
    description: str
    state: Literal["active", "expired", "revoked", "locked"]
    protected: bool
    with_history: bool
    with_explanation: bool
    created_at: datetime
    expires_at: datetime
    opened_count: int
    last_opened_at: datetime | None
