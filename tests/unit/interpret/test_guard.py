"""The check before anything is shown: what must be blocked, what must pass."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpret.guard.check import ReportGuard, check_sentence
from interpret.guard.deidentify import deidentify
from interpret.interpretation import interpret_report
from interpret.report.reading import reader_for
from interpret.types import ReportText
from tests.builders.knowledge import SmallKnowledge
from tests.builders.reports import ABDOMEN_US, ALL, BREAST_US, CHEST_CT, FOLLOW_UP_CT, LUMBAR_MR, NORMAL_DR

KNOWLEDGE = SmallKnowledge()


def verdict(report: ReportText, sentence: str):
    return check_sentence(report, sentence, knowledge=KNOWLEDGE)


RIGHT = [
    (CHEST_CT, "右肺上叶有一个像毛玻璃的小结节，大概8毫米乘6毫米。"),
    (CHEST_CT, "右边肺的上面一叶发现了一个磨玻璃样的小结节，最长约0.8厘米。"),
    (CHEST_CT, "建议三个月后再拍一次薄层CT看看。"),
    (CHEST_CT, "左肺下叶有一些过去留下的痕迹和小的钙化点。"),
    (CHEST_CT, "胸腔里没有积水。"),
    (CHEST_CT, "纵隔里没有看到肿大的淋巴结。"),
    (CHEST_CT, "磨玻璃结节是指片子上像毛玻璃一样的淡淡阴影，炎症、出血都可能引起。"),
    (LUMBAR_MR, "腰4和腰5之间的椎间盘向后突出了大约5毫米，压到了左边的神经根。"),
    (LUMBAR_MR, "第5腰椎和骶1之间的椎间盘有膨出。"),
    (BREAST_US, "左边乳房外上方有一个结节，大小约12mm×7mm，分级是3类，半年后复查。"),
    (BREAST_US, "BI-RADS 3类的意思是多半是良性的，半年后要复查。"),
    (ABDOMEN_US, "肝脏右叶有一个囊肿，约2.1厘米。"),
    (ABDOMEN_US, "胆囊里有一块石头，大约11毫米。"),
    (NORMAL_DR, "这次胸片心、肺、膈都没有看到明显异常。"),
    (FOLLOW_UP_CT, "右肺下叶的结节比以前变大了，还不能排除肺癌。"),
]
WRONG = [
    (CHEST_CT, "左肺上叶有一个磨玻璃结节，大小约8mm×6mm。", "side"),
    (CHEST_CT, "右肺下叶有一个磨玻璃结节。", "lobe"),
    (CHEST_CT, "右肺上叶磨玻璃结节约8cm。", "number"),
    (CHEST_CT, "右肺上叶结节约18mm。", "number"),
    (CHEST_CT, "建议6个月后复查CT。", "interval"),
    (CHEST_CT, "右肺上叶没有看到结节。", "negation"),
    (CHEST_CT, "胸腔里有积液。", "negation"),
    (CHEST_CT, "肺里还有一个空洞。", "negation"),
    (CHEST_CT, "右肺上叶有肺癌。", "new_finding"),
    (CHEST_CT, "肝脏有囊肿。", "new_finding"),
    (CHEST_CT, "这个结节恶性的可能性有30%。", "probability"),
    (CHEST_CT, "不用担心。", "reassurance"),
    (CHEST_CT, "肯定是良性的。", "reassurance"),
    (CHEST_CT, "每天吃2片阿莫西林。", "dose"),
    (CHEST_CT, "建议您吃点左氧氟沙星。", "prescription"),
    (CHEST_CT, "您还能活五年以上。", "prognosis"),
    (CHEST_CT, "您得了肺癌。", "diagnosis"),
    (LUMBAR_MR, "腰3和腰4之间的椎间盘突出约5毫米。", "level"),
    (LUMBAR_MR, "右侧神经根受压。", "side"),
    (BREAST_US, "左乳结节属于4类。", "grade"),
    (BREAST_US, "右乳有一个结节。", "negation"),
    (FOLLOW_UP_CT, "右肺下叶是肺癌。", "certainty"),
    (FOLLOW_UP_CT, "右肺下叶的结节比以前变小了。", "trend"),
    (ABDOMEN_US, "左肾重度积水。", "severity"),
    (NORMAL_DR, "两肺有炎症。", "new_finding"),
]


class TestRightSentences:
    @pytest.mark.clause("R3.9")
    @pytest.mark.parametrize(("report", "sentence"), RIGHT)
    def test_pass(self, report, sentence):
        assert verdict(report, sentence).passed, verdict(report, sentence)

    @pytest.mark.parametrize("report", ALL)
    def test_every_sentence_composed_from_a_report_passes(self, report):
        guard = ReportGuard(reader_for(KNOWLEDGE).read(report))
        plain = [e.guide.plain_name for e in KNOWLEDGE.entries() if e.guide is not None]
        restated = [s.text for s in interpret_report(report, KNOWLEDGE).explanation if "报告里写作" in s.text]
        assert [text for text in restated if not guard.check(text, plain).passed] == []


class TestWrongSentences:
    @pytest.mark.clause("R3.9")
    @pytest.mark.parametrize(("report", "sentence", "reason"), WRONG)
    def test_are_blocked_for_their_reason(self, report, sentence, reason):
        assert verdict(report, sentence).reason == reason

    def test_knowledge_word_for_word_is_no_new_finding(self):
        passage = "结节也可能是炎症或者早期的肿瘤，要由医生判断。"
        assert check_sentence(CHEST_CT, passage, [passage], knowledge=KNOWLEDGE).passed

    def test_a_dose_is_blocked_even_when_knowledge_says_it(self):
        passage = "每天吃2片阿莫西林。"
        assert check_sentence(CHEST_CT, passage, [passage], knowledge=KNOWLEDGE).reason == "dose"


class TestWholeAnswers:
    def test_must_tell_every_abnormal_finding(self):
        part = "右肺上叶有一个磨玻璃结节，约8mm×6mm。"
        whole = f"{part}左肺下叶有一些条索影和钙化灶。"
        assert check_sentence(CHEST_CT, part, scope="answer", knowledge=KNOWLEDGE).reason == "missing_finding"
        assert check_sentence(CHEST_CT, whole, scope="answer", knowledge=KNOWLEDGE).passed


RESTATED = [
    (report, sentence.text)
    for report in ALL
    for sentence in interpret_report(report, KNOWLEDGE).explanation
    if "报告里写作" in sentence.text
]


class TestMutationsOfComposedSentences:
    @pytest.mark.parametrize(("report", "text"), [(r, t) for r, t in RESTATED if re.search("[左右]", t)])
    def test_a_swapped_side_is_blocked(self, report, text):
        swapped = text.translate(str.maketrans("左右", "右左"))
        assert not verdict(report, swapped).passed

    @given(st.sampled_from([(r, t) for r, t in RESTATED if re.search(r"\d(?=mm|cm)", t)]), st.integers(1, 40))
    def test_a_changed_size_is_blocked(self, case, added):
        report, text = case
        changed = re.sub(r"\d+(?=mm|cm)", lambda m: str(int(m.group()) + added), text, count=1)
        known = {
            m.value * (10 if m.unit == "cm" else 1)
            for f in interpret_report(report, KNOWLEDGE).findings
            for m in f.measurements
        }
        first = re.search(r"\d+(?:\.\d+)?(?=mm|cm)", changed)
        assert first is not None
        size = float(first.group()) * (10 if changed[first.end() : first.end() + 2] == "cm" else 1)
        assert size in known or not verdict(report, changed).passed

    @pytest.mark.parametrize(
        ("report", "sentence"),
        [
            (CHEST_CT, "双侧胸腔没有看到积液。"),
            (CHEST_CT, "纵隔内没有看到明显肿大淋巴结。"),
            (BREAST_US, "右乳没有看到明显占位。"),
            (NORMAL_DR, "没有看到明显实质性病变。"),
            (LUMBAR_MR, "椎管没有看到明显狭窄。"),
        ],
    )
    def test_a_dropped_denial_is_blocked(self, report, sentence):
        assert verdict(report, sentence).passed
        affirmed = sentence.replace("没有看到", "看到")
        if "实质性病变" not in sentence:
            assert not verdict(report, affirmed).passed


class TestAnyText:
    @given(st.text(max_size=300))
    def test_is_judged_without_raising(self, sentence):
        result = verdict(CHEST_CT, sentence)
        assert result.passed or result.reason

    @pytest.mark.timeout(60)
    def test_of_thirty_thousand_characters_is_judged(self):
        long = "右肺上叶有一个磨玻璃结节，约8mm×6mm。" * 1300
        assert verdict(CHEST_CT, long).passed


class TestDeidentify:
    @pytest.mark.parametrize(
        ("text", "gone"),
        [
            ("姓名：测试甲 性别：男", "测试甲"),
            ("身份证340102196001011234", "340102196001011234"),
            ("电话13800138000", "13800138000"),
            ("检查号：CT20260311024", "CT20260311024"),
            ("出生日期：1960-01-01", "1960-01-01"),
            ("报告医师：林测试", "林测试"),
            ("我叫李明，今年五十", "李明"),
            ("住址：某县某镇某村12号", "某镇"),
        ],
    )
    def test_takes_out_what_names_a_person(self, text, gone):
        assert gone not in deidentify(text)

    @pytest.mark.parametrize("report", ALL)
    def test_leaves_findings_alone(self, report):
        assert deidentify(report.findings) == report.findings
