"""What a person may say an item stands for, and when it counts."""

import pytest

from imaging_core.coding import ExamItem, parse_name, starter_catalogue
from imaging_core.coding.mappings import MappingRefused, Mappings, check_items, name_key, suggestion
from imaging_core.coding.vocabulary import vocabulary

pytestmark = [pytest.mark.clause("R4.6"), pytest.mark.clause("R6.3")]

CHEST = ExamItem("CT", "胸部", "", ("平扫",))
ABDOMEN = ExamItem("CT", "上腹部", "", ("平扫",))
LEFT_KNEE = ExamItem("DR", "膝关节", "左", ("正位",))
RIGHT_KNEE = ExamItem("DR", "膝关节", "右", ("正位",))
KNEE = ExamItem("DR", "膝关节", "", ("正位",))


class TestWhatCounts:
    def test_a_confirmation_goes_before_the_guess(self):
        mappings = Mappings({("", name_key("体检套餐A")): (CHEST, ABDOMEN)})
        assert mappings.read("体检套餐a").items == (CHEST, ABDOMEN)
        assert mappings.read("体检套餐B") == parse_name("体检套餐B")

    def test_a_name_under_another_code_was_not_looked_at(self):
        mappings = Mappings({("1001", name_key("X线检查")): (CHEST,)})
        assert mappings.confirmed("X线检查", "1001") == (CHEST,)
        assert mappings.confirmed("X线检查", "1002") is None

    def test_one_name_with_two_meanings_says_nothing_without_its_code(self):
        key = name_key("X线检查")
        for second, agreed in ((ABDOMEN, None), (CHEST, (CHEST,))):
            mappings = Mappings({("1", key): (CHEST,), ("2", key): (second,), ("3", key): (CHEST,)})
            assert mappings.confirmed("X线检查") == agreed
            assert mappings.confirmed("X线检查", "2") == (second,)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("name", "items", "reason", "place"),
        [
            ("胸部CT平扫", [], "no_items", 0),
            ("胸部CT平扫", [CHEST, ExamItem("CT", "没有的部位")], "no_standard_item", 1),
            ("胸部CT平扫", [ExamItem("", "胸部")], "no_standard_item", 0),
            ("胸部CT平扫", [ExamItem("CT", "胸部", "左", ("平扫",))], "has_no_sides", 0),
            ("胸部CT增强", [CHEST, CHEST], "twice", 1),
            ("左膝关节正位DR", [RIGHT_KNEE], "other_side", 0),
            ("左膝关节正位DR", [KNEE], "other_side", 0),
            ("左膝关节正位DR", [LEFT_KNEE, RIGHT_KNEE], "other_side", 1),
            ("双膝关节正位DR", [LEFT_KNEE], "other_side", 0),
            ("胸部CT平扫", [ABDOMEN], "other_part", 0),
            ("胸部CT平扫", [ExamItem("MR", "胸部", "", ("平扫",))], "other_modality", 0),
        ],
    )
    def test_with_the_reason_and_the_place(self, name, items, reason, place):
        with pytest.raises(MappingRefused) as refused:
            check_items(name, items, unlike_name=False)
        assert (refused.value.reason, refused.value.place) == (reason, place)

    @pytest.mark.parametrize(
        ("name", "items"),
        [
            ("双膝关节正位DR", [LEFT_KNEE, RIGHT_KNEE]),
            ("左膝关节正位DR", [LEFT_KNEE]),
            ("体检套餐A", [CHEST, ABDOMEN]),
            ("胸部+上腹部CT平扫", [CHEST, ABDOMEN]),
        ],
    )
    def test_what_fits_is_taken(self, name, items):
        check_items(name, items, unlike_name=False)

    def test_another_part_is_taken_once_the_person_saw_it_another_side_never(self):
        check_items("胸部CT平扫", [ABDOMEN], unlike_name=True)
        with pytest.raises(MappingRefused):
            check_items("左膝关节正位DR", [RIGHT_KNEE], unlike_name=True)


class TestSuggestions:
    def test_a_combined_name_is_split_with_scores(self):
        found = suggestion("胸部+上腹部CT平扫")
        assert [one.item for one in found.items] == [CHEST, ABDOMEN]
        assert (found.score, found.complete) == (1.0, True)

    def test_what_nothing_is_known_of_is_no_suggestion(self):
        found = suggestion("床边治疗材料费")
        assert (found.items, found.score, found.complete) == ((), 0.0, False)


class TestCodes:
    def test_every_code_names_its_item_again(self):
        catalogue = starter_catalogue()
        for modality in vocabulary().modalities:
            for part in vocabulary().parts:
                item = ExamItem(modality, part, "", ("平扫", "增强"))
                code = catalogue.code_of(item)
                assert code is not None
                assert catalogue.item_of(code) == item

    @pytest.mark.parametrize("code", ["", "DEMO-", "DEMO-01-0301", "01-0301-01", "DEMO-01-0301-1", "DEMO-01-0301-0201"])
    def test_what_is_no_code_names_none(self, code):
        assert starter_catalogue().item_of(code) is None
