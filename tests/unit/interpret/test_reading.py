"""Reading reports: offsets, findings, sides, sizes, negation, status."""

import pytest

from interpret.interpretation import interpret_report
from interpret.report.anatomy import side_of
from interpret.report.levels import levels
from interpret.report.measure import measurements
from interpret.report.prepare import prepare
from interpret.report.scopes import negated_spans
from interpret.report.split import sentences
from interpret.types import Finding, ReportText, Section, Side, Status, TermMark, Urgency
from tests.builders.knowledge import SmallKnowledge
from tests.builders.reports import ABDOMEN_US, ALL, BREAST_US, CHEST_CT, FOLLOW_UP_CT, HEAD_CT, LUMBAR_MR, NORMAL_DR

KNOWLEDGE = SmallKnowledge()


def findings(text: str) -> list[Finding]:
    return list(interpret_report(ReportText(text, ""), KNOWLEDGE).findings)


def only(text: str) -> Finding:
    found = findings(text)
    assert len(found) == 1, [f.text for f in found]
    return found[0]


class TestOffsets:
    @pytest.mark.parametrize("report", ALL)
    def test_every_text_is_the_verbatim_slice_of_its_section(self, report):
        result = interpret_report(report, KNOWLEDGE)
        items: list[TermMark | Finding] = [*result.terms, *result.findings]
        for item in items:
            assert item.text == report.section(item.span.section)[item.span.start : item.span.end]

    def test_survive_full_width_digits_and_wrapped_lines(self):
        text = "右肺上叶尖段见一磨玻璃结节，边界清楚，大小\n约８ｍｍ×６ｍｍ，邻近胸膜无牵拉。左肺下叶清晰。"
        finding = findings(text)[0]
        assert finding.text == text[: text.index("。")]
        assert [(m.value, m.unit) for m in finding.measurements] == [(8.0, "mm"), (6.0, "mm")]


class TestSentences:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1.右肺结节。2.左肺条索影。", ["右肺结节", "左肺条索影"]),
            ("1、脂肪肝2、肝囊肿3、胆囊结石", ["脂肪肝", "肝囊肿", "胆囊结石"]),
            ("双肺纹理清晰  心影不大  膈面光整", ["双肺纹理清晰", "心影不大", "膈面光整"]),
            ("L3、4椎间盘膨出；胸12、腰1椎体压缩", ["L3、4椎间盘膨出", "胸12、腰1椎体压缩"]),
            ("检查所见：两肺野清晰", ["两肺野清晰"]),
            ("大小约0.8cm.心影不大.", ["大小约0.8cm", "心影不大"]),
        ],
    )
    def test_are_cut_where_reports_cut_them(self, text, expected):
        prepared = prepare(text).text
        assert [piece.of(prepared) for piece in sentences(prepared)] == expected


class TestSide:
    @pytest.mark.parametrize(
        ("text", "side"),
        [
            ("右肺下叶结节", Side.RIGHT),
            ("左右主支气管通畅", Side.BOTH),
            ("两肺纹理增多", Side.BOTH),
            ("大小约5mm左右", Side.NONE),
            ("左右径约3cm", Side.NONE),
            ("甲状腺右叶结节", Side.NONE),
            ("肝左叶囊肿", Side.NONE),
            ("纵隔右移", Side.NONE),
            ("左心室增大", Side.NONE),
            ("双肾未见异常", Side.BOTH),
            ("中线结构居中", Side.MIDLINE),
            ("左侧及右侧胸腔积液", Side.BOTH),
            ("双能CT检查", Side.NONE),
        ],
    )
    def test_is_a_side_of_the_body_only(self, text, side):
        assert side_of(text) is side

    def test_goes_with_its_own_finding_when_sides_differ(self):
        left, right = findings("左肾集合系统分离约8mm，右肾见点状强回声，直径约4mm。")
        assert (left.side, right.side) == (Side.LEFT, Side.RIGHT)

    def test_is_inherited_by_a_part_of_the_same_organ(self):
        normal, lesion = findings("右肾形态正常，实质内见低密度灶，大小约12mm。")
        assert normal.status is Status.NORMAL
        assert (lesion.status, lesion.side) == (Status.ABNORMAL, Side.RIGHT)


class TestLevels:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("L4/5椎间盘突出", ["L4/5"]),
            ("腰4、5椎间盘膨出", ["L4/5"]),
            ("L3、4、5椎体骨质增生", ["L3", "L4", "L5"]),
            ("C3/4、C4/5、C5/6椎间盘突出", ["C3/4", "C4/5", "C5/6"]),
            ("第5腰椎和骶1之间", ["L5/S1"]),
            ("T2WI信号减低", []),
            ("BI-RADS 4类", []),
            ("S3 I25见结节", []),
            ("肝S6段占位", ["S6"]),
            ("胸12椎体压缩", ["T12"]),
        ],
    )
    def test_have_one_writing(self, text, expected):
        assert list(levels(text)) == expected


