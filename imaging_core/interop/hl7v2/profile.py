"""How one deployment reads HL7: which hospital a message belongs to, and its codes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.interop.hl7v2.errors import FieldProblem
from imaging_core.interop.hl7v2.message import Message
from imaging_core.interop.hl7v2.report_codes import ReportCodes


@dataclass(frozen=True, slots=True)
class IntakeProfile:
    """Settings of the intake.

    With `facilities` empty every message belongs to `institution_code`; otherwise MSH-4 must name one of them.
    """

    institution_code: InstitutionCode
    facilities: Mapping[str, InstitutionCode] = field(default_factory=dict)
    report_codes: ReportCodes = field(default_factory=ReportCodes)
    application: str = "MINGYING"

    def institution_of(self, message: Message) -> InstitutionCode:
        """Return the institution of a message. Raises `FieldProblem` naming MSH-4."""
        if not self.facilities:
            return self.institution_code
        institution = self.facilities.get(message.header.value(4))
        if institution is None:
            raise FieldProblem("MSH-4", "发送机构未登记", condition="103")
        return institution
