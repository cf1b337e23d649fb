"""Where to send a patient."""

import pytest

from knowledge_base import CareDirectory
from knowledge_base.errors import ContentInvalid

DEPARTMENTS = """
- {id: er, name: 急诊科, when: 急, keywords: [气胸], urgent: true}
- {id: lung, name: 呼吸内科, when: 肺, keywords: [肺, 肺结节]}
- {id: thyroid, name: 甲乳外科, when: 甲状腺, keywords: [甲状腺结节]}
"""
HOSPITALS = "- {id: h, name: 医院, level: 二级, phone: '1', address: 路, departments: [er, lung], demo: true}"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "departments.yaml").write_text(DEPARTMENTS, "utf-8")
    (tmp_path / "hospitals.yaml").write_text(HOSPITALS, "utf-8")
    return tmp_path


class TestDepartmentsForAText:
    def test_gives_the_most_specific_first(self, folder):
        found = CareDirectory.load(folder).departments_for("甲状腺结节，肺也不好")
        assert [department.department_id for department in found] == ["thyroid", "lung"]

    def test_gives_none_when_nothing_fits(self, folder):
        assert list(CareDirectory.load(folder).departments_for("脚气")) == []

    def test_knows_which_are_urgent(self, folder):
        [emergency, *_] = CareDirectory.load(folder).departments_for("右侧气胸")
        assert emergency.urgent


class TestBrokenDirectory:
    def test_a_hospital_with_an_unknown_department_is_refused(self, folder):
        (folder / "hospitals.yaml").write_text(HOSPITALS.replace("lung", "nowhere"), "utf-8")
        with pytest.raises(ContentInvalid, match="nowhere"):
            CareDirectory.load(folder)

    @pytest.mark.parametrize("text", ["- {id: only}", "{", "- 5"])
    def test_a_broken_file_is_refused(self, folder, text):
        (folder / "departments.yaml").write_text(text, "utf-8")
        with pytest.raises(ContentInvalid):
            CareDirectory.load(folder)

    def test_a_missing_file_is_refused(self, tmp_path):
        with pytest.raises(ContentInvalid):
            CareDirectory.load(tmp_path)


class TestWhatShips:
    def test_marks_every_hospital_as_demo(self):
        hospitals = CareDirectory.load().hospitals()
        assert hospitals
        assert all(hospital.demo and "演示" in hospital.name for hospital in hospitals)

    @pytest.mark.clause("R3.9")
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("右肺上叶磨玻璃结节", "呼吸内科"),
            ("甲状腺右叶结节", "甲乳外科"),
            ("胆囊结石", "肝胆外科"),
            ("腰4/5椎间盘突出", "骨科"),
            ("主动脉夹层", "胸痛中心（急诊）"),
            ("右侧基底节区腔隙性脑梗死", "神经内科"),
            ("膈下游离气体", "急诊科"),
            ("肾囊肿", "泌尿外科"),
        ],
    )
    def test_sends_a_finding_to_the_right_place(self, text, name):
        assert CareDirectory.load().departments_for(text)[0].name == name

    def test_has_a_department_for_every_id_it_uses(self):
        directory = CareDirectory.load()
        assert all(directory.department(d) for hospital in directory.hospitals() for d in hospital.department_ids)
        assert directory.department("nowhere") is None
