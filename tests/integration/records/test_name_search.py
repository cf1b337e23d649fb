"""Finding patients by name, on both databases."""

from datetime import date, timedelta

import pytest

from imaging_core.patients.name_search import find_by_name
from imaging_core.patients.registry import register_patient
from tests.builders.records import HOSPITAL, NOON, OTHER_HOSPITAL, add_study, field_cipher, registration

pytestmark = pytest.mark.clause("R2.4")


def register(session, name, patient_id=None, institution=HOSPITAL, examined=None):
    person = registration(
        patient_id or f"P-{name}", name=name, institution_code=institution, phone=None, id_number=None
    )
    key = register_patient(session, field_cipher(), person, NOON)
    for days in examined or ():
        study = add_study(session, patient_id=person.patient_id, patient_key=key, institution=institution)
        study.study_date, study.instance_count = date(2025, 4, 1) - timedelta(days=days), 1
    session.flush()
    return key


def names(session, text, first=(), limit=20):
    found = find_by_name(session, institution_code=HOSPITAL, text=text, first=first, limit=limit)
    return [item.patient.name for item in found]


class TestFinding:
    def test_by_characters_pinyin_initials_and_both(self, session):
        for name in ("单雄信", "阿依·古丽", "John^Smith"):
            register(session, name)
        for text, found in (
            ("单雄", ["单雄信"]),
            ("雄信", ["单雄信"]),
            ("shan xiong", ["单雄信"]),
            ("SHANXIONGXIN", ["单雄信"]),
            ("sxx", ["单雄信"]),
            ("xiongx", ["单雄信"]),
            ("单x", ["单雄信"]),
            ("单xiong", ["单雄信"]),
            ("shan雄", ["单雄信"]),
            ("danxx", []),
            ("danxiong", ["单雄信"]),
            ("山x", []),  # it sounds so, it is not written so
            ("阿依·古丽", ["阿依·古丽"]),
            ("阿依古丽", ["阿依·古丽"]),
            ("SMITH", ["John Smith"]),
            ("john sm", ["John Smith"]),
            ("单雄信信", []),
        ):
            assert (text, names(session, text)) == (text, found)

    def test_takes_wildcards_for_nothing(self, session):
        register(session, "李四")
        for text in ("%", "_", "%%", "__", "*", "李%三", "李_x", "li%san' OR 1=1 --", "\\", ""):
            assert (text, names(session, text)) == (text, [])

    def test_never_shows_another_institutions_patients(self, session):
        theirs = register(session, "测试患者", institution=OTHER_HOSPITAL)
        ours = register(session, "测试患者")
        found = find_by_name(session, institution_code=HOSPITAL, text="csh", first=[theirs], limit=20)
        assert [item.patient.id for item in found] == [ours]

    def test_follows_a_change_of_name(self, session):
        register(session, "测试之子", patient_id="NEWBORN")
        register(session, "测试新名", patient_id="NEWBORN")
        assert names(session, "测试") == ["测试新名"]
        assert names(session, "cszz") == []

    def test_leaves_no_stale_key_when_nothing_changed(self, session):
        for _ in range(2):
            register(session, "测试患者", patient_id="TWICE")
        assert names(session, "测") == ["测试患者"]


class TestTheOrder:
    def test_is_recent_exact_beginning_inner_and_in_each_the_newest_examination(self, session):
        recent = register(session, "王小丽丽", examined=[900])
        register(session, "丽丽娜", examined=[100])
        register(session, "丽丽安", examined=[5, 700])
        register(session, "丽丽", examined=[400])
        register(session, "丽丽亚")
        register(session, "张丽丽", examined=[1])
        assert names(session, "丽丽", first=[recent]) == ["王小丽丽", "丽丽", "丽丽安", "丽丽娜", "丽丽亚", "张丽丽"]
        assert names(session, "lili", first=[recent], limit=3) == ["王小丽丽", "丽丽", "丽丽安"]

    def test_of_recent_ones_is_the_doctors(self, session):
        a, b, c = (register(session, f"王{n}") for n in "一二三")
        assert names(session, "wang", first=[c, a, b]) == ["王三", "王一", "王二"]

    def test_counts_a_patient_once_whose_pinyin_and_initials_both_fit(self, session):
        register(session, "安宁")
        assert names(session, "an") == ["安宁"]

    def test_tells_the_day_of_the_newest_examination_that_has_images(self, session):
        key = register(session, "测试患者", examined=[3, 1, 2])
        empty = add_study(session, patient_key=key)
        empty.study_date = date(2025, 4, 1)
        session.flush()
        (found,) = find_by_name(session, institution_code=HOSPITAL, text="测试", limit=5)
        assert found.last_exam_on == date(2025, 3, 31)
