"""Questions this service does not answer, and the helpful words it says instead."""

import re
from dataclasses import dataclass

from interpret.language import pattern_of
from interpret.messages import message
from interpret.report.prepare import prepare


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a question is not answered, and the fixed sentence that is shown."""

    reason: str
    """dose, prescription, image, prognosis, injection, out_of_scope."""
    text: str


def refusal(question: str, hospital_phone: str | None, *, names_medicine: bool = False) -> Refusal | None:
    """Return why a question is refused and what is said, or None when it may be answered.

    Args:
        question: As the patient wrote it.
        hospital_phone: Named in the words where given.
        names_medicine: The question holds a medical term or an organ: it is about health whatever else it says.
    """
    text = prepare(question[:4000]).text
    phone = message("phone_known", phone=hospital_phone) if hospital_phone else ""
    if pattern_of("guard_scope", "injection").search(text):
        return Refusal("injection", message("refuse_scope"))
    if pattern_of("guard_scope", "image").search(text):
        return Refusal("image", message("refuse_image", phone=phone))
    if not pattern_of("guard_scope", "not_medicine").search(text):
        if pattern_of("guard_scope", "dose").search(text) and pattern_of("guard_scope", "medicine_word").search(text):
            return Refusal("dose", message("refuse_dose", phone=phone))
        asks_effect = pattern_of("guard_scope", "effect").search(text)  # 中药能消结节吗 asks for no medicine
        if not asks_effect and pattern_of("guard_scope", "prescription").search(text):
            return Refusal("prescription", message("refuse_prescription", phone=phone))
    if pattern_of("guard_scope", "prognosis").search(text):
        return Refusal("prognosis", message("refuse_prognosis", phone=phone))
    if pattern_of("guard_scope", "off_topic").search(text) and not re.search(
        r"报告|检查|结节|病|医院|医生|片子|图像|影像|CT|核磁", text
    ):
        return Refusal("out_of_scope", message("refuse_scope"))
    if not names_medicine and not pattern_of("guard_scope", "health").search(text):
        return Refusal("out_of_scope", message("refuse_scope"))
    return None
