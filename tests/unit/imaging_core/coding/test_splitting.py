"""Names of exam items, as hospitals write them, become single items."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.coding import ExamItem, mapped, overlap, parse_name, starter_catalogue
from imaging_core.coding.vocabulary import vocabulary

_PARTS = sorted(vocabulary().parts)
_APART = [(a, b) for a, b in permutations(["颅脑", "胸部", "上腹部", "盆腔", "颈椎", "腰椎", "骨盆", "甲状腺"], 2)]


def written(name: str) -> list[str]:
    return [f"{item.modality}{item.side}{item.body_part}{'+'.join(item.methods)}" for item in parse_name(name).items]


class TestSplitting:
    @pytest.mark.clause("R4.6")
    @pytest.mark.parametrize(
        ("name", "items"),
        [
            ("胸部+上腹部CT平扫", ["CT胸部平扫", "CT上腹部平扫"]),
            ("颈椎+腰椎MRI平扫", ["MR颈椎平扫", "MR腰椎平扫"]),
            ("头颅、胸部CT平扫+三维重建", ["CT颅脑平扫+三维重建", "CT胸部平扫+三维重建"]),
            ("颈、胸、腰椎MRI平扫", ["MR颈椎平扫", "MR胸椎平扫", "MR腰椎平扫"]),
            ("胸腹盆CT增强", ["CT胸部增强", "CT腹部增强", "CT盆腔增强"]),
            ("CT平扫(头颅+胸部)", ["CT颅脑平扫", "CT胸部平扫"]),
            ("MRI头颅+CT胸部", ["MR颅脑", "CT胸部"]),
            ("头颅MRI平扫+CT平扫", ["MR颅脑平扫", "CT颅脑平扫"]),
            ("头颅CT平扫+头颈部CTA", ["CT颅脑平扫", "CT头颈部CTA"]),
            ("左膝关节MRI平扫+右踝关节DR正侧位", ["MR左膝关节平扫", "DR右踝关节正位+侧位"]),
            ("胸部CT平扫+上腹部增强", ["CT胸部平扫", "CT上腹部增强"]),
        ],
    )
    def test_names_with_several_parts_become_several_items(self, name, items):
        assert written(name) == items

    @pytest.mark.parametrize(
        ("name", "item"),
        [
            ("上腹部CT平扫+增强", "CT上腹部平扫+增强"),
            ("泌尿系CT平扫+增强+CTU", "CT泌尿系平扫+增强+CTU"),
            ("头颅MRI平扫+DWI", "MR颅脑平扫+DWI"),
            ("双下肢CTA+CTV", "CT双下肢CTA+CTV"),
            ("头颈部CTA", "CT头颈部CTA"),
            ("胸腹主动脉CTA", "CT胸腹主动脉CTA"),
            ("颈胸段MRI平扫", "MR颈胸段平扫"),
            ("胸腰段MRI平扫", "MR胸腰段平扫"),
            ("腰骶段DR正侧位", "DR腰骶段正位+侧位"),
            ("全腹部CT平扫", "CT全腹部平扫"),
            ("全脊柱MRI平扫", "MR全脊柱平扫"),
            ("胃及十二指肠超声", "US胃及十二指肠"),
            ("子宫及附件彩超", "US子宫及附件"),
            ("肝胆胰脾彩超", "US肝胆胰脾"),
            ("内耳及中耳乳突CT平扫", "CT内耳及中耳乳突平扫"),
            ("泌尿系彩超(双肾、输尿管、膀胱、前列腺)", "US泌尿系"),
        ],
    )
    def test_names_that_only_look_joined_stay_one_item(self, name, item):
        assert written(name) == [item]

    @pytest.mark.parametrize(("first", "second"), _APART)
    def test_any_two_parts_before_a_shared_method_are_two_items(self, first, second):
        assert written(f"{first}+{second}CT平扫") == [f"CT{first}平扫", f"CT{second}平扫"]

    @pytest.mark.parametrize("part", _PARTS)
    def test_every_part_of_the_dictionary_is_one_item_under_its_own_name(self, part):
        assert [item.body_part for item in parse_name(f"{part}CT平扫").items] == [part]


class TestSides:
    @pytest.mark.parametrize("name", ["双膝关节DR正侧位", "双侧膝关节正侧位", "左右膝正侧位DR", "膝关节(双侧)DR正侧位"])
    def test_both_sides_stay_one_item(self, name):
        assert written(name) == ["DR双膝关节正位+侧位"]

    @pytest.mark.parametrize("side", ["左", "右"])
    def test_a_side_is_kept_wherever_it_stands(self, side):
        for name in (f"{side}膝关节MRI平扫", f"膝关节({side})MRI平扫", f"MRI平扫{side}侧膝关节"):
            assert written(name) == [f"MR{side}膝关节平扫"]

    def test_a_dual_source_scanner_is_no_side(self):
        assert written("双源CT胸部平扫") == ["CT胸部平扫"]


class TestReading:
    @pytest.mark.parametrize("name", ["床边胸部DR正位", "急诊胸部DR正位", "胸部ＤＲ 正位", "（急诊）胸部数字化X线正位"])
    def test_place_urgency_and_width_say_nothing_about_the_method(self, name):
        assert written(name) == ["DR胸部正位"]

    @pytest.mark.parametrize("name", ["颅脑3.0T磁共振平扫", "头颅核磁平扫", "头部MRI 平扫", "头颅1.5TMR平扫"])
    def test_device_classes_are_left_out(self, name):
        assert written(name) == ["MR颅脑平扫"]

    def test_a_name_nobody_knows_gives_nothing_and_says_so(self):
        parsed = parse_name("推拿")
        assert parsed.items == ()
        assert parsed.unknown == ("推拿",)

    @given(st.text(max_size=60))
    def test_any_text_is_read_without_failing_and_twice_the_same(self, text):
        assert parse_name(text) == parse_name(text)

    @given(
        st.lists(
            st.sampled_from(
                ["胸部", "左膝", "+", "CT", "MRI", "平扫", "增强", "(", ")", "双侧", "正侧位", "怪", "胃镜"]
            ),
            max_size=12,
        )
    )
    def test_words_in_any_order_never_make_a_part_or_method_that_was_not_written(self, words):
        name = "".join(words)
        for item in parse_name(name).items:
            assert item.body_part in {"胸部", "膝关节", "胃"}
            assert {"正位": "正侧位", "侧位": "正侧位"}.get(
                "".join(item.methods[:1]), "".join(item.methods[:1])
            ) in name


class TestMapping:
    def test_the_shipped_catalogue_says_it_is_a_demo(self):
        assert starter_catalogue().demo
        assert all(
            (found.standard_code or "").startswith("DEMO-")
            for found in mapped(parse_name("胸部CT"), starter_catalogue())
        )

    def test_order_of_methods_does_not_change_the_code(self):
        code = starter_catalogue().code_of
        assert code(ExamItem("CT", "胸部", "", ("增强", "平扫"))) == code(ExamItem("CT", "胸部", "", ("平扫", "增强")))

    def test_different_items_of_one_region_have_different_codes(self):
        codes = {
            mapped(parse_name(name), starter_catalogue())[0].standard_code
            for name in ("胸部CT平扫", "肋骨CT平扫", "胸部HRCT", "胸部低剂量CT")
        }
        assert len(codes) == 4

    def test_unknown_words_lower_the_score(self):
        sure, doubtful = (
            mapped(parse_name(name), starter_catalogue())[0].score for name in ("胸部CT平扫", "胸部CT平扫怪项")
        )
        assert doubtful < sure == 1.0

    def test_no_code_is_given_for_what_the_catalogue_lacks(self):
        found = mapped(parse_name("胸部平扫"), starter_catalogue())
        assert [one.standard_code for one in found] == [None]
        assert found[0].score <= 0.5


class TestRegions:
    @pytest.mark.parametrize(
        ("one", "other"),
        [("胸部", "肋骨"), ("全腹部", "膀胱"), ("头颈部", "甲状腺"), ("全身", "足"), ("胸腰段", "腰椎")],
    )
    def test_contained_regions_overlap_both_ways(self, one, other):
        assert overlap(one, other)
        assert overlap(other, one)

    @pytest.mark.parametrize(("one", "other"), [("胸部", "颅脑"), ("肝脏", "脾脏"), ("上肢", "下肢"), ("颈椎", "腰椎")])
    def test_regions_apart_do_not(self, one, other):
        assert not overlap(one, other)

    @given(st.sampled_from(_PARTS), st.sampled_from(_PARTS))
    def test_overlap_is_symmetric(self, one, other):
        assert overlap(one, other) == overlap(other, one)

    def test_everything_a_part_covers_is_in_the_dictionary(self):
        named = {covered for part in vocabulary().parts.values() for covered in part.covers}
        assert named <= set(_PARTS)
