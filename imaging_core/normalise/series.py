"""One series judged: from the bytes of its first instance to values, device and findings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final

from imaging_core.coding.vocabulary import vocabulary
from imaging_core.dicom.charset import CharsetRule, decode_texts
from imaging_core.normalise import modalities
from imaging_core.normalise.body_parts import contradict, parts_in
from imaging_core.normalise.dates import check_order, read_date, read_time
from imaging_core.normalise.devices import BodyPartFrom, Device, DeviceRule, rule_for
from imaging_core.normalise.identifiers import read_identifier, read_uid
from imaging_core.normalise.person import read_age, read_sex
from imaging_core.normalise.required import missing
from imaging_core.normalise.values import Finding, FindingCode, Judged, Severity, Value

CHARSET: Final = 0x00080005
SOP_CLASS: Final = 0x00080016
TEXTS: Final = {
    "patient_name": 0x00100010,
    "patient_id": 0x00100020,
    "issuer_of_patient_id": 0x00100021,
    "accession_number": 0x00080050,
    "study_id": 0x00200010,
    "study_description": 0x00081030,
    "series_description": 0x0008103E,
    "protocol_name": 0x00181030,
    "body_part_examined": 0x00180015,
    "modality": 0x00080060,
    "station_name": 0x00081010,
    "manufacturer": 0x00080070,
    "manufacturer_model_name": 0x00081090,
    "device_serial_number": 0x00181000,
    "patient_sex": 0x00100040,
    "patient_age": 0x00101010,
    "study_date": 0x00080020,
    "series_date": 0x00080021,
    "study_time": 0x00080030,
    "series_time": 0x00080031,
    "patient_birth_date": 0x00100030,
    "study_instance_uid": 0x0020000D,
    "series_instance_uid": 0x0020000E,
    "sop_instance_uid": 0x00080018,
}
OF_STUDY: Final = (
    *("patient_name", "patient_id", "issuer_of_patient_id", "patient_sex", "patient_age", "patient_birth_date"),
    *("study_instance_uid", "study_date", "study_time", "accession_number"),
)
"""The fields that are the same for all series of a study."""
_SAME: Final = ("patient_name", "patient_id", "patient_birth_date", "patient_sex")
_WITHOUT_PART: Final = frozenset({"", "PATH", "LAB", "BMD"})
"""A document or a segmentation is of the images beside it, a slide of no part that a device could know."""
_CHARSET_FINDINGS: Final = frozenset({CharsetRule.GB18030, CharsetRule.UTF8, CharsetRule.LATIN1})


@dataclass(frozen=True, slots=True)
class Charset:
    """How the texts of a file were read: what it declared, which rules fired how often."""

    declared: str
    rules: Mapping[str, int]

    @property
    def rule(self) -> str:
        """Return the rule that tells most: the rarest way first, plain ASCII last."""
        order = ("replaced", "gb18030", "utf-8", "latin-1", "declared", "ascii")
        return next((name for name in order if name in self.rules), "ascii")


@dataclass(frozen=True, slots=True)
class Facts:
    """What modality and body part are judged by: the texts as read, kept so that a rule can be tried without bytes."""

    device: Device
    ae_title: str
    sop_class_uid: str
    modality: str
    body_part_examined: str
    descriptions: Mapping[str, str]
    """From the most telling: protocol, series, procedure as ordered, study."""

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Facts":
        """Return facts as they were kept."""
        return cls(**{**kept, "device": Device(**kept["device"])})


@dataclass(frozen=True, slots=True)
class Placed:
    """Modality and body part of a series."""

    modality: Judged
    body_part: Judged


@dataclass(frozen=True, slots=True)
class NormalisedSeries:
    """All that is known of one series."""

    facts: Facts
    charset: Charset
    values: Mapping[str, Value]
    findings: tuple[Finding, ...] = field(default_factory=tuple)


def normalise_series(
    raw: Mapping[int, bytes],
    procedures: Sequence[bytes],
    *,
    ae_title: str,
    rules: Sequence[DeviceRule],
    modalities_of_study: Sequence[str],
    received: date,
    has_pixels: bool,
) -> NormalisedSeries:
    """Judge a series by the values of one of its instances."""
    declared = [part.strip("\0 ") for part in raw.get(CHARSET, b"").decode("latin-1").split("\\")]
    names = list(TEXTS)
    decoded = decode_texts([raw.get(TEXTS[name], b"") for name in names] + list(procedures), declared)
    texts = {name: one.text for name, one in zip(names, decoded, strict=False)}
    counted = [one.rule for one in decoded if one.text]
    charset = Charset("\\".join(declared), {rule.value: counted.count(rule) for rule in dict.fromkeys(counted)})
    sop_class_uid = raw.get(SOP_CLASS, b"").decode("latin-1").strip("\0 ")
    facts = _facts(texts, [one.text for one in decoded[len(names) :]], ae_title=ae_title, sop_class_uid=sop_class_uid)
    placed = place(facts, rules, modalities_of_study)
    birth, birth_date = read_date("patient_birth_date", texts["patient_birth_date"])
    study, study_date = read_date("study_date", texts["study_date"])
    judged = [
        *(_text(name, raw.get(TEXTS[name], b""), one.text, one.rule) for name, one in _named(names, decoded)),
        *(read_uid(name, texts[name]) for name in ("study_instance_uid", "series_instance_uid", "sop_instance_uid")),
        *(read_identifier(name, texts[name]) for name in ("patient_id", "accession_number")),
        *(birth_date, study_date, read_date("series_date", texts["series_date"])[1]),
        *(read_time(name, texts[name]) for name in ("study_time", "series_time")),
        read_sex(texts["patient_sex"]),
        read_age(texts["patient_age"], study=study, birth=birth),
        *(placed.modality, placed.body_part),
    ]
    findings = [finding for one in judged for finding in one.findings]
    findings += _charset_findings(charset)
    findings += check_order(study=study, birth=birth, received=received)
    findings += missing(raw, sop_class_uid, has_pixels=has_pixels, accompanies=_accompanies(facts, placed))
    return NormalisedSeries(
        facts, charset, {one.value.field: one.value for one in judged}, tuple(dict.fromkeys(findings))
    )


def place(facts: Facts, rules: Sequence[DeviceRule], modalities_of_study: Sequence[str]) -> Placed:
    """Return modality and body part of a series in the words of the standard vocabulary."""
    fitting = [
        rule
        for rule in rules
        if rule.fits(facts.device, facts.ae_title, modality=facts.modality, body_part=facts.body_part_examined)
    ]
    modality = _modality(facts, rule_for(fitting, "modality"), modalities_of_study)
    return Placed(modality, _body_part(facts, rule_for(fitting, "body_part_from"), modality.value.value))


def differing(series: Sequence[NormalisedSeries]) -> list[Finding]:
    """Return what should be the same in all series of a study and is not."""
    findings = []
    for name in _SAME:
        told = {one.values[name].value for one in series} - {""}
        if len(told) > 1:
            findings.append(Finding(FindingCode.DIFFERS_WITHIN_STUDY, Severity.ERROR, name, " | ".join(sorted(told))))
    return findings


def _named(names: Sequence[str], decoded: Sequence[Any]) -> list[tuple[str, Any]]:
    plain = {"patient_name", "issuer_of_patient_id", "study_id", "study_description", "series_description"}
    plain |= {"protocol_name", "station_name", "manufacturer", "manufacturer_model_name", "device_serial_number"}
    return [(name, one) for name, one in zip(names, decoded, strict=False) if name in plain]


def _text(name: str, raw: bytes, text: str, rule: CharsetRule) -> Judged:
    # what it would have been as declared cannot be shown in general: the bytes as Latin-1 are what a viewer shows
    received = text if rule in {CharsetRule.ASCII, CharsetRule.DECLARED} else raw.decode("latin-1").strip("\0 ")
    value = Value(name, _printable(received), _printable(text), f"charset.{rule.value}")
    if rule is not CharsetRule.REPLACED:
        return Judged(value)
    return Judged(value, (Finding(FindingCode.TEXT_UNREADABLE, Severity.WARNING, name, value.raw),))


def _charset_findings(charset: Charset) -> list[Finding]:
    wrong = [rule for rule in charset.rules if rule in _CHARSET_FINDINGS]
    if not wrong:
        return []
    code = FindingCode.CHARSET_WRONG if charset.declared.strip("\\ ") else FindingCode.CHARSET_MISSING
    return [Finding(code, Severity.INFO, "specific_character_set", charset.declared, wrong[0])]


def _facts(texts: Mapping[str, str], procedures: Sequence[str], *, ae_title: str, sop_class_uid: str) -> Facts:
    told = {name: _printable(text) for name, text in texts.items()}
    return Facts(
        device=Device(
            told["station_name"],
            told["manufacturer"],
            told["manufacturer_model_name"],
            told["device_serial_number"],
        ),
        ae_title=ae_title,
        sop_class_uid=sop_class_uid,
        modality=told["modality"],
        body_part_examined=told["body_part_examined"],
        descriptions={
            "protocol_name": told["protocol_name"],
            "series_description": told["series_description"],
            "procedure": " ".join(map(_printable, procedures)),
            "study_description": told["study_description"],
        },
    )


def _modality(facts: Facts, rule: DeviceRule | None, of_study: Sequence[str]) -> Judged:
    raw, sop = facts.modality, modalities.of_sop_class(facts.sop_class_uid)
    if rule is not None:
        return Judged(Value("modality", raw, rule.modality, f"device:{rule.key}", rule.version))
    silent = not raw or raw.upper() in modalities.ACCOMPANY
    if silent and sop:
        return Judged(Value("modality", raw, modalities.combined(sop[0], of_study), "modality.sop_class"))
    if silent:
        return Judged(Value("modality", raw, "", "modality.accompanies" if raw else "modality.empty"))
    known = modalities.standard_modality(raw)
    if known is None:
        finding = Finding(FindingCode.MODALITY_UNKNOWN, Severity.WARNING, "modality", raw, sop[0] if sop else "")
        return Judged(Value("modality", raw, sop[0] if sop else "", "modality.unknown"), (finding,))
    known = modalities.combined(known, of_study)
    value = Value("modality", raw, known, "modality.term" if known == raw else "modality.word")
    if sop and known not in sop and not {known, *sop} <= {"DR", "CR", "MG", "RF", "XA"}:
        finding = Finding(FindingCode.MODALITY_CONTRADICTS, Severity.WARNING, "modality", raw, sop[0])
        return Judged(value, (finding,))
    return Judged(value)


def _body_part(facts: Facts, rule: DeviceRule | None, modality: str) -> Judged:
    raw = facts.body_part_examined
    if rule is not None and rule.body_part_from is BodyPartFrom.FIXED:
        return Judged(Value("body_part", raw, rule.body_part, f"device:{rule.key}", rule.version))
    coded = () if rule is not None else parts_in(raw, modality)
    described = ((name, parts_in(text, modality)) for name, text in facts.descriptions.items())
    source, spoken = next(((name, parts) for name, parts in described if parts), ("", ()))
    if coded:
        value = Value("body_part", raw, "、".join(coded), "body_part.attribute")
        if not contradict(coded, spoken):
            return Judged(value)
        proposal = "、".join(spoken)
        finding = Finding(FindingCode.BODY_PART_CONTRADICTS, Severity.WARNING, "body_part", raw, proposal)
        return Judged(value, (finding,))
    if spoken and rule is not None:
        return Judged(Value("body_part", raw, "、".join(spoken), f"device:{rule.key}", rule.version))
    if spoken:
        return Judged(Value("body_part", raw, "、".join(spoken), f"body_part.{source}"))
    if usual := vocabulary().modality_parts.get(modality):
        return Judged(Value("body_part", raw, usual, "body_part.of_modality"))
    value = Value("body_part", raw, "", "body_part.unknown")
    if modality in _WITHOUT_PART:
        return Judged(value)
    return Judged(value, (Finding(FindingCode.BODY_PART_UNKNOWN, Severity.WARNING, "body_part", raw),))


def _accompanies(facts: Facts, placed: Placed) -> bool:
    return not placed.modality.value.value and facts.modality.upper() in modalities.ACCOMPANY


def _printable(text: str) -> str:
    # neither database takes control characters in text gladly, PostgreSQL no NUL at all
    return "".join(character for character in text if character.isprintable()).strip()
