"""A content folder in a temporary place, small enough to read."""

from pathlib import Path

SOURCES = """
- {id: plain-source, title_zh: 测试来源, organisation: 测试机构, year: 2024, version: 第1版, url: ""}
"""
FACTS = """
- {text: "小于6 mm一般不随访;3个月复查", sources: [plain-source], grade: A}
- {text: "77%不可靠", sources: [plain-source], grade: C}
"""
TERM = """
- id: term-nodule
  title: 磨玻璃结节
  plain: 肺里一个淡淡的小影子。
  body: |
    第一段说样子。

    第二段说复查。
  surfaces: [GGN, 毛玻璃结节]
  questions: [磨玻璃结节是什么]
  sources: [plain-source]
"""
FINDING = """
- id: guide-stone
  title: 胆囊结石
  plain: 胆囊里有石头。
  body: 没有症状的可以观察。
  questions: [胆囊结石怎么办]
  guide: {concepts: [胆囊结石], plain_name: 胆囊里的石头, meaning: 很常见。, next_step: 定期做B超。, urgency: 3, organs: [胆囊]}
"""
EDUCATION = """
- id: edu-mr
  title: 磁共振检查
  plain: 磁共振没有辐射。
  body: 身上的金属要先取下来。
  questions: [做核磁有辐射吗]
"""


def content_folder(
    folder: Path, *, terms: str = TERM, findings: str = FINDING, education: str = EDUCATION, sources: str = SOURCES
) -> Path:
    """Write a complete content folder and return it."""
    for name, text in {
        "sources.yaml": sources,
        "facts.yaml": FACTS,
        "entries/terms/one.yaml": terms,
        "entries/findings/one.yaml": findings,
        "entries/education/one.yaml": education,
        "lexicon/signs.txt": "# category: sign\n晕征\n胸腺瘤\n肺\n",
        "language/everyday.txt": "# known\n肺\n",
        "language/heads.txt": "磨玻璃结节\n",
        "language/question_words.txt": "怎么办\n是什么\n吗\n",
        "language/negation.txt": "# first\n未见明显\n未见\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder
