"""Words of any sheet that is read: what is wrong with a cell, or with the file as a whole."""

MISSING = "没有填写"
UNPRINTABLE = "含有看不见的控制字符"
FORMULA = "是公式，请改成文字"
NOT_TEXT = "不是文字（日期、真假值或出错的单元格）"
BROKEN = "文件已损坏、有密码或含有不允许的内容，无法读取。请下载模板，把名单填在模板里。"
WRONG_TYPE = "这不是 Excel 工作簿（.xlsx）。旧的 .xls、.csv 请先在 Excel 里另存为 .xlsx。"
NEITHER_TYPE = "这不是 Excel 工作簿（.xlsx），也不是 CSV 文本。旧的 .xls 请先在 Excel 里另存为 .xlsx。"
EMPTY = "表里没有内容，请从第 2 行开始填写。"


def too_long(most: int) -> str:
    """Say that a cell holds more than fits."""
    return f"超过 {most} 个字"


def unknown_column(name: str) -> str:
    """Say that a heading is none of ours."""
    return f"第 1 行的“{name[:20]}”不是模板里的列。请下载模板，把名单填在模板里。"


def missing_column(name: str) -> str:
    """Say that a heading is missing."""
    return f"第 1 行没有“{name}”这一列。请下载模板，把名单填在模板里。"


def too_many(most: int) -> str:
    """Say how many rows go in one file."""
    return f"行数太多，一次最多导入 {most} 行，请分成几个文件。"


def too_big(most: int) -> str:
    """Say that the file unfolds to far more than such a list needs."""
    return f"文件解压后太大。一次最多导入 {most} 行，请把名单粘贴到空白模板里再试。"
