"""Names of invented people, with surnames as frequent as in life."""

import random
from collections.abc import Iterator

# The most frequent surnames, by how many of a thousand people have them; polyphonic ones and compounds below.
_SURNAMES = {
    **dict.fromkeys("王李张", 71),
    "刘": 51,
    **dict.fromkeys("陈杨黄", 33),
    **dict.fromkeys("赵吴周", 20),
    **dict.fromkeys("徐孙马朱胡郭何高林罗", 13),
    **dict.fromkeys("郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈", 6),
    **dict.fromkeys(
        "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤", 3
    ),
    **dict.fromkeys("单仇解查区华朴盖翟牟缪乐阚卜冼", 1),
    **dict.fromkeys(("欧阳", "上官", "司马", "尉迟"), 1),
}
# Characters of given names, the frequent first.
_GIVEN = (
    "英华文玉秀明兰金国春丽红建志海军平林桂梅芳伟强敏静磊洋艳勇杰娟涛超霞刚辉玲燕鹏飞琴云凤莲荣香珍生福德"
    "贵根发祥龙虎宝成东波斌宇浩凯健俊帆雪琳晶妍茜欣怡涵梓萱子轩雨泽诗思嘉佳瑞晨阳博睿天乐可心一诺若曦语桐"
)


def names_as_in_life(chance: random.Random) -> Iterator[str]:
    """Yield names without end; the same ones for the same chance."""
    surnames, weights = list(_SURNAMES), list(_SURNAMES.values())
    often = [1 / (rank + 10) for rank in range(len(_GIVEN))]
    while True:
        given = chance.choices(_GIVEN, often, k=chance.choices((1, 2), (15, 85))[0])
        yield chance.choices(surnames, weights)[0] + "".join(given)
