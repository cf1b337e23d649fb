"""Identifiers with types, so that two of them cannot be swapped unnoticed."""

from typing import NewType

StudyInstanceUid = NewType("StudyInstanceUid", str)
SeriesInstanceUid = NewType("SeriesInstanceUid", str)
SopInstanceUid = NewType("SopInstanceUid", str)
InstitutionCode = NewType("InstitutionCode", str)
"""医疗机构代码, the 18-digit 统一社会信用代码 of the institution a row belongs to."""
PatientKey = NewType("PatientKey", int)
"""Row id of a patient in our own patient index; never shown to a person."""
ReportKey = NewType("ReportKey", str)
"""Opaque id of a report (UUID hex), stable over its versions."""
