"""Standing words of the patient's pages."""

AI_LABEL = "AI生成，仅供参考，不能代替医生诊断"
ANSWER_FAILED = {"title": "回答中断了", "detail": "已显示的内容可以放心参考，您可以重新提问；仍不行请联系医院。"}
