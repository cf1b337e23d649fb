"""Reports as radiologists write them, of several kinds and styles; every patient and hospital is left out."""

from interpret.types import ReportText

CHEST_CT = ReportText(
    findings="胸廓对称，纵隔居中。两肺纹理清晰，右肺上叶尖段见一磨玻璃结节，大小约8mm×6mm，边界尚清，未见空洞。"
    "左肺下叶见少许条索影及钙化灶。气管及主支气管通畅，纵隔内未见明显肿大淋巴结。双侧胸腔未见积液。",
    impression="1.右肺上叶磨玻璃结节，建议3个月后复查薄层CT。\n2.左肺下叶陈旧性病变。",
    modality="CT",
)
NORMAL_DR = ReportText(
    findings="胸廓对称,两肺野清晰,肺纹理走行自然,未见明显实质性病变. 心影大小形态正常,两膈面光整,肋膈角锐利.",
    impression="心肺膈未见明显异常。",
    modality="DR",
)
LUMBAR_MR = ReportText(
    findings="腰椎生理曲度变直。L4/5椎间盘向左后突出约5mm，左侧神经根受压；L5/S1椎间盘膨出。椎管未见明显狭窄。脊髓圆锥信号未见异常。",
    impression="1、L4/5椎间盘突出（左侧）。2、L5/S1椎间盘膨出。",
    modality="MR",
)
ABDOMEN_US = ReportText(
    findings="肝脏形态大小正常，实质回声细密增强。肝右叶见一无回声区，大小约2.1cm×1.8cm，边界清。胆囊腔内见强回声团，"
    "大小约11mm，伴声影。胰腺、脾脏未见异常。左肾集合系统分离约8mm，右肾未见明显异常。",
    impression="脂肪肝（轻度）；肝囊肿；胆囊结石；左肾轻度积水",
    modality="US",
)
HEAD_CT = ReportText(
    findings="左侧基底节区见团片状高密度影，大小约45mm×30mm，周围见低密度水肿带，左侧脑室受压，中线结构向右移位约12mm。颅骨未见明显骨折。",
    impression="左侧基底节区脑出血，脑疝形成可能。",
    modality="CT",
)
FOLLOW_UP_CT = ReportText(
    findings="对比2025-03-02片：右肺下叶结节现约9mm×7mm，原约6mm×5mm，较前增大。左侧胸腔少量积液，较前吸收。余同前。",
    impression="右肺下叶结节较前增大，肺癌不除外，建议进一步检查。",
    modality="CT",
)
BREAST_US = ReportText(
    findings="左乳外上象限见一低回声结节，大小约12mm×7mm，形态规则，边界清，CDFI未见明显血流信号。右乳未见明显占位。",
    impression="左乳结节，BI-RADS 3类，建议6个月复查。双侧乳腺增生。",
    modality="US",
)
ALL = (CHEST_CT, NORMAL_DR, LUMBAR_MR, ABDOMEN_US, HEAD_CT, FOLLOW_UP_CT, BREAST_US)
