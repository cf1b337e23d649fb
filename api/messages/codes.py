"""Words of code mappings: the columns of their sheet, what is wrong in it, what cannot stand for a name."""

CODE, NAME, STANDARD = "院内编码", "院内项目名称", "标准编码"
COLUMNS = (CODE, NAME, STANDARD, "标准项目", "状态", "建议编码", "建议得分", "使用次数", "核对人", "核对时间")
STATES = {"confirmed": "已确认", "changed": "已改选", "suggested": "有建议", "unmapped": "未对照"}
REFUSED = {
    "no_items": "至少要有一个标准项目",
    "no_standard_item": "标准目录里没有这个项目",
    "has_no_sides": "这个部位不分左右",
    "twice": "同一个标准项目写了两次",
    "other_side": "与名称里写的左右不一致",
    "other_part": "部位与名称里的不同",
    "other_modality": "设备类型与名称里的不同",
}


def unknown_code(code: str) -> str:
    """Say that the catalogue has no such code."""
    return f"标准目录里没有编码“{code[:32]}”"


def same_item(row: int) -> str:
    """Say that an earlier row holds the same item."""
    return f"与第 {row} 行是同一个院内项目"
