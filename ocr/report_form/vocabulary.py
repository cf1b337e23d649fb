"""Words with rare characters that report writers use, for putting right one unsure character.

Not a medical dictionary (that is the knowledge base): only words of three and more characters that stand or fall
as a whole. Shorter ones fit too many neighbours.
"""

_WORDS = """
胼胝体 基底节 半卵圆中心 放射冠 硬膜下 硬膜外 蛛网膜 中线结构 上颌窦 鼻中隔 咽隐窝 扁桃体 甲状腺 颌下腺 颈动脉
椎动脉 支气管 主支气管 肺纹理 肋膈角 主动脉 冠状动脉 二尖瓣 三尖瓣 磨玻璃 淋巴结 肩胛骨 肝囊肿 肝内胆管 胆囊壁
胆囊颈 胆总管 门静脉 下腔静脉 肠系膜 乙状结肠 十二指肠 肾上腺 集合系统 输尿管 前列腺 附件区 髂血管 腹股沟
骶髂关节 髋关节 股骨头 髌上囊 髁间隆起 胫骨平台 踝关节 半月板 交叉韧带 侧副韧带 椎间盘 椎间孔 椎管狭窄 硬膜囊
硬膜囊前缘 神经根 黄韧带 脊髓圆锥 髓圆锥 许莫氏结节 骨质增生 骨皮质 骨小梁 退行性变 侧隐窝 强回声 白细胞 红细胞
血小板 血红蛋白 中性粒细胞 淋巴细胞 单核细胞 转氨酶 转肽酶 胆红素 白蛋白 球蛋白 胱抑素 葡萄糖 胆固醇 甘油三酯
糖类抗原 甲胎蛋白 癌胚抗原 前列腺特异 铁蛋白 氨基转移酶 谷氨酰 颅脑CT 颅脑MR 颅脑MRI 额颞部 额颞顶 颞顶部 左颞部
颞枕部 髂血管旁 肾囊肿 未见异常 未见明显 胸部CT 腹部CT 上腹部 下腹部 双肺纹理 胸廓对称 纵隔居中 淋巴结肿大
硬膜下血肿 硬膜外血肿 脑实质 脑白质 侧脑室 基底节区 玻璃结节 钙化灶 条索影 斑片影 小叶间隔 胸膜增厚 胆囊结石
胆囊炎 脂肪肝 肝硬化 肝血管瘤 前列腺增生 子宫肌瘤 关节腔 关节面 关节间隙 骨质疏松 骨质破坏 软组织 滑膜炎
髌上囊积液 椎间隙 生理曲度
"""

TERMS: tuple[str, ...] = tuple(_WORDS.split())
