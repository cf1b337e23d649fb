"""Laboratory results of patients, and a doctor who reads them."""

from datetime import datetime

from sqlalchemy import select

from api.accounts.store import find_account
from api.auth.laboratory_views import LaboratoryView
from imaging_core.documents.laboratory import LaboratoryResult, store_laboratory_results
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.patients.tables import PatientRow
from tests.builders.hospital import SmallHospital


def result(report: str, item: str = "WBC", value: str = "6.1", **more) -> LaboratoryResult:
    given = {
        "item_name": "白细胞计数",
        "unit": "10^9/L",
        "reference_range": "3.5-9.5",
        "panel": "血常规",
    }
    return LaboratoryResult(report_number=report, item_code=item, value=value, **(given | more))


def keep(
    hospital: SmallHospital, *results: LaboratoryResult, at: datetime, patient_id: str = "TEST0001", code: str = ""
) -> None:
    """Keep results of a registered patient, observed at a time unless they say their own."""
    code = code or hospital.institution_code
    with hospital.services.database.writing() as session:
        store_laboratory_results(
            session,
            institution_code=InstitutionCode(code),
            patient=_patient(session, code, patient_id),
            results=results,
            now=at,
        )


def laboratory_cookie(hospital: SmallHospital, login: str, patient_id: str = "TEST0001") -> str:
    """Return the cookie of a doctor who opened a patient's reports."""
    with hospital.services.database.reading() as session:
        account = find_account(session, hospital.institution_code, login)
        assert account is not None
        patient = _patient(session, hospital.institution_code, patient_id)
        return hospital.services.laboratory_views.begin(LaboratoryView(patient, account.id))


def _patient(session, code: str, patient_id: str) -> PatientKey:
    named = PatientRow.institution_code == code, PatientRow.patient_id == patient_id
    return PatientKey(session.scalars(select(PatientRow.id).where(*named)).one())
