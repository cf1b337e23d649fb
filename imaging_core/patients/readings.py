"""How names are read aloud: pinyin by syllables, surnames as surnames (单 is shan, 曾 is zeng)."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

_SURNAMES = {
    # What a dictionary of words reads otherwise; the usual reading first.
    "万俟": ("mo qi",),
    "乐": ("yue", "le"),
    "仇": ("qiu",),
    "佴": ("nai",),
    "冼": ("xian",),
    "区": ("ou",),
    "卜": ("bu",),
    "单": ("shan",),
    "单于": ("chan yu", "shan yu"),
    "召": ("shao",),
    "句": ("gou",),
    "员": ("yun",),
    "呙": ("guo",),
    "妫": ("gui",),
    "宓": ("mi", "fu"),
    "宿": ("su",),
    "尉迟": ("yu chi",),
    "折": ("she",),
    "撒": ("sa",),
    "曾": ("zeng",),
    "朴": ("piao",),
    "查": ("zha",),
    "洗": ("xian",),
    "牟": ("mou", "mu"),
    "盖": ("ge", "gai"),
    "眭": ("sui",),
    "祭": ("zhai",),
    "种": ("chong",),
    "秘": ("bi", "mi"),
    "繁": ("po",),
    "缪": ("miao",),
    "翟": ("zhai", "di"),
    "能": ("nai",),
    "莘": ("shen", "xin"),
    "薄": ("bo",),
    "覃": ("qin", "tan"),
    "解": ("xie",),
    "谌": ("chen", "shen"),
    "贠": ("yun",),
    "郇": ("xun", "huan"),
    "郗": ("xi", "chi"),
    "郄": ("qie", "xi"),
    "都": ("du",),
    "长孙": ("zhang sun",),
    "阚": ("kan",),
    "隗": ("wei", "kui"),
    "黑": ("he",),
}
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_PIECE = re.compile(rf"[{_HAN}]+|[0-9a-z]+")
_IS_HAN = re.compile(rf"[{_HAN}]")


@dataclass(frozen=True, slots=True)
class Syllable:
    """One character of a Chinese name, or one word of another, and how it is read. A rare character has no reading."""

    written: str
    read: str


Reading = tuple[Syllable, ...]


def readings_of(name: str) -> tuple[Reading, ...]:
    """Return the ways to read a name, the likeliest first; the last one reads a surname as a word.

    >>> [[syllable.read for syllable in reading] for reading in readings_of("单雄信")]
    [['shan', 'xiong', 'xin'], ['dan', 'xiong', 'xin']]
    """
    pieces = pieces_of(name)
    as_words = tuple(chain.from_iterable(map(_read, pieces)))
    heads = _surname_readings(pieces[0]) if pieces else ()
    as_names = (head + as_words[len(head) :] for head in heads)
    return tuple(dict.fromkeys([*as_names, as_words]))


def is_han(text: str) -> bool:
    """Return whether there is a Chinese character in a text."""
    return _IS_HAN.search(text) is not None


def pieces_of(text: str) -> list[str]:
    """Return what counts in a name, in lower case: runs of Chinese characters, and other words.

    >>> pieces_of("张San丰·%")
    ['张', 'san', '丰']
    """
    return _PIECE.findall(_plain(text))


def _plain(text: str) -> str:
    """Return a text in lower case, without accents; ü is typed v."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    decomposed = unicodedata.normalize("NFD", folded).replace("u\u0308", "v")
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _surname_readings(piece: str) -> Iterator[Reading]:
    surname = piece[:2] if piece[:2] in _SURNAMES else piece[:1]
    for read in _SURNAMES.get(surname, ()):
        yield tuple(Syllable(*both) for both in zip(surname, read.split(), strict=True))


def _read(piece: str) -> Iterator[Syllable]:
    if not is_han(piece):
        yield Syllable(piece, piece)
        return
    from pypinyin import Style, lazy_pinyin  # its dictionary takes a third of a second: only who files a name waits

    # Characters that the dictionary does not know come back as they are, each for itself.
    read = lazy_pinyin(piece, style=Style.NORMAL, errors=list)  # type: ignore[arg-type]  # its hint knows no lists
    yield from (
        Syllable(character, syllable if syllable.isascii() else "")
        for character, syllable in zip(piece, read, strict=True)
    )
