"""Words of retention terms: why a study is kept so long, what became of a line of a plan."""

from imaging_core.retention import Reason

_CLASSES = {"outpatient": "门诊", "emergency": "急诊", "inpatient": "住院", "checkup": "体检"}
DROPPED = {
    "held": "已法律保留，继续保存",
    "rearmed": "患者又就诊或规定已调整，未到期，继续保存",
    "changed": "计划之后影像有变化，继续保存",
    "gone": "检查已不在库中",
}


def why(encounter_class: str, reason: str, years: int) -> str:
    """Say why a study has its term."""
    kind = _CLASSES.get(encounter_class, encounter_class)
    if reason == Reason.NAMED:
        return f"{kind}患者，保存 {years} 年"
    causes = {
        Reason.NOT_NAMED: f"规定没有提到{kind}",
        Reason.NO_PATIENT: "影像还没有归到登记的患者，就诊类型未知",
        Reason.UNKNOWN: "登记没有写就诊类型",
        Reason.VISITED_SINCE: "检查之后患者又就诊过，检查当时的就诊类型未知",
    }
    return f"{causes[Reason(reason)]}，按较长的 {years} 年保存"
