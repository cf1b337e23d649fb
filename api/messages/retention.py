"""Words of retention terms: why a study is kept so long."""

from imaging_core.retention import Reason, Term

_CLASSES = {"outpatient": "门诊", "emergency": "急诊", "inpatient": "住院", "checkup": "体检"}


def why(term: Term) -> str:
    """Say why a study has its term."""
    kind = _CLASSES.get(term.encounter_class, term.encounter_class)
    if term.reason is Reason.NAMED:
        return f"{kind}患者，保存 {term.years} 年"
    causes = {
        Reason.NOT_NAMED: f"规定没有提到{kind}",
        Reason.NO_PATIENT: "影像还没有归到登记的患者，就诊类型未知",
        Reason.UNKNOWN: "登记没有写就诊类型",
        Reason.VISITED_SINCE: "检查之后患者又就诊过，检查当时的就诊类型未知",
    }
    return f"{causes[term.reason]}，按较长的 {term.years} 年保存"
