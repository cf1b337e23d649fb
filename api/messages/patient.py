"""Standing words of the patient's pages."""

AI_LABEL = "AI生成，仅供参考，不能代替医生诊断"
CONSENT_VERSION = "2026-11"
