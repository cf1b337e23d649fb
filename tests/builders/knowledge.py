"""A small knowledge base in memory: plain values behind the `Knowledge` protocol, nothing reviewed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge_base.entries import (
    Chunk,
    Entry,
    EntryKind,
    EntryState,
    FindingGuide,
    Hit,
    LexiconForm,
    SearchResult,
    Source,
)

SOURCE = Source("test-source", "测试来源", "测试机构", 2024, "第1版", "https://example.invalid")

_TERMS = {
    "磨玻璃结节": "像毛玻璃一样、透过它还能看见血管的小结节。",
    "钙化": "组织里沉积了钙盐，片子上显得很白。",
    "胸腔积液": "肺外面的腔里积了液体。",
    "椎间盘": "两节脊椎骨之间的软垫。",
    "囊肿": "里面装着液体的小袋子。",
    "纵隔": "两肺中间的区域，里面有心脏和大血管。",
    "BI-RADS": "乳腺检查的分类方法，数字越大越需要重视。",
}
_PLAIN_FORMS = {
    "anatomy": "胸廓 纵隔 肺野 肺纹理 支气管 主支气管 肋膈角 胸腔 椎体 硬膜囊 神经根 黄韧带 椎管 基底节区 半卵圆中心 脑沟 脑裂 侧脑室 上颌窦 黏膜 "
    "淋巴结 尖段 膈面 心包 肾上腺 集合系统 半月板 关节间隙 中线结构 腹腔 门静脉 冠状动脉 胰腺 心影",
    "sign": "结节 磨玻璃结节 条索影 钙化 钙化灶 积液 胸腔积液 强化 占位 信号 回声 声影 充盈缺损 无回声区 退行性变 骨质增生 骨赘 气胸 实变 渗出",
    "disease": "囊肿 肝囊肿 肾囊肿 慢性胆囊炎 上颌窦炎 脑萎缩 腔隙性脑梗死 硬膜下血肿 椎管狭窄 椎间盘突出 椎间盘膨出 乳腺增生 肺气肿 肺栓塞 主动脉夹层 肺炎 脑出血",
    "technique": "平扫 增强 T2WI DWI CDFI CT值 动脉期 门脉期",
}
_LANGUAGE = {
    "shapes": [
        "斑片状",
        "小片状",
        "片状",
        "条索",
        "结节状",
        "类圆形",
        "磨玻璃",
        "不规则",
        "高",
        "低",
        "稍低",
        "稍高",
        "软组织",
        "点状",
        "斑点状",
        "团块状",
        "囊性",
        "新月形",
        "略低",
        "云絮状",
    ],
    "cores": [
        "密度",
        "信号",
        "回声",
        "密度增高",
        "密度减低",
        "高密度",
        "低密度",
        "高信号",
        "低信号",
        "低回声",
        "强回声",
        "无回声",
        "软组织密度",
    ],
    "tails": ["影", "灶", "区", "结节", "肿块", "团块", "病灶"],
    "everyday": [
        "肺",
        "肝",
        "心脏",
        "胃",
        "肾",
        "脾",
        "胆囊",
        "膀胱",
        "子宫",
        "骨折",
        "结石",
        "脂肪肝",
        "肺癌",
        "狭窄",
        "扩张",
        "增厚",
        "甲状腺",
        "气管",
    ],
}
_GUIDES: list[tuple[str, tuple[str, ...], str, str, str, int, tuple[str, ...]]] = [
    ("guide-ggo", ("磨玻璃结节", "磨玻璃影"), "像毛玻璃一样的小结节", "这种结节有不少是炎症留下的，也有一部分会长期不变，单凭一次检查不能定性。", "按报告写的时间复查，让医生对比两次片子。", 3, ()),
    ("guide-nodule", ("结节",), "小结节", "结节是影像上的一个小圆点，多数情况下需要结合大小和随访来看。", "带着报告到相应的门诊，请医生决定是否复查。", 3, ()),
    ("guide-disc", ("椎间盘突出", "椎间盘膨出", "突出", "膨出"), "椎间盘向外鼓出", "椎间盘像软垫，用久了会向外鼓，有时会碰到旁边的神经。", "如果腿麻、腿没力气加重，或大小便不正常，要马上就医。", 3, ("颈椎", "腰椎", "脊柱")),
    ("guide-cyst", ("囊肿", "无回声区"), "装着液体的小囊", "单纯的囊肿很常见，里面是清亮的液体。", "一般不需要处理，体检时再看一看。", 4, ()),
    ("guide-gallstone", ("胆囊结石", "胆结石"), "胆囊里的石头", "胆囊里长了石头，不少人没有不舒服。", "右上腹疼、发烧时要就医。", 3, ()),
    ("guide-effusion", ("胸腔积液",), "胸腔里有积液", "胸腔里有一些多出来的液体，原因要结合其他检查来看。", "请医生找出积液的原因。", 2, ()),
    ("guide-pneumothorax", ("气胸",), "胸腔里进了空气", "空气跑到肺外面，会把肺压小。", "请马上联系医生或去急诊。", 1, ()),
    ("guide-old", ("陈旧性病变", "条索影", "钙化灶", "纤维灶"), "以前留下的痕迹", "多是过去的炎症愈合后留下的痕迹。", "通常不需要处理。", 4, ()),
    ("guide-artery", ("动脉硬化", "钙化斑", "冠状动脉硬化"), "血管壁变硬、有钙化", "血管壁上有钙化，和年龄、血压、血脂有关。", "请医生评估血压、血脂等情况。", 3, ("主动脉", "冠状动脉", "颈动脉")),
]  # fmt: skip
_EDUCATION = [
    ("edu-nodule-diet", "肺结节的饮食", "发现肺结节后，饮食以均衡为主，多吃新鲜蔬菜水果，少吃腌制和烧烤食物。\n\n没有哪一种食物能让结节消失。戒烟比吃什么更重要。", ("肺结节吃什么好", "有结节饮食注意什么")),
    ("edu-nodule-growth", "肺结节会不会变大", "多数小的磨玻璃结节变化很慢，复查就是为了看它有没有变化。\n\n如果结节变大或变实，医生会建议进一步检查。", ("结节会变大吗", "结节会不会长大")),
    ("edu-ct-prep", "做CT前的准备", "做普通胸部CT一般不用空腹。\n\n检查前取下项链等金属物品，按工作人员的口令憋气。", ("做CT要空腹吗", "CT检查前注意什么")),
]  # fmt: skip


def term_entry(title: str, plain: str) -> Entry:
    return Entry(
        entry_id=f"term-{title}",
        kind=EntryKind.TERM,
        title=title,
        plain=plain,
        body=plain,
        surfaces=(title,),
        sources=(SOURCE,),
        state=EntryState.STARTER,
        version=1,
        questions=(f"{title}是什么意思",),
    )


def guide_entry(row: tuple[str, tuple[str, ...], str, str, str, int, tuple[str, ...]]) -> Entry:
    entry_id, concepts, plain_name, meaning, next_step, urgency, guide_organs = row
    return Entry(
        entry_id=entry_id,
        kind=EntryKind.FINDING,
        title=concepts[0],
        plain=meaning,
        body=f"{meaning}\n\n{next_step}",
        surfaces=(concepts[0],),
        sources=(SOURCE,),
        state=EntryState.STARTER,
        version=1,
        questions=(f"{concepts[0]}严重吗",),
        guide=FindingGuide(concepts, plain_name, meaning, next_step, urgency, guide_organs),
    )


def education_entry(entry_id: str, title: str, body: str, questions: tuple[str, ...]) -> Entry:
    return Entry(
        entry_id=entry_id,
        kind=EntryKind.EDUCATION,
        title=title,
        plain=body.split("\n")[0],
        body=body,
        surfaces=(),
        sources=(SOURCE,),
        state=EntryState.STARTER,
        version=1,
        questions=questions,
    )


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


@dataclass
class SmallKnowledge:
    """Lexicon, guides and passages enough for tests; search counts shared character pairs."""

    all_entries: list[Entry] = field(
        default_factory=lambda: [
            *(term_entry(title, plain) for title, plain in _TERMS.items()),
            *(guide_entry(row) for row in _GUIDES),
            *(education_entry(*row) for row in _EDUCATION),
        ]
    )
    version: str = "test-1"

    def entry(self, entry_id: str) -> Entry | None:
        return next((entry for entry in self.all_entries if entry.entry_id == entry_id), None)

    def entries(self, kind: EntryKind | None = None) -> Sequence[Entry]:
        return [entry for entry in self.all_entries if kind is None or entry.kind is kind]

    def lexicon(self) -> Sequence[LexiconForm]:
        explained = {s: e.entry_id for e in self.entries(EntryKind.TERM) for s in e.surfaces}
        forms = {word: category for category, words in _PLAIN_FORMS.items() for word in words.split()}
        forms.update({surface: "sign" for surface in explained if surface not in forms})
        return [LexiconForm(word, category, explained.get(word)) for word, category in forms.items()]

    def language(self, name: str) -> Sequence[str]:
        return _LANGUAGE[name]

    def entry_for(self, term: str) -> str | None:
        explained = {s: e.entry_id for e in self.entries(EntryKind.TERM) for s in e.surfaces}
        return next((explained[term[i:]] for i in range(len(term)) if term[i:] in explained), None)

    def search(self, question: str, k: int = 5) -> SearchResult:
        asked = _bigrams(question)
        hits = []
        for entry in self.all_entries:
            known = max(
                (len(asked & _bigrams(form)) / max(1, len(_bigrams(form))) for form in entry.questions), default=0
            )
            for number, text in enumerate(entry.body.split("\n\n")):
                chunk = Chunk(f"{entry.entry_id}#{number}", entry.entry_id, entry.title, text)
                hits.append(Hit(chunk, known - number / 100))
        hits.sort(key=lambda hit: -hit.score)
        return SearchResult(known=bool(hits) and hits[0].score >= 0.5, hits=hits[:k])
