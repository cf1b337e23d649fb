"""What patients read about their pictures, in Chinese."""

from collections.abc import Mapping

from ocr.types import Refusal

REASONS: Mapping[Refusal, str] = {
    Refusal.TOO_MANY_BYTES: "文件太大了。请用手机直接拍照上传，或选一张小一些的图片。",
    Refusal.TOO_MANY_PIXELS: "图片的尺寸太大，没有打开。请用手机直接拍照上传。",
    Refusal.TOO_NARROW: "图片太窄或太长，不像一张报告单。请把整张报告单拍在一张照片里。",
    Refusal.TOO_SMALL: "图片太小，上面的字看不清。请靠近报告单重新拍一张。",
    Refusal.HEIC: "暂不支持苹果手机的 HEIC 格式。请在手机上截图后上传，或在设置中把相机格式改为“兼容性最佳”再拍。",
    Refusal.OTHER_PICTURE_TYPE: "暂不支持这种图片格式。请上传 JPG、PNG 图片或 PDF 文件。",
    Refusal.NOT_A_PICTURE: "这个文件不是图片，也不是 PDF。请上传报告单的照片或 PDF 文件。",
    Refusal.DAMAGED: "文件已损坏，打不开。请重新拍照或重新下载后再上传。",
    Refusal.LOCKED_PDF: "这个 PDF 设有密码，无法打开。请上传没有密码的文件，或拍照上传。",
    Refusal.TOO_DARK: "照片太暗了，看不清字。请到亮一些的地方重新拍。",
    Refusal.BLANK: "图片上没有内容。请把报告单放平，对准后重新拍。",
    Refusal.BLURRED: "照片有些模糊，读不准。请拿稳手机，等画面清楚后再拍一张。",
    Refusal.SMALL_TEXT: "字太小，读不准。请靠近一些，让报告单占满画面后再拍。",
    Refusal.NO_TEXT: "图片上没有找到文字。请拍摄检查报告单或化验单。",
    Refusal.NO_REPORT: "这张图片不像检查报告单或化验单。请拍摄完整的报告单，包括“检查所见”“诊断意见”或化验结果。",
    Refusal.IDENTITY_CARD: "这像是一张证件，不是报告单，没有保存。请拍摄检查报告单或化验单。",
    Refusal.RECEIPT: "这像是一张收费票据，不是报告单。请拍摄检查报告单或化验单。",
    Refusal.TOO_SLOW: "这张图片读得太久，已停止。请裁掉报告单以外的部分，或重新拍一张。",
    Refusal.TOO_MUCH_MEMORY: "这张图片太复杂，没有读完。请用手机直接拍照后重新上传。",
    Refusal.READER_DIED: "读这张图片时出了问题，已停止。请重新拍一张再试。",
}

UNCLEAR = "这几个字看不清，请对照图片核对"
UNCLEAR_NUMBER = "数字不够清楚，请对照图片核对"
UNCLEAR_SIDE = "“左”“右”不够清楚，请对照图片核对"
UNCLEAR_NEGATION = "“有”“无”一类的字不够清楚，请对照图片核对"
READERS_DISAGREE = "两次识别的结果不一样，请对照图片核对"
LOOKALIKE = "原读作“{read}”，按常见写法改为“{written}”，请核对"
NUMBER_WITHOUT_UNIT = "数字后面的单位没有读全，请对照图片核对"
FLAG_MISSING = "结果超出参考范围，但没有读到升降箭头，请核对"
FLAG_UNLIKE_RANGE = "升降箭头与参考范围对不上，请核对"
VALUE_MISSING = "这一项的结果没有读到，请对照图片补上"
VALUE_ODD = "结果不像一个数值，请对照图片核对"
