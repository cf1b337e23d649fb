"""Pictures of invented paper reports, drawn with the font that comes with the pages."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONT = (
    Path(__file__).parents[2]
    / "viewer_h5/node_modules/@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf"
)
IMAGING_REPORT = """演示县人民医院
CT检查报告单
姓名：测试甲    性别：女    年龄：46岁    科室：呼吸内科
检查号：CT2024001    检查日期：2024-05-06
检查项目：胸部CT平扫
检查所见：
双侧胸廓对称，纵隔居中。右肺下叶见一实性结节，大小约5mm×4mm，
边界清楚。左肺未见异常密度影，双侧胸腔未见积液。
诊断意见：
1.右肺下叶实性结节，建议12个月后复查。
2.左肺未见异常。
报告医师：测试乙    审核医师：测试丙    报告时间：2024-05-06 10:20"""
LAB_ROWS = (
    ("项目", "结果", "单位", "参考范围", "提示"),
    ("白细胞计数", "11.82", "10^9/L", "3.50-9.50", "↑"),
    ("血红蛋白", "128", "g/L", "115-150", ""),
    ("血小板计数", "86", "10^9/L", "125-350", "↓"),
)


def need_font() -> None:
    """Skip, visibly, where the pages' packages are not installed."""
    if not FONT.is_file():
        pytest.skip("the Chinese font of the pages is not installed (viewer_h5/node_modules)")


def imaging_page(text: str = IMAGING_REPORT, *, size: int = 26) -> Image.Image:
    """Return a page with one printed line for each line of text."""
    need_font()
    lines = text.splitlines()
    page = Image.new("RGB", (1050, 120 + 2 * size * len(lines)), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(FONT), size)
    for number, line in enumerate(lines):
        draw.text((60, 60 + 2 * size * number), line, font=font, fill=(25, 25, 25))
    return page


def lab_page(rows: Sequence[Sequence[str]] = LAB_ROWS) -> Image.Image:
    """Return a laboratory sheet; columns stand at fixed places."""
    need_font()
    page = Image.new("RGB", (1050, 260 + 52 * len(rows)), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(FONT), 26)
    for y, line in ((40, "演示县人民医院检验报告单(血常规)"), (100, "姓名：测试甲    性别：女    年龄：46岁")):
        draw.text((60, y), line, font=font, fill=(25, 25, 25))
    for number, row in enumerate(rows):
        for x, cell in zip((60, 380, 540, 700, 920), row, strict=True):
            draw.text((x, 180 + 52 * number), cell, font=font, fill=(25, 25, 25))
    return page


def stamped(page: Image.Image) -> Image.Image:
    """Return the page with a red round stamp over the signatures at its lower right."""
    stamp = page.copy()
    draw = ImageDraw.Draw(stamp)
    right, bottom = page.size
    draw.ellipse((right - 260, bottom - 230, right - 40, bottom - 10), outline=(210, 40, 40), width=6)
    return stamp


def tilted(page: Image.Image, degrees: float) -> Image.Image:
    """Return the page lying askew on a table."""
    return page.rotate(degrees, expand=True, fillcolor=(120, 105, 90), resample=Image.Resampling.BICUBIC)


def blurred(page: Image.Image, radius: float) -> Image.Image:
    """Return the page out of focus."""
    return page.filter(ImageFilter.GaussianBlur(radius))


def texture(seed: int = 7, side: int = 900) -> Image.Image:
    """Return a picture of something that is no paper: coarse coloured texture."""
    noise = np.random.default_rng(seed).integers(0, 255, (side // 60, side // 60, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, file_type: str = "JPEG", *, orientation: int | None = None) -> bytes:
    """Return the bytes of a picture file; `orientation` writes an EXIF block with it and a camera's name."""
    out = io.BytesIO()
    extra = {}
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010F] = "SECRET-CAMERA"
        extra["exif"] = exif
    picture.save(out, file_type, **extra)
    return out.getvalue()
