"""The regional platform as a place that is asked while a doctor orders."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from imaging_core.coding import ExamItem
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.interop.regional import Examination, Person, RegionalPlatform
from imaging_core.reminders.elsewhere import ElsewhereExam, PatientIdentity

_EXAMINATION = TypeAdapter(Examination)


class PlatformElsewhere:
    """Asks for a person's whole history: the comparing is done here, by the hospital's own rule."""

    def __init__(self, platform: RegionalPlatform) -> None:
        self._platform = platform

    def find(self, patient: PatientIdentity, items: Sequence[ExamItem], view_record_id: str) -> Sequence[ElsewhereExam]:
        """Return what other institutions registered. Raises `PlatformError`."""
        person = Person(name=patient.name, id_number=patient.id_number)
        history = self._platform.find_history(person, view_record_id=view_record_id)
        return [_exam(history.view_record_id, examination) for examination in history.examinations]

    def address(self, opening: Mapping[str, Any]) -> str:
        """Return where an examination opens, once and soon. Raises `PlatformError`."""
        examination = _EXAMINATION.validate_python(dict(opening))
        return self._platform.retrieval_address(opening["view_record_id"], examination).url


def _exam(view_record_id: str, examination: Examination) -> ElsewhereExam:
    return ElsewhereExam(
        reference=examination.examination_id,
        institution_code=examination.institution_code,
        institution_name=examination.institution_name,
        item=examination.item,
        on=examination.examined_at.astimezone(CHINA).date(),
        status="final" if examination.has_report else "preliminary",
        opening={"view_record_id": view_record_id, **_EXAMINATION.dump_python(examination, mode="json")},
    )
