"""Words of the list of institutions."""

CODE, NAME, AREA = "机构代码", "机构名称", "所在地"
COLUMNS = (CODE, NAME, AREA)
EXPORTED = (*COLUMNS, "状态", "原因", "最近成功", "最近失败")
STATES = {"retrievable": "可调阅", "failed": "调阅失败", "untried": "未验证"}
REASONS = {
    "retrievable": "",
    "failed": "最近一次通过省平台调阅没有成功",
    "untried": "90 天内没有成功调阅过该机构的检查，不能算作可调阅",
}
CODE_FORM = "须为 18 位数字或大写字母的统一社会信用代码"


def same_code(row: int) -> str:
    """Say that an earlier row names the same institution."""
    return f"与第 {row} 行的机构代码相同"
