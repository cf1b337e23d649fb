"""Questions this service does not answer, and the helpful words it says instead."""

import re
from dataclasses import dataclass

from interpret.messages import message
from interpret.report.prepare import prepare


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a question is not answered, and the fixed sentence that is shown."""

    reason: str
    """dose, prescription, image, prognosis, injection, out_of_scope."""
    text: str


_DOSE = re.compile(
    r"(?:吃|服|用|打|喝|注射)[^，。；]{0,10}(?:多少|几)(?:片|粒|毫克|mg|克|袋|次|支|量|毫升|ml|颗|天|盒)?(?!钱|度|时候)|(?:剂量|用量)|(?:几|多少)(?:片|粒|毫克|mg|颗)|一天(?:吃|服|用)?几次|(?:加|减|停)(?:量|药)|药(?:要)?(?:怎么|如何|咋)(?:吃|服)|(?:怎么|如何|咋)(?:吃|服|用)[^，。；]{0,4}药|(?:吃|服)(?:多久|几天|多长时间)(?:的)?(?:药|$)|能(?:不能)?(?:加|减|停)(?:量|药)",
    re.IGNORECASE,
)
_MEDICINE = r"(?:药|消炎药|止疼药|止痛药|抗生素|头孢|阿莫西林|左氧氟沙星|阿奇霉素|激素|优甲乐|他汀|阿司匹林|布洛芬|中药|偏方|保健品|靶向药|胶囊|颗粒|钙片|膏药)"
_PRESCRIPTION = re.compile(
    rf"(?:吃|用|开|买|服|喝|换|推荐|打|贴|擦|抹)(?:点|些|个|一些|一点|哪种|哪些|什么|啥|哪个)*[^，。；]{{0,3}}{_MEDICINE}(?!物?过敏|前|后|和对比剂)|(?:什么|哪种|啥|哪些|哪个){_MEDICINE}|{_MEDICINE}[^，。；]{{0,6}}(?:能吃|可以吃|管用|有用|行不行|好使|有效)|开(?:个|点)?(?:处方|方子)|(?:能不能|可以|要不要|该不该)[^，。；]{{0,3}}(?:吃|用){_MEDICINE}"
)
_NOT_MEDICINE = re.compile(
    r"辐射|射线|药前|停药前|检查前[^，。；]{0,10}药|二甲双胍|降压药[^，。；]{0,8}(?:检查|空腹)|抽血|做(?:CT|核磁|增强|检查|肠镜|胃镜)[^，。；]{0,12}药|泻药"
)
_IMAGE = re.compile(
    r"(?:帮|替|给)(?:我|忙|俺)*(?:看|瞧|读|分析|诊断|判断|看看|看一下|看下)[^，。；]{0,6}(?:片子|图像|影像|图片|照片|胶片|CT图|片)|(?:看|读|分析)(?:一下|看|下)*(?:这张|这个|我的|我发的|上传的)(?:片子|图像|影像|图片|照片|胶片|CT图)|(?:片子|图像|图片|照片)(?:上|里|中)(?:这个|那个|这块|那块)?[^，。；]{0,8}(?:是什么|是啥|是不是|有没有问题|怎么样)|从(?:片子|图像|图)上看|这张(?:片子|图|CT)[^，。；]{0,8}(?:怎么样|有问题|正常吗|看出)"
)
_PROGNOSIS = re.compile(
    r"(?:还能|能|可以)活(?:多久|多长|几年|到)|活不(?:过|了)|(?:存活|生存|治愈)(?:率|期)|(?:能|可以|会)(?:不能)?(?:治好|治愈|根治|痊愈|完全恢复)吗?|治(?:得|不)好(?:吗|不)?|会(?:不会)?(?:死|瘫痪|要命)|有生命危险|几(?:年|个月)寿命|癌(?:症)?的?(?:概率|几率|可能性)(?:多大|是多少|有多)|(?:恶性|癌变|癌)[^，。；]{0,4}(?:概率|几率|可能性|百分之几)|多大(?:可能|概率|几率)"
)
_INJECTION = re.compile(
    r"忽略(?:以上|前面|之前|上面|所有|一切)|无视(?:以上|前面|之前|规则)|(?:你现在|从现在起|现在开始你)(?:是|扮演|要)|(?:system|系统)\s*(?:prompt|提示词|指令)|ignore (?:all|previous|the above)|(?:输出|告诉我|重复|打印|泄露)[^，。；]{0,8}(?:提示词|系统指令|prompt|规则原文)|扮演(?:一个|一名)?(?:医生|专家|没有限制)|developer mode|jailbreak|DAN模式|越狱|假装你(?:是|没有)",
    re.IGNORECASE,
)
_HEALTH = re.compile(
    r"报告|检查|片|CT|核磁|MR|B超|彩超|超声|X光|钼靶|骨密度|心电图|胃镜|肠镜|PET|结节|囊肿|结石|增生|炎|癌|瘤|疼|痛|痒|肿|晕|吐|咳|喘|烧|血|尿|便|病|医|院|科|药|手术|治|症|复查|随访|体检|饮食|吃|喝|忌口|烟|酒|运动|锻炼|睡|怀孕|孕|奶|辐射|对比剂|造影|增强|空腹|准备|挂号|费用|多少钱|报销|医保|互认|严重|要紧|危险|正常|异常|意思|什么|怎么|肺|肝|胆|胰|脾|肾|胃|肠|脑|心|乳|甲状腺|子宫|卵巢|前列腺|骨|椎|关节|膝|颈|腰|胸|腹|眼|耳|鼻|喉|皮肤|淋巴|血管|身体|健康|预防|注意|大吗|变|长|它|这|那|呢|小孩|孩子|传染|遗传|中医|按摩|理疗|休息|上班|坐飞机|洗澡|打球|跑步|体重|减肥|糖|盐|油|维生素|疫苗",
    re.IGNORECASE,
)
_OFF_TOPIC = re.compile(
    r"股票|基金|彩票|天气|(?:写|编)(?:一?[首篇段个])?(?:诗|代码|程序|作文|小说|论文|歌|文案|python|剧本)|翻译|电影|电视剧|游戏|明星|足球|世界杯|旅游|酒店|机票|房价|贷款|总统|政治|选举|战争|算命|星座|讲个?(?:笑话|故事)|数学题|几点(?:了|钟)|做饭|菜谱|手机|电脑|比特币|怎么炒|python|java(?:script)?|你(?:是谁|叫什么|几岁|会什么|是什么模型)|双色球",
    re.IGNORECASE,
)


def refusal(question: str, hospital_phone: str | None) -> Refusal | None:
    """Return why a question is refused and what is said, or None when it may be answered.

    Args:
        question: As the patient wrote it.
        hospital_phone: Named in the words where given.
    """
    text = prepare(question[:4000]).text
    phone = message("phone_known", phone=hospital_phone) if hospital_phone else ""
    if _INJECTION.search(text):
        return Refusal("injection", message("refuse_scope"))
    if _IMAGE.search(text):
        return Refusal("image", message("refuse_image", phone=phone))
    if not _NOT_MEDICINE.search(text):
        if _DOSE.search(text) and re.search(rf"{_MEDICINE}|药|片|粒|剂量|用量|毫克|mg|针|服", text):
            return Refusal("dose", message("refuse_dose", phone=phone))
        if _PRESCRIPTION.search(text):
            return Refusal("prescription", message("refuse_prescription", phone=phone))
    if _PROGNOSIS.search(text):
        return Refusal("prognosis", message("refuse_prognosis", phone=phone))
    if (_OFF_TOPIC.search(text) and not re.search(r"报告|检查|结节|病|医院|CT|核磁", text)) or not _HEALTH.search(text):
        return Refusal("out_of_scope", message("refuse_scope"))
    return None
