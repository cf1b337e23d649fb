"""A registration as the batches a province takes: seriesInfo, reportInfo, examInfo.

`hash_id` names the content: a row sent again with the same key and hash changes nothing.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.interop.regional.port import Registration

SYSTEM_ID = "MINGYING"
EXAM_KEY = ("organ_code", "system_id", "ris_study_id")
_VISITS = {"outpatient": "1", "emergency": "2", "inpatient": "3", "checkup": "4"}
_SEXES = {"M": "1", "F": "2"}
_VERIFIED = "2"


def batches(
    registration: Registration, institution_code: InstitutionCode, institution_name: str
) -> Iterator[dict[str, Any]]:
    """Yield the batches of a study. The examination comes last: it is found only once the rest is there."""
    key = {
        "organ_code": institution_code,
        "organ_name": institution_name,
        "system_id": SYSTEM_ID,
        "ris_study_id": registration.examination_id,
        "disable_flag": int(registration.withdrawn),
    }
    yield _batch("seriesInfo", "pacs_series_id", [{**key, **row} for row in _series(registration)])
    yield _batch("reportInfo", "result_id", [{**key, **_report(registration, institution_code)}])
    yield _batch("examInfo", None, [{**key, **_exam(registration)}])


def content_digest(registration: Registration) -> str:
    """Return a name of everything that would be sent, to know whether anything is new."""
    rows = [batch["data"] for batch in batches(registration, InstitutionCode(""), "")]
    return _digest(rows)


def _batch(data_type: str, more_key: str | None, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "dataType": data_type,
        "index_fields": [*EXAM_KEY, more_key] if more_key else [*EXAM_KEY],
        "link_fields": [*EXAM_KEY],
        "data": [{**row, "hash_id": _digest(row)} for row in rows],
    }


def _series(registration: Registration) -> Iterator[dict[str, Any]]:
    for series in registration.series:
        yield {
            "pacs_series_id": series.series_instance_uid,
            "series_uid": series.series_instance_uid,
            "study_uid": registration.study_instance_uid,
            "accession_number": registration.accession_number,
            "modality": series.modality,
            "body_part_examined": series.body_part_examined,
            "image_count": series.image_count,
        }


def _report(registration: Registration, institution_code: InstitutionCode) -> dict[str, Any]:
    return {
        "result_id": registration.report_id,
        "rpt_no": registration.report_id,
        "rpt_version": registration.report_version,
        "rpt_status": _VERIFIED,
        "rpt_name": registration.reporting_physician,
        "rv_name": registration.verifying_physician,
        "rv_organ_code": institution_code,
        "rpt_dt": _milliseconds(registration.reported_at),
        # the contract's own names: rpt_descrip holds the findings, rpt_seeing the impression
        "rpt_descrip": registration.findings,
        "rpt_seeing": registration.impression,
        "rpt_critical_value": registration.critical,
    }


def _exam(registration: Registration) -> dict[str, Any]:
    return {
        "name": registration.person.name,
        "sex": _SEXES.get(registration.sex, "9"),
        "birthday": registration.birth_date.isoformat() if registration.birth_date else None,
        "cardtype": "01",
        "cardno": registration.person.id_number,
        "system_patient_id": registration.local_patient_id,
        "op_em_hp_ex_mark": _VISITS.get(registration.encounter_class, ""),
        "proj_name": registration.item,
        "hos_proj_no": registration.item_code,
        # only where confirmed: a registration without stays byte for byte what the platform has of it
        **({"proj_no": ",".join(registration.standard_codes)} if registration.standard_codes else {}),
        "ckpt_name": registration.item,
        "chk_modality": registration.modality,
        "chk_dt": _milliseconds(registration.examined_at),
        "img_count": sum(series.image_count for series in registration.series),
    }


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.astimezone(UTC).timestamp() * 1000)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
