"""What normalising yields: values with the rule that made them, and findings."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VERSION: Final = 1
"""Of the rules in this package. A higher one lets the worker normalise everything again."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Images of one patient may be taken for another's, or cannot be found."""
    WARNING = "warning"
    """Something a person should look at."""
    INFO = "info"
    """Mended by a rule, or harmless."""


class FindingCode(StrEnum):
    """Kinds of findings. `api.messages.normalisation` has the words."""

    CHARSET_WRONG = "charset_wrong"
    CHARSET_MISSING = "charset_missing"
    TEXT_UNREADABLE = "text_unreadable"
    REQUIRED_MISSING = "required_missing"
    REQUIRED_EMPTY = "required_empty"
    NEEDED_EMPTY = "needed_empty"
    DATE_OLD_FORM = "date_old_form"
    DATE_IMPOSSIBLE = "date_impossible"
    DATE_IN_FUTURE = "date_in_future"
    DATE_BEFORE_BIRTH = "date_before_birth"
    DATE_PLACEHOLDER = "date_placeholder"
    TIME_OLD_FORM = "time_old_form"
    TIME_IMPOSSIBLE = "time_impossible"
    UID_FORM = "uid_form"
    IDENTIFIER_CLEANED = "identifier_cleaned"
    IDENTIFIER_PLACEHOLDER = "identifier_placeholder"
    ID_NUMBER_CHECKSUM = "id_number_checksum"
    SEX_UNKNOWN = "sex_unknown"
    AGE_FORM = "age_form"
    AGE_CONTRADICTS = "age_contradicts"
    MODALITY_CONTRADICTS = "modality_contradicts"
    MODALITY_UNKNOWN = "modality_unknown"
    BODY_PART_UNKNOWN = "body_part_unknown"
    BODY_PART_CONTRADICTS = "body_part_contradicts"
    DIFFERS_WITHIN_STUDY = "differs_within_study"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Value:
    """One attribute: as received, as normalised, and why. `rule` is a name such as `date.acr_nema`."""

    field: str
    raw: str
    value: str
    rule: str
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be; `proposal` is the value that would do, empty when only a person knows."""

    code: FindingCode
    severity: Severity
    field: str
    raw: str = ""
    proposal: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One value and what was noticed about it."""

    value: Value
    findings: tuple[Finding, ...] = ()
