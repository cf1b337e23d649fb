"""The duplicate rule on names as hospitals write them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.coding import parse_name
from imaging_core.patients.registration import EncounterClass
from imaging_core.reminders import Level, PriorExam, Rule, judge, needs_reason

TODAY = date(2026, 11, 24)
RULE = Rule(window_days=30)


def prior(item="胸部CT平扫", *, days=3, hospital="other", status="final"):
    return PriorExam(hospital, parse_name(item), TODAY - timedelta(days=days), status)


def judged(order, *history, rule=RULE):
    return judge(parse_name(order), hospital="own", today=TODAY, history=history, rule=rule)


class TestWhatDoesNotCount:
    @pytest.mark.parametrize("status", ["preliminary", "scheduled", "cancelled", "void", "withdrawn", "", "FINAL?"])
    def test_a_result_that_nobody_signed(self, status):
        assert judged("胸部CT平扫", prior(status=status)).level is Level.NONE

    def test_a_date_after_today(self):
        assert judged("胸部CT平扫", prior(days=-1)).level is Level.NONE

    def test_the_own_hospital_unless_the_rule_says_so(self):
        own = prior(hospital="own")
        assert judged("胸部CT平扫", own).level is Level.NONE
        assert judged("胸部CT平扫", own, rule=Rule(30, include_own_hospital=True)).level is Level.SAME

    def test_another_region(self):
        assert judged("胸部CT平扫", prior("头颅CT平扫"), prior("左膝关节MRI")).level is Level.NONE

    def test_what_is_no_picture_beside_one_of_the_region(self):
        assert judged("胸部CT平扫", prior("常规十二导联心电图")).level is Level.NONE
        assert judged("常规十二导联心电图", prior("心脏彩超")).level is Level.NONE
        assert judged("常规十二导联心电图", prior("常规十二导联心电图")).level is Level.SAME

    @pytest.mark.parametrize("order", ["胸部CT平扫", "上腹部CT平扫", "盆腔MRI平扫"])
    def test_an_endoscopy_or_a_biopsy_beside_a_scan_of_another_part(self, order):
        assert judged(order, prior("电子结肠镜检查"), prior("活检组织病理检查")).level is Level.NONE

    def test_nothing_at_all(self):
        found = judged("胸部CT平扫")
        assert (found.level, found.which) == (Level.NONE, ())

    def test_another_laboratory_test(self):
        assert judged("血常规", prior("肝功能")).level is Level.NONE
        assert judged("血常规", prior("血常规")).level is Level.SAME

    def test_names_that_nobody_can_read(self):
        assert judged("甲乙丙", prior("丁戊己")).level is Level.NONE
        assert judged("甲乙丙", prior("甲乙丙 ")).level is Level.SAME

    def test_empty_names_are_not_one_examination(self):
        assert judged("", prior("")).level is Level.NONE


class TestSame:
    @pytest.mark.parametrize(
        ("order", "before"),
        [
            ("胸部CT平扫", "胸部64排螺旋CT平扫"),
            ("胸部CT", "胸部CT平扫"),
            ("胸部CT平扫", "胸部CT平扫+三维重建"),
            ("头颅MRI", "头颅核磁共振平扫"),
            ("上腹部CT平扫+增强", "上腹部CT增强+平扫"),
            ("左膝关节DR正侧位", "左膝关节DR正侧位"),
            ("肝胆胰脾彩超", "肝胆胰脾B超"),
        ],
    )
    def test_is_the_same_item_under_another_name(self, order, before):
        assert judged(order, prior(before)).level is Level.SAME

    @pytest.mark.clause("R2.6")
    def test_an_order_of_several_parts_is_same_if_any_part_is(self):
        found = judged("胸部+上腹部CT平扫", prior("头颅CT"), prior("胸部CT平扫"), prior("胸部DR"))
        assert (found.level, found.which) == (Level.SAME, (1,))

    def test_an_earlier_examination_of_several_parts_holds_each(self):
        assert judged("上腹部CT平扫", prior("胸部+上腹部CT平扫")).level is Level.SAME

    def test_a_corrected_report_counts(self):
        assert judged("胸部CT平扫", prior(status="corrected")).level is Level.SAME


class TestRelated:
    @pytest.mark.parametrize(
        ("order", "before"),
        [
            ("胸部CT平扫", "肋骨CT平扫"),
            ("胸部CT平扫", "胸部HRCT"),
            ("胸部CT平扫", "胸部低剂量CT"),
            ("胸部CT平扫", "胸部CT增强"),
            ("胸部CT平扫", "胸部CT平扫+增强"),
            ("胸部CT平扫", "胸部DR正位"),
            ("胸部DR正位", "胸部CR正位"),
            ("左膝关节DR正侧位", "右膝关节DR正侧位"),
            ("左膝关节DR正侧位", "双膝关节DR正侧位"),
            ("左膝关节DR正侧位", "膝关节DR正侧位"),
            ("全腹部CT平扫", "上腹部CT平扫"),
            ("胸部", "胸部CT"),
        ],
    )
    def test_is_what_shares_the_region_and_differs(self, order, before):
        assert judged(order, prior(before)).level is Level.RELATED
        assert judged(before, prior(order)).level is Level.RELATED

    def test_all_that_stand_at_the_level_are_named(self):
        assert judged("胸部CT平扫", prior("胸部HRCT"), prior("头颅CT"), prior("胸部DR")).which == (0, 2)


class TestWindow:
    def test_the_last_day_belongs_to_it(self):
        assert judged("胸部CT平扫", prior(days=30)).level is Level.SAME
        assert judged("胸部CT平扫", prior(days=31)).level is Level.RELATED

    def test_today_belongs_to_it_even_when_it_has_no_day(self):
        assert judged("胸部CT平扫", prior(days=0), rule=Rule(0)).level is Level.SAME

    @pytest.mark.parametrize("outside", list(Level))
    def test_what_is_old_is_never_stronger_than_it_was(self, outside):
        rule = Rule(30, outside_window=outside)
        assert judged("胸部CT平扫", prior(days=31), rule=rule).level is outside
        assert judged("胸部CT平扫", prior("胸部DR", days=31), rule=rule).level is min(outside, Level.RELATED)

    def test_a_modality_may_have_its_own(self):
        rule = Rule(30, outside_window=Level.NONE, per_modality={"CT": 7})
        assert judged("胸部CT平扫", prior(days=8), rule=rule).level is Level.NONE
        assert judged("头颅MRI", prior("头颅MRI", days=8), rule=rule).level is Level.SAME

    def test_of_several_parts_each_has_the_window_of_its_modality(self):
        rule = Rule(30, outside_window=Level.NONE, per_modality={"CT": 7})
        assert judged("胸部CT+头颅MRI", prior("头颅MRI", days=8), rule=rule).level is Level.SAME
        assert judged("胸部CT+头颅MRI", prior("胸部CT", days=8), rule=rule).level is Level.NONE


class TestAskingForAReason:
    @pytest.mark.parametrize("level", list(Level))
    def test_never_in_an_emergency(self, level):
        assert not needs_reason(level, EncounterClass.EMERGENCY)

    def test_only_for_the_same_item(self):
        asked = [level for level in Level if needs_reason(level, EncounterClass.INPATIENT)]
        assert asked == [Level.SAME]


NAMES = st.sampled_from(
    [
        "胸部CT平扫",
        "胸部CT",
        "胸部+上腹部CT平扫",
        "左膝关节DR",
        "双膝关节MRI",
        "心脏彩超",
        "血常规",
        "全身PET-CT",
        "？",
        "",
    ]
) | st.text(max_size=8)


class TestLaws:
    @given(NAMES, NAMES, st.integers(0, 90))
    def test_comparing_goes_both_ways(self, one, other, days):
        there, back = judged(one, prior(other, days=days)), judged(other, prior(one, days=days))
        assert there.level is back.level

    @given(NAMES, st.lists(st.tuples(NAMES, st.integers(-5, 90), st.sampled_from(["final", "void"]))))
    def test_one_more_examination_never_weakens_a_reminder(self, order, rows):
        history = [prior(name, days=days, status=status) for name, days, status in rows]
        strengths = [judged(order, *history[:n]).level for n in range(len(history) + 1)]
        assert strengths == sorted(strengths)

    @given(NAMES, NAMES, st.integers(0, 90), st.integers(0, 90))
    def test_a_longer_window_never_weakens_a_reminder(self, order, before, days, window):
        short, long = (judged(order, prior(before, days=days), rule=Rule(w)).level for w in (window, window + 1))
        assert short <= long

    @given(NAMES.filter(lambda name: name.strip()))
    def test_an_order_repeats_itself(self, name):
        assert judged(name, prior(name)).level is Level.SAME
