"""What a HIS sends when a doctor orders, and another hospital's archive held here."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from sqlalchemy import select

from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import StudyRow
from imaging_core.ingest import Channel, Origin
from imaging_core.interop.hl7v2.intake import handle_message
from imaging_core.interop.hl7v2.profile import IntakeProfile
from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import SmallHospital

ELSEWHERE = "12340000OTHER00002"


def examined_elsewhere(
    hospital: SmallHospital,
    *,
    study: str,
    item: str = "胸部CT平扫",
    on: str = "20260225",
    patient_id: str = "B0001",
    institution: str = ELSEWHERE,
    status: str = "F",
    **person: Any,
) -> None:
    """Register a patient at another institution, with a CT of a day and a report of it."""
    services = hospital.services
    name, accession = person.get("name", "测试患者"), f"B-{study}"
    for instance in ct_series(
        3, 16, 16, study=study, patient_id=patient_id, patient_name=name, accession_number=accession, study_date=on
    ):
        services.ingestor.store_instance(
            BytesIO(instance), institution_code=institution, origin=Origin(Channel.IMPORT, "test")
        )
    messages = [
        hl7.adt_a04(patient_id=patient_id, **person),
        hl7.oru_r01(
            patient_id=patient_id,
            name=name,
            accession_number=accession,
            study_instance_uid=study_uid(study),
            exam_item=item,
            status=status,
        ),
    ]
    for message in messages:
        answer = handle_message(
            message,
            profile=IntakeProfile(InstitutionCode(institution)),
            sessions=services.database.writes,
            cipher=services.cipher,
            blobs=services.blobs,
            now=hospital.clock(),
        )
        assert b"MSA|AA" in answer, answer.decode("gb18030")
    hospital.follow(derive=False)
    with services.database.reading() as session:
        row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study_uid(study))).one()
    assert row.patient_key is not None


def orm(
    *names: str,
    control: str = "NW",
    patient_id: str = "TEST0001",
    name: str = "测试患者",
    encounter: str = "O",
    event: str = "O01",
    charset: str = "GB18030",
) -> bytes:
    """Return an ORM message with one ORC and OBR a name."""
    groups: list[str] = []
    for number, item in enumerate(names, 1):
        groups += [
            f"ORC|{control}|REQ{number}",
            f"OBR|{number}|REQ{number}||CT00{number}^{item}||||||||||||D001^测试医师",
        ]
    return hl7.message(
        hl7.msh(f"ORM^{event}", charset=charset), f"PID|1||{patient_id}||{name}", f"PV1|1|{encounter}", *groups
    )


def hook_call(
    *names: str,
    hook: str = "order-sign",
    patient_id: str = "TEST0001",
    encounter: str | None = None,
    selections: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the body of a CDS Hooks call with one draft ServiceRequest a name."""
    context: dict[str, Any] = {
        "userId": "Practitioner/D001",
        "patientId": patient_id,
        "encounterId": "V0001",
        "draftOrders": {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [
                {
                    "resource": {
                        "resourceType": "ServiceRequest",
                        "id": f"req-{number}",
                        "status": "draft",
                        "intent": "order",
                        "code": {"text": name},
                        "subject": {"reference": f"Patient/{patient_id}"},
                    }
                }
                for number, name in enumerate(names, 1)
            ],
        },
    }
    if selections is not None:
        context["selections"] = list(selections)
    body: dict[str, Any] = {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
    }
    if encounter is not None:
        body["prefetch"] = {"encounter": {"resourceType": "Encounter", "class": {"code": encounter}}}
    return body
