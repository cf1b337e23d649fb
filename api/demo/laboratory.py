"""The laboratory results of the demo hospital, as the archive keeps them."""

from collections.abc import Iterator

from api.demo.hospital import DemoHospital
from imaging_core.documents.laboratory import LaboratoryResult


def laboratory_results(hospital: DemoHospital) -> Iterator[tuple[str, list[LaboratoryResult]]]:
    """Yield each patient's PatientID with his lines; patients without results are left out."""
    for patient in hospital.patients:
        results = [
            LaboratoryResult(
                report_number=report.report_number,
                item_code=line.item_code,
                item_name=line.item_name,
                value=line.value,
                unit=line.unit,
                reference_range=line.reference_range,
                flag=line.flag,
                panel=report.panel,
                observed_at=report.observed_at,
            )
            for report in patient.laboratory
            for line in report.lines
        ]
        if results:
            yield patient.patient_id, results
