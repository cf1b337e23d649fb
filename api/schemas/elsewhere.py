"""Examinations at other hospitals: what the phone page gets."""

from datetime import date
from typing import Literal

from api.schemas.patient import Model


class ExamElsewhereOut(Model):
    """An examination that another hospital registered. `handle` is no number of the platform or the hospital."""

    handle: str
    exam_date: date
    exam_item: str
    modality: str
    institution: str
    has_images: bool
    has_report: bool


class ElsewhereOut(Model):
    """What became of asking, and what was found, newest first."""

    state: Literal["answered", "unavailable", "not_connected", "no_id_number"]
    exams: list[ExamElsewhereOut]


class AddressOut(Model):
    """Where an examination opens: once, within minutes."""

    url: str
