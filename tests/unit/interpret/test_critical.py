"""The critical list: what is on it, and what only looks like it."""

import pytest

from interpret.interpretation import interpret_report
from interpret.report.critical import CriticalThresholds
from interpret.report.reading import ReportReader
from interpret.types import ReportText
from tests.builders.knowledge import SmallKnowledge

KNOWLEDGE = SmallKnowledge()

CRITICAL = [
    "左侧基底节区脑出血",
    "右侧额颞部急性硬膜下血肿",
    "蛛网膜下腔出血",
    "右侧大脑半球大面积脑梗死",
    "中线结构左移约12mm",
    "脑疝形成",
    "梗阻性脑积水",
    "右侧张力性气胸",
    "左侧气胸，左肺压缩约40%",
    "双侧气胸",
    "右肺动脉主干及分支内见充盈缺损，考虑肺栓塞",
    "主动脉夹层（Stanford A型）",
    "主动脉弓壁间血肿",
    "大量心包积液",
    "膈下见游离气体",
    "小肠梗阻",
    "肠系膜上动脉栓塞",
    "坏死性胰腺炎",
    "急性化脓性胆管炎",
    "脾破裂",
    "齿状突骨折",
    "右主支气管内见异物",
    "右侧输卵管妊娠破裂",
    "胎盘早剥",
    "左侧睾丸扭转",
    "左侧股静脉血栓形成",
    "急性前壁心肌梗死",
    "室性心动过速",
    "三度房室传导阻滞",
]
NOT_CRITICAL = [
    "左侧基底节区陈旧性脑出血后遗改变",
    "左侧额颞部慢性硬膜下血肿",
    "颅内未见出血及占位",
    "肺动脉未见充盈缺损，排除肺栓塞",
    "建议CTPA除外肺栓塞",
    "主动脉夹层不除外",
    "左侧少量气胸，左肺压缩约10%",
    "中线结构右移约3mm",
    "腔隙性脑梗死",
    "少量心包积液",
    "主动脉夹层支架术后改变",
    "右侧气胸较前吸收，右肺压缩约35%",
    "右肺上叶占位，考虑肺癌",
    "寰枢关节半脱位",
    "不全性肠梗阻较前好转",
    "肝囊肿",
    "脑内散在微出血灶",
    "浅静脉血栓",
    "卵巢囊肿",
]


def critical(text: str) -> bool:
    return interpret_report(ReportText("", text), KNOWLEDGE).critical


class TestTheDefaultList:
    @pytest.mark.clause("R3.9")
    @pytest.mark.parametrize("text", CRITICAL)
    def test_calls_it_critical(self, text):
        assert critical(text)

    @pytest.mark.parametrize("text", NOT_CRITICAL)
    def test_leaves_near_misses_alone(self, text):
        assert not critical(text)

    def test_a_known_finding_that_grew_is_critical(self):
        assert critical("左侧气胸较前增多，左肺压缩约45%")

    def test_left_and_right_in_two_sentences_are_both_sides(self):
        assert critical("左侧少量气胸。右侧少量气胸。")

    def test_names_its_reason_once(self):
        result = interpret_report(ReportText("左侧基底节区脑出血。", "左侧基底节区脑出血。"), KNOWLEDGE)
        assert result.critical_reasons == ("颅内出血",)


class TestThresholds:
    def test_are_the_hospitals_own(self):
        report = ReportText("", "左侧气胸，左肺压缩约40%")
        strict = ReportReader(KNOWLEDGE, CriticalThresholds(pneumothorax_percent=50))
        assert interpret_report(report, KNOWLEDGE).critical
        assert not interpret_report(report, KNOWLEDGE, reader=strict).critical

    def test_a_rule_can_be_switched_off(self):
        report = ReportText("", "左侧股静脉血栓形成")
        without = ReportReader(KNOWLEDGE, CriticalThresholds(disabled_rules=frozenset({"deep_vein_thrombosis"})))
        assert not interpret_report(report, KNOWLEDGE, reader=without).critical
