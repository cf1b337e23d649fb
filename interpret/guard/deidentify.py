"""Nothing that names a person leaves for a model, a log or an export."""

import re

_LABELS = r"(?:患者|病人|受检者|联系人|家属)?(?:姓\s*名|名字)|(?:报告|审核|检查|申请|主治|主管|操作|诊断|开单|记录)(?:医师|医生|技师|者)|检验者|审核者|患者(?=[：:])"
_NEXT = r"性别|年龄|科室|出生|检查|身份证|电话|审核|报告|男|女|日期|病|住|门诊|签"
_NAME = re.compile(
    rf"(?P<label>(?:{_LABELS})\s*[：:]\s*)(?P<name>[\u4e00-\u9fff·]{{2,4}}?(?=[\s，。、；]|$|{_NEXT})|[\u4e00-\u9fff·]{{2,3}}|[A-Za-z][A-Za-z .^'-]{{1,40}})"
)
_PERSON_WORDS = re.compile(
    r"(?P<label>(?:我叫|我是|我的名字是|名字叫|他叫|她叫|患者(?:为)?))(?P<name>(?:赵|钱|孙|李|周|吴|郑|王|冯|陈|褚|卫|蒋|沈|韩|杨|朱|秦|尤|许|何|吕|施|张|孔|曹|严|华|金|魏|陶|姜|戚|谢|邹|喻|柏|水|窦|章|云|苏|潘|葛|奚|范|彭|郎|鲁|韦|昌|马|苗|凤|花|方|俞|任|袁|柳|酆|鲍|史|唐|费|廉|岑|薛|雷|贺|倪|汤|滕|殷|罗|毕|郝|邬|安|常|乐|于|时|傅|皮|卞|齐|康|伍|余|元|卜|顾|孟|平|黄|和|穆|萧|尹|姚|邵|湛|汪|祁|毛|禹|狄|米|贝|明|臧|计|伏|成|戴|谈|宋|茅|庞|熊|纪|舒|屈|项|祝|董|梁|杜|阮|蓝|闵|席|季|麻|强|贾|路|娄|危|江|童|颜|郭|梅|盛|林|刁|钟|徐|邱|骆|高|夏|蔡|田|樊|胡|凌|霍|虞|万|支|柯|管|卢|莫|房|裘|缪|干|解|应|宗|丁|宣|邓|郁|单|杭|洪|包|诸|左|石|崔|吉|龚|程|嵇|邢|滑|裴|陆|荣|翁|荀|羊|惠|甄|曲|家|封|芮|储|靳|汲|邴|糜|松|井|段|富|巫|乌|焦|巴|弓|牧|隗|山|谷|车|侯|宓|蓬|全|郗|班|仰|秋|仲|伊|宫|欧阳|司马|上官|诸葛)[\u4e00-\u9fff]{1,2})(?=[，。,.\s]|$|今年|的)"
)
_ID_CARD = re.compile(
    r"(?<![\dA-Za-z])\d{6}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])|(?<!\d)\d{15}(?!\d)"
)
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)")
_NUMBERED = re.compile(
    r"(?P<label>(?:检查|影像|住院|门诊|病历|登记|样本|条码|就诊|病案|流水|放射|超声|病理|报告|卡|床|医保卡|社保卡|申请单|ID|No\.?)\s*(?:号码?|编号|号)?\s*[：:]\s*)(?P<number>[A-Za-z]{0,6}[-\d][\dA-Za-z-]{2,30})",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    r"(?P<label>(?:出生(?:日期|年月(?:日)?)?|生日|生于)\s*[：:]?\s*)(?P<date>\d{4}\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}\s*日?|月)?)"
)
_ADDRESS = re.compile(r"(?P<label>(?:住址|地址|家庭住址|现住址|户籍地址?)\s*[：:]\s*)(?P<value>[^\n，。；]{2,60})")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def deidentify(text: str) -> str:
    """Replace names after labels, ID-card, phone and examination numbers, dates of birth, addresses.

    Findings, sizes, sides and dates of examinations stay.

    >>> deidentify("姓名：王建国 检查号：CT20260311024 电话13800138000")
    '姓名：[姓名] 检查号：[编号] 电话[电话]'
    """
    text = _ID_CARD.sub("[证件号]", text)
    text = _PHONE.sub("[电话]", text)
    text = _EMAIL.sub("[邮箱]", text)
    text = _BIRTH.sub(lambda m: f"{m.group('label')}[出生日期]", text)
    text = _NUMBERED.sub(lambda m: f"{m.group('label')}[编号]", text)
    text = _ADDRESS.sub(lambda m: f"{m.group('label')}[地址]", text)
    text = _NAME.sub(lambda m: f"{m.group('label')}[姓名]", text)
    return _PERSON_WORDS.sub(lambda m: f"{m.group('label')}[姓名]", text)
