"""A series judged: modality, body part, character set, what is missing; rules per device."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

import pytest

from imaging_core.coding.vocabulary import vocabulary
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.raw_values import read_procedure_names, read_raw_values
from imaging_core.errors import ImagingError
from imaging_core.normalise.body_parts import _words, parts_in
from imaging_core.normalise.devices import BodyPartFrom, Device, DeviceRule, Matcher
from imaging_core.normalise.normaliser import _WANTED
from imaging_core.normalise.series import Facts, NormalisedSeries, differing, normalise_series, place
from tests.builders.dicom import ct_instance

pytestmark = pytest.mark.clause("R4.4")

CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"


def judged(content: bytes, *rules: DeviceRule, ae_title: str = "CT1", beside: tuple[str, ...] = ()) -> NormalisedSeries:
    return normalise_series(
        read_raw_values(BytesIO(content), len(content), Limits(), _WANTED),
        read_procedure_names(BytesIO(content)),
        ae_title=ae_title,
        rules=rules,
        modalities_of_study=beside,
        received=date(2026, 3, 2),
        has_pixels=True,
    )


def named(series: NormalisedSeries, field: str) -> tuple[str, str, str]:
    value = series.values[field]
    return value.raw, value.value, value.rule


def found(series: NormalisedSeries) -> set[tuple[str, str]]:
    return {(finding.code.value, finding.field) for finding in series.findings}


class TestModality:
    @pytest.mark.parametrize(
        ("attributes", "value", "rule", "code"),
        [
            ({}, "CT", "modality.term", None),
            ({"Modality": "DX", "SOPClassUID": DX}, "DR", "modality.word", None),
            ({"Modality": "MRI"}, "MR", "modality.word", "modality_contradicts"),
            ({"Modality": None}, "CT", "modality.sop_class", None),
            ({"Modality": "OT"}, "CT", "modality.sop_class", None),
            ({"Modality": "CTX"}, "CT", "modality.unknown", "modality_unknown"),
            ({"Modality": "SR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"}, "", "modality.accompanies", None),
            ({"Modality": "DX", "SOPClassUID": CR}, "DR", "modality.word", None),
        ],
    )
    def test_is_a_standard_word_or_a_finding(self, attributes: dict[str, Any], value: str, rule: str, code: str | None):
        series = judged(ct_instance(**attributes))
        assert named(series, "modality")[1:] == (value, rule)
        assert {kind for kind, field in found(series) if kind.startswith("modality")} == ({code} if code else set())

    def test_of_a_pet_series_follows_what_stands_beside_it(self):
        pet = ct_instance(Modality="PT", SOPClassUID="1.2.840.10008.5.1.4.1.1.128")
        assert named(judged(pet, beside=("PT", "CT")), "modality")[1] == "PET-CT"
        assert named(judged(pet, beside=("PT", "MR")), "modality")[1] == "PET-MR"


class TestBodyPart:
    @pytest.mark.parametrize(
        ("attributes", "value", "rule"),
        [
            ({"BodyPartExamined": "CHEST"}, "胸部", "body_part.attribute"),
            ({"BodyPartExamined": "ROUTINE", "ProtocolName": "Tri Phase Liver"}, "肝脏", "body_part.protocol_name"),
            ({"BodyPartExamined": "", "SeriesDescription": "", "StudyDescription": "胸部+上腹部CT平扫"}, "胸部、上腹部", "body_part.study_description"),
            ({"BodyPartExamined": "PELVIS", "Modality": "DX", "SOPClassUID": DX, "StudyDescription": ""}, "骨盆", "body_part.attribute"),
            ({"BodyPartExamined": "", "SeriesDescription": "x", "StudyDescription": ""}, "", "body_part.unknown"),
        ],
    )  # fmt: skip
    def test_is_a_standard_word(self, attributes: dict[str, Any], value: str, rule: str):
        assert named(judged(ct_instance(**attributes)), "body_part")[1:] == (value, rule)

    def test_what_the_worklist_ordered_counts_before_the_study_description(self):
        from pydicom.dataset import Dataset

        code, request = Dataset(), Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99HIS", "腰椎MRI平扫"
        request.RequestedProcedureDescription = "腰椎MRI平扫"
        instance = ct_instance(BodyPartExamined="", SeriesDescription="t2", RequestAttributesSequence=[request])
        assert named(judged(instance), "body_part")[1:] == ("腰椎", "body_part.procedure")
        assert (
            named(
                judged(ct_instance(BodyPartExamined="", SeriesDescription="t2", ProcedureCodeSequence=[code])),
                "body_part",
            )[1]
            == "腰椎"
        )

    def test_an_attribute_that_the_description_contradicts_is_a_finding_with_the_other_reading(self):
        series = judged(ct_instance(BodyPartExamined="CHEST", SeriesDescription="腰椎 骨窗", StudyDescription="腰椎CT"))
        [finding] = [one for one in series.findings if one.code == "body_part_contradicts"]
        assert (finding.raw, finding.proposal) == ("CHEST", "腰椎")

    def test_every_word_of_the_table_leads_to_a_part_of_the_vocabulary(self):
        known = vocabulary().parts
        assert {part for projection in (True, False) for part in _words(projection=projection).values()} <= known.keys()
        assert parts_in("FAST LOCALIZER", "MR") == ()
        assert parts_in("头颅", "CT") == parts_in("Brain-MRA", "MR") == ("颅脑",)


class TestRules:
    STATION = Matcher(station_name="DR-2")

    def facts(self, **differs: Any) -> Facts:
        device = Device("DR-2", "ACME", "Plate 3", "77")
        told = {"protocol_name": "", "series_description": "L-SPINE AP", "procedure": "", "study_description": ""}
        return replace(Facts(device, "DR2AE", CR, "CR", "CHEST", told), **differs)

    def test_a_device_whose_cr_is_dr(self):
        rule = DeviceRule(self.STATION, when_modality="CR", modality="DR", key="a", version=3)
        value = place(self.facts(), [rule], ()).modality.value
        assert (value.raw, value.value, value.rule, value.version) == ("CR", "DR", "device:a", 3)
        assert place(self.facts(modality="MG"), [rule], ()).modality.value.value == "MG"
        assert place(self.facts(device=Device("DR-3")), [rule], ()).modality.value.value == "CR"

    def test_a_device_that_writes_chest_for_everything(self):
        rule = DeviceRule(self.STATION, body_part_from=BodyPartFrom.DESCRIPTION, key="b", version=1)
        placed = place(self.facts(), [rule], ()).body_part
        assert (placed.value.value, placed.value.rule, placed.findings) == ("腰椎", "device:b", ())

    def test_the_more_precise_rule_holds_and_of_equals_the_younger(self):
        by_maker = DeviceRule(Matcher(manufacturer="acme "), modality="RF", order=9)
        by_both = DeviceRule(Matcher(manufacturer="ACME", serial_number="77"), modality="XA", order=1)
        assert place(self.facts(), [by_maker, by_both], ()).modality.value.value == "XA"
        younger = DeviceRule(Matcher(ae_title="DR2AE"), modality="DR", order=10)
        assert place(self.facts(), [by_maker, younger], ()).modality.value.value == "DR"

    def test_a_rule_that_names_no_device_is_for_none(self):
        assert not Matcher().fits(Device("DR-2"), "DR2AE")

    def test_facts_come_back_as_they_were_kept(self):
        assert Facts.from_json(self.facts().as_json()) == self.facts()


class TestCharset:
    def chinese(self, declared: str | None) -> bytes:
        written = ct_instance(SpecificCharacterSet="GB18030", patient_name="测试^患者", StudyDescription="胸部CT平扫")
        other = b"" if declared is None else declared.encode()
        assert b"GB18030 " in written
        return written.replace(b"GB18030 ", other.ljust(8)) if other else written.replace(b"GB18030 ", b"ISO_IR 6")

    def test_what_was_declared_and_what_was_used_are_both_told(self):
        series = judged(self.chinese(None))
        assert (series.charset.declared, series.charset.rule) == ("ISO_IR 6", "gb18030")
        raw, value, rule = named(series, "patient_name")
        assert (value, rule) == ("测试^患者", "charset.gb18030")
        assert raw == "测试^患者".encode("gb18030").decode("latin-1")
        assert ("charset_wrong", "specific_character_set") in found(series)

    def test_what_is_declared_rightly_is_no_finding(self):
        series = judged(self.chinese("GB18030"))
        assert (series.charset.declared, series.charset.rule) == ("GB18030", "declared")
        assert not {one for one in found(series) if one[0].startswith("charset")}


class TestMissing:
    def test_what_the_standard_and_the_hospital_ask_for(self):
        series = judged(
            ct_instance(PatientID="", AccessionNumber="", PixelSpacing=None, SeriesNumber=None, PatientSex=None)
        )
        assert {("needed_empty", "patient_id"), ("needed_empty", "accession_number")} <= found(series)
        assert {("required_missing", "pixel_spacing"), ("required_missing", "series_number")} <= found(series)
        whole = judged(ct_instance(Manufacturer="ACME", ReferringPhysicianName=""))
        assert not {one for one in found(whole) if one[0].startswith(("required", "needed"))}

    def test_series_of_one_study_that_name_different_patients(self):
        one, other = judged(ct_instance()), judged(ct_instance(patient_id="TEST0002"))
        assert [(finding.code, finding.field) for finding in differing([one, other])] == [
            ("differs_within_study", "patient_id")
        ]
        assert differing([one, one]) == []


def files(folder) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in {".txt", ".md"}:
            yield path.read_bytes()


class TestRealFiles:
    def test_each_is_judged_or_refused_as_the_archive_refuses_it(self, shared_data):
        modalities, parts, told = set(vocabulary().modalities), vocabulary().parts.keys(), 0
        for folder in (
            "charset",
            "cr",
            "mg",
            "malformed",
            "us_still_and_cine",
            "sr",
            "pathology_seg_dx",
            "ophthalmic_op",
        ):
            for content in files(shared_data / "dicom" / folder):
                try:
                    series = judged(content)
                except ImagingError:
                    continue
                told += 1
                assert series.values["modality"].value in modalities | {""}
                assert set(series.values["body_part"].value.split("、")) <= parts | {""}
        assert told > 50
