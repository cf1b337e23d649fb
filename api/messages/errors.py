"""Words of refusals: code → (title, detail)."""

_WORDS: dict[str, tuple[str, str]] = {
    "internal": ("系统出错了", "不是您的操作有误。请稍后再试，仍不行请联系医院。"),
    "not_found": ("没有找到", "地址有误，或者您无权查看。"),
    "method_not_allowed": ("不支持这种操作", "请从页面上的按钮操作。"),
    "refused": ("请求被拒绝", "请从页面上的按钮操作。"),
    "invalid_request": ("填写的内容有误", "请检查后重新提交。"),
    "too_large": ("内容太大", "超过了允许的大小，请缩小后再试。"),
    "cross_site": ("请求被拒绝", "这个请求来自其他网站。"),
    "link_needed": ("请先扫描报告单上的二维码", "为保护您的隐私，需要从报告单二维码或医院发送的链接进入。"),
    "link_not_found": ("链接无效", "二维码或链接无效、已过期或已停用。请核对报告单，或联系医院。"),
    "verification_needed": ("请先验证身份", "为保护您的隐私，请先验证手机号或身份证号。"),
    "verification_failed": ("验证未通过", "填写的信息与登记的不一致，或验证码错误、已过期。"),
    "verification_locked": ("尝试次数过多", "为保护您的隐私，请稍后再试。"),
    "code_too_soon": ("请稍后再获取验证码", "验证码已发送，请留意短信；倒计时结束后可以重新获取。"),
    "method_unavailable": ("暂不支持这种验证方式", "请改用其他验证方式，或联系医院。"),
    "consent_needed": ("需要您的同意", "使用这项功能前，请先阅读并同意说明。"),
    "right_missing": ("没有这项权限", "当前链接不包含这项功能。"),
    "no_preview": ("没有预览图", "这幅图像没有预览图，请查看 DICOM 原图。"),
    "no_frame": ("这幅图像无法显示", "原始数据完整保存，但格式无法在网页显示。请联系医院获取。"),
    "preparing": ("影像正在准备", "影像刚刚收到，正在处理，请稍等。"),
    "report_missing": ("还没有报告", "报告审核发布后即可查看。"),
    "question_too_long": ("问题太长", "请把问题缩短到 1000 字以内，一次问一件事。"),
    "question_empty": ("请输入问题", "问题不能为空。"),
    "paper_type": ("不支持这种文件", "请上传 JPG、PNG 图片或 PDF 文件。"),
    "paper_state": ("现在不能这样操作", "这张报告单还在读取，或已经确认过。"),
    "paper_many": ("报告单太多了", "最多保存 100 张报告单，请先删除不再需要的。"),
    "paper_empty": ("没有可以解读的内容", "“检查所见”和“诊断意见”至少要填写一项。"),
    "too_many": ("操作太频繁", "请稍等片刻再试。"),
    "machine_key_needed": ("需要接口密钥", "Authorization: Bearer 密钥缺失、无效或已停用。"),
    "scope_missing": ("密钥没有这项权限", "请用 mingying key issue 发放带有相应权限的密钥。"),
    "document_type": ("不支持这个文件", "电子报告单只接受完好的 PDF 或 JPG，不带密码、脚本和附件；没有保存。"),
    "study_unknown": ("没有这项检查", "按检查号或 StudyInstanceUID 找不到检查。"),
    "multipart_invalid": ("内容格式有误", '需要 multipart/related; type="application/dicom"，且带 boundary。'),
    "busy": ("系统繁忙", "请稍后再试。"),
}


def text(code: str) -> tuple[str, str]:
    """Return title and detail of a code."""
    return _WORDS[code]
