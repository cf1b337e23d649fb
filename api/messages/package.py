"""The note in a downloaded package: 说明.txt."""

_LINES = (
    "{hospital} 影像资料",
    "",
    "这个压缩包里有什么",
    "· DICOM 文件夹和 DICOMDIR：检查的原始影像，与设备产生的完全一致，没有压缩或改动。",
    "  复诊时可以交给医院，用影像工作站打开 DICOMDIR；自己看需要安装 DICOM 看图软件。",
)
_OTHER = "· OTHER 文件夹（如果有）：不属于影像的原始资料，请一并交给医院。"
_REPORT = "· 报告 文件夹：检查报告单，手机和电脑都能直接打开。"
_PICTURES = "· JPG预览 文件夹：普通图片，方便自己看。预览图不能用于诊断，诊断请用原始影像。"
_END = (
    "",
    "请先把压缩包解压，再打开里面的文件。",
    "这些是您的个人健康资料，请妥善保管，不要发给不认识的人，不要上传到公开的网站。",
    "对结果有疑问，请带着报告咨询医生。",
    "",
)


def read_me(hospital: str, *, has_report: bool, has_pictures: bool) -> str:
    """Return the note, in lines as Windows ends them."""
    parts = [*_LINES, _OTHER]
    parts += [_REPORT] if has_report else []
    parts += [_PICTURES] if has_pictures else []
    return "\r\n".join([*parts, *_END]).format(hospital=hospital)