class TestMeasurements:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("大小约12x8mm", [(12.0, "mm"), (8.0, "mm")]),
            ("约2.3cm＊1.2cm", [(2.3, "cm"), (1.2, "cm")]),
            ("直径约0.5-0.8㎝", [(0.5, "cm"), (0.8, "cm")]),
            ("约6,7cm", [(6.7, "cm")]),
            ("CT值约-35HU", [(-35.0, "HU")]),
            ("SUVmax约5.6", [(5.6, "SUV")]),
            ("T值-2.5", [(-2.5, "T")]),
            ("压缩约30％", [(30.0, "%")]),
            ("共3枚", []),
        ],
    )
    def test_are_read_in_every_notation(self, text, expected):
        assert [(m.value, m.unit) for m in measurements(prepare(text).text)] == expected


class TestNegation:
    @pytest.mark.parametrize(
        ("text", "word", "denied"),
        [
            ("未见明显骨折及脱位征象", "脱位", True),
            ("右肺见结节，未见空洞", "结节", False),
            ("结节较前未见明显变化", "结节", False),
            ("肺癌不除外", "肺癌", False),
            ("见无回声区", "无回声区", False),
            ("不伴钙化的结节", "结节", False),
            ("未见异常但可见钙化", "钙化", False),
            ("直腿抬高试验阴性", "试验", True),
        ],
    )
    def test_covers_what_is_denied_and_no_more(self, text, word, denied):
        at = text.index(word)
        assert any(a <= at < b for a, b in negated_spans(text)) is denied

    def test_marks_denied_terms_too(self):
        terms = {t.text: t.negated for t in interpret_report(CHEST_CT, KNOWLEDGE).terms}
        assert terms["积液"] is True
        assert terms["磨玻璃结节"] is False


class TestStatus:
    @pytest.mark.parametrize(
        ("text", "status"),
        [
            ("双肺野清晰", Status.NORMAL),
            ("心影不大", Status.NORMAL),
            ("胆囊壁不厚", Status.NORMAL),
            ("肝脏表面欠光滑", Status.ABNORMAL),
            ("肝实质回声不均匀", Status.ABNORMAL),
            ("右肺下叶片状影较前吸收", Status.ABNORMAL),
            ("左侧胸腔积液已消失", Status.NORMAL),
            ("胰腺显示不清", Status.UNCERTAIN),
            ("双侧上颌窦黏膜增厚", Status.ABNORMAL),
            ("胸廓对称", Status.NORMAL),
            ("脑沟、脑裂增宽", Status.ABNORMAL),
            ("肝脏大小正常", Status.NORMAL),
        ],
    )
    def test_is_what_the_clause_says(self, text, status):
        assert only(text).status is status

    def test_good_features_and_denials_belong_to_the_lesion(self):
        assert only("右肺上叶见一磨玻璃结节，大小约8mm×6mm，边界尚清，未见空洞").status is Status.ABNORMAL

    def test_doubt_is_kept(self):
        assert only("左侧额颞部慢性硬膜下血肿可能").uncertain
        assert not only("左侧额颞部慢性硬膜下血肿").uncertain

    def test_lines_of_history_and_measures_alone_are_no_findings(self):
        assert findings("患者因胸痛就诊。主动脉根部内径32mm。") == []

    def test_a_normal_report_has_normal_findings_only(self):
        assert {f.status for f in interpret_report(NORMAL_DR, KNOWLEDGE).findings} == {Status.NORMAL}


class TestUrgency:
    def test_a_normal_report_needs_nothing(self):
        assert interpret_report(NORMAL_DR, KNOWLEDGE).urgency is Urgency.NONE

    def test_a_follow_up_date_means_scheduled(self):
        assert interpret_report(CHEST_CT, KNOWLEDGE).urgency is Urgency.SCHEDULED

    def test_a_suspected_tumour_is_soon_and_not_critical(self):
        result = interpret_report(FOLLOW_UP_CT, KNOWLEDGE)
        assert (result.urgency, result.critical) == (Urgency.SOON, False)

    def test_a_critical_finding_is_immediate(self):
        assert interpret_report(HEAD_CT, KNOWLEDGE).urgency is Urgency.IMMEDIATE


class TestImpressionFindings:
    def test_are_findings_of_their_own_section(self):
        sections = [f.span.section for f in interpret_report(BREAST_US, KNOWLEDGE).findings if "BI-RADS" in f.text]
        assert sections == [Section.IMPRESSION]

    def test_several_kinds_of_reports_name_their_lesions(self):
        for report, word in [(LUMBAR_MR, "突出"), (ABDOMEN_US, "无回声区"), (BREAST_US, "低回声结节")]:
            abnormal = [f.text for f in interpret_report(report, KNOWLEDGE).findings if f.status is Status.ABNORMAL]
            assert any(word in text for text in abnormal)
