"""BM25 over single characters and pairs of characters, the form that suits short Chinese questions."""

import itertools
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.6


def normalise(text: str) -> str:
    """Fold widths and case and drop everything but letters, digits and Han characters.

    >>> normalise("ＣＴ 平扫，要紧吗？")
    'ct平扫要紧吗'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(character for character in folded if character.isalnum())


def strip_question_words(text: str, question_words: Collection[str]) -> str:
    """Blank out words such as 怎么办 that say nothing about the topic; `question_words` longest first."""
    for word in question_words:
        text = text.replace(word, " ")
    return text


def grams(text: str) -> list[str]:
    """Return characters and adjacent pairs; a run of Latin letters or digits is one character.

    >>> grams("做ct要")
    ['做', 'ct', '要', '做ct', 'ct要']
    """
    pairs: list[str] = []
    singles: list[str] = []
    for part in text.split():
        units: list[str] = []
        for character in part:
            if units and character.isascii() and units[-1].isascii():
                units[-1] += character
            else:
                units.append(character)
        singles += units
        pairs += [first + second for first, second in itertools.pairwise(units)]
    return singles + pairs


class KeywordIndex:
    """Inverted lists over a fixed set of passages."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(grams(normalise(text))) for text in texts]
        self._size = len(texts)
        lengths = np.array([sum(count.values()) for count in counts], np.float32)
        mean = float(lengths.mean()) if self._size else 1.0
        self._damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * lengths / max(mean, 1.0))
        postings: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for number, count in enumerate(counts):
            for gram, times in count.items():
                postings[gram][0].append(number)
                postings[gram][1].append(times)
        self._postings = {
            gram: (np.array(rows, np.int64), np.array(times, np.float32)) for gram, (rows, times) in postings.items()
        }

    def weight(self, gram: str) -> float:
        """Return how rare a gram is (inverse document frequency); a gram never seen is the rarest."""
        frequency = len(self._postings[gram][0]) if gram in self._postings else 0
        return math.log(1 + (self._size - frequency + 0.5) / (frequency + 0.5))

    def __contains__(self, gram: str) -> bool:
        return gram in self._postings

    def scores(self, question: str) -> npt.NDArray[np.float32]:
        """Return the BM25 score of every passage; zero means that nothing is shared."""
        total = np.zeros(self._size, np.float32)
        for gram, times in Counter(grams(question)).items():
            if gram not in self._postings:
                continue
            rows, counts = self._postings[gram]
            damped = counts * (_SATURATION + 1) / (counts + self._damping[rows])
            total[rows] += times * self.weight(gram) * damped
        return total
