"""Taking a study away: what the phone page sends and gets."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from api.schemas.patient import NO_NUL, Model
from api.schemas.shares import StudyUid


class DownloadWish(Model):
    """Which study is to be taken away."""

    study: StudyUid


class DownloadMade(Model):
    """A package behind a new code, which is not told again. `bytes`: of its images, about the size of the whole."""

    download_id: str
    code: str
    expires_at: datetime
    bytes: int


class DownloadOut(Model):
    """A package whose code still holds."""

    download_id: str
    expires_at: datetime
    bytes: int


class ExtractionCode(Model):
    """The code as it was typed."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]


class DownloadTicket(Model):
    """Where the package lies, once, for a short time."""

    url: str
    expires_in_seconds: int
