"""The conflict matrix: every cell against what is said of it in words."""

from dataclasses import replace

import pytest

from imaging_core.patients.matrix import (
    Evidence,
    Issuer,
    Likeness,
    NameLikeness,
    Source,
    Verdict,
    cells,
    judge,
)
from imaging_core.patients.names import compare_names

pytestmark = pytest.mark.clause("R4.4")

SAME, DIFFERENT, UNKNOWN = Likeness.SAME, Likeness.DIFFERENT, Likeness.UNKNOWN
KNOWN_NAME = {NameLikeness.SAME, NameLikeness.VARIANT}


def said(cell: Evidence) -> Verdict:
    """Say in words what decision 017 says in a table."""
    two_differ = cell.sex is DIFFERENT and cell.birth_date is DIFFERENT
    if not cell.same_number:
        return Verdict.NEW_MAYBE_KNOWN if looks_known(cell) and not two_differ else Verdict.NEW
    if cell.issuer is Issuer.OTHER:
        return Verdict.QUARANTINED
    if cell.source is Source.REGISTRATION:
        renamed = cell.name not in {NameLikeness.SAME, NameLikeness.ABSENT}
        return Verdict.QUARANTINED if renamed and cell.identity is DIFFERENT else Verdict.LINKED
    return Verdict.LINKED if not two_differ and image_fits(cell) else Verdict.QUARANTINED


def looks_known(cell: Evidence) -> bool:
    if cell.identity is SAME:
        return cell.name in KNOWN_NAME or (cell.name is NameLikeness.ABSENT and cell.birth_date is SAME)
    same_person = cell.name in KNOWN_NAME and cell.birth_date is SAME and cell.sex is not DIFFERENT
    return cell.identity is UNKNOWN and same_person


def image_fits(cell: Evidence) -> bool:
    born_the_same = cell.birth_date is SAME and cell.sex is not DIFFERENT
    if cell.identity is DIFFERENT:
        return cell.name is NameLikeness.SAME and born_the_same
    if cell.identity is SAME:
        return cell.name in KNOWN_NAME | {NameLikeness.ABSENT} or born_the_same
    match cell.name:
        case NameLikeness.SAME:
            return True
        case NameLikeness.VARIANT:
            outweighed = SAME in {cell.sex, cell.birth_date}
            return outweighed or DIFFERENT not in {cell.sex, cell.birth_date}
        case NameLikeness.DIFFERENT:
            return False
    return born_the_same


class TestMatrix:
    @pytest.mark.parametrize("source", Source)
    def test_every_cell_is_decided_as_it_is_said(self, source):
        wrong = [cell for cell in cells() if cell.source is source and judge(cell) is not said(cell)]
        assert wrong == []

    def test_no_cell_is_left_out(self):
        assert len(set(cells())) == 2 * 2 * 2 * 5 * 3 * 3 * 3

    def test_a_patient_number_alone_links_no_image(self):
        alone = Evidence(Source.IMAGE, True, Issuer.OURS, NameLikeness.ABSENT, UNKNOWN, UNKNOWN, UNKNOWN)
        assert judge(alone) is Verdict.QUARANTINED

    def test_another_number_never_links(self):
        assert {judge(cell) for cell in cells() if not cell.same_number} == {Verdict.NEW, Verdict.NEW_MAYBE_KNOWN}

    def test_what_speaks_against_never_helps(self):
        worse = {SAME: UNKNOWN, UNKNOWN: DIFFERENT}
        linked = {cell for cell in cells() if judge(cell) is Verdict.LINKED}
        for cell in cells():
            further = (
                replace(cell, sex=worse.get(cell.sex, DIFFERENT)),
                replace(cell, birth_date=worse.get(cell.birth_date, DIFFERENT)),
                replace(cell, identity=worse.get(cell.identity, DIFFERENT)),
            )
            assert cell in linked or linked.isdisjoint(further), cell


class TestCompareNames:
    @pytest.mark.parametrize(
        ("written", "likeness"),
        [
            ("测试^患者", NameLikeness.SAME),
            ("CE^SHI HUAN ZHE", NameLikeness.VARIANT),
            ("CSHZ", NameLikeness.UNLIKE),
            ("册市患者", NameLikeness.DIFFERENT),
            ("LI^SI=李^四", NameLikeness.DIFFERENT),
            ("LI^SI=测试^患者", NameLikeness.SAME),
            ("^^^", NameLikeness.ABSENT),
            ("", NameLikeness.ABSENT),
        ],
    )
    def test_a_header_beside_a_registered_name(self, written, likeness):
        assert compare_names(written, "测试患者") is likeness

    def test_two_latin_names(self):
        assert compare_names("SMITH^JOHN", "Smith John") is NameLikeness.SAME
        assert compare_names("SMITH^JANE", "Smith John") is NameLikeness.DIFFERENT
