"""The regional platform as a place that is asked while a doctor orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from imaging_core.coding import ExamItem
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.interop.regional import Examination, Person, RegionalPlatform
from imaging_core.reminders.elsewhere import ElsewhereExam, PatientIdentity


class PlatformElsewhere:
    """Asks for a person's whole history: the comparing is done here, by the hospital's own rule."""

    def __init__(self, platform: RegionalPlatform) -> None:
        self._platform = platform

    def find(self, patient: PatientIdentity, items: Sequence[ExamItem]) -> Sequence[ElsewhereExam]:
        """Return what other institutions registered. Raises `PlatformError`."""
        history = self._platform.find_history(Person(name=patient.name, id_number=patient.id_number))
        return [_exam(history.view_record_id, examination) for examination in history.examinations]

    def address(self, opening: Mapping[str, str]) -> str:
        """Return where an examination opens, once and soon. Raises `PlatformError`."""
        examination = Examination(
            examination_id=opening["examination_id"],
            institution_code=InstitutionCode(opening["institution_code"]),
            institution_name=opening["institution_name"],
            modality=opening["modality"],
            item=opening["item"],
            item_code=opening["item_code"],
            examined_at=datetime.fromisoformat(opening["examined_at"]),
            has_images=True,
            has_report=True,
        )
        return self._platform.retrieval_address(opening["view_record_id"], examination).url


def _exam(view_record_id: str, examination: Examination) -> ElsewhereExam:
    return ElsewhereExam(
        reference=examination.examination_id,
        institution_code=examination.institution_code,
        institution_name=examination.institution_name,
        item=examination.item,
        on=examination.examined_at.astimezone(CHINA).date(),
        status="final" if examination.has_report else "preliminary",
        opening={
            "view_record_id": view_record_id,
            "examination_id": examination.examination_id,
            "institution_code": examination.institution_code,
            "institution_name": examination.institution_name,
            "modality": examination.modality,
            "item": examination.item,
            "item_code": examination.item_code,
            "examined_at": examination.examined_at.isoformat(),
        },
    )
