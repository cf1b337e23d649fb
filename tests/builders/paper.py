"""A photographed paper report, drawn for tests: invented person, real letters, a little tilt."""

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = (
    Path(__file__).parents[2]
    / "viewer_h5/node_modules/@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf"
)
LINES = (
    (34, "演示县人民医院"),
    (30, "CT检查报告单"),
    (24, "姓名：测试患者    性别：女    年龄：46岁"),
    (24, "科室：呼吸内科    检查号：CT2024001    检查日期：2024-05-06"),
    (24, "检查项目：胸部CT平扫"),
    (26, "检查所见："),
    (24, "双侧胸廓对称，纵隔居中。右肺下叶见一实性结节，大小约5mm×4mm，"),
    (24, "边界清楚。双侧胸腔未见积液。"),
    (26, "诊断意见："),
    (24, "右肺下叶实性结节，建议12个月后复查。"),
    (24, "报告医师：演示甲    审核医师：演示乙"),
)


def paper_photo(*, tilt: float = 1.5) -> bytes:
    """Return the report as a JPEG, turned by `tilt` degrees."""
    page = Image.new("RGB", (1000, 1150), "white")
    draw = ImageDraw.Draw(page)
    y = 60
    for size, text in LINES:
        draw.text((60, y), text, font=ImageFont.truetype(str(FONT), size), fill=(25, 25, 25))
        y += size + 44
    turned = page.rotate(tilt, expand=True, fillcolor=(205, 200, 190), resample=Image.Resampling.BICUBIC)
    out = io.BytesIO()
    turned.save(out, "JPEG", quality=88)
    return out.getvalue()


def no_report_photo() -> bytes:
    """Return a picture that is no report."""
    page = Image.radial_gradient("L").resize((900, 900)).convert("RGB")
    out = io.BytesIO()
    page.save(out, "JPEG", quality=88)
    return out.getvalue()
