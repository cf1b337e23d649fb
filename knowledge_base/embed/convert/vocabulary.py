"""Prune the vocabulary to Chinese, Latin, Greek and symbols, and write it as a standard tokenizer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

_SPECIAL = 4
_WORD_START = "▁"
_KEPT_RANGES = (
    (0x20, 0x7E), (0xA0, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x370, 0x3FF), (0x2010, 0x205E), (0x2070, 0x209F),
    (0x20A0, 0x20BF), (0x2100, 0x22FF), (0x2300, 0x23FF), (0x2460, 0x27BF), (0x2E80, 0x303F), (0x31C0, 0x31EF),
    (0x3200, 0x9FFF), (0xF900, 0xFAFF), (0x30FB, 0x30FB), (0xFE30, 0xFE4F), (0xFF00, 0xFF65), (0xFFE0, 0xFFEE),
    (0x20000, 0x323AF),
)  # fmt: skip


def kept_pieces(pieces: Sequence[str]) -> list[int]:
    """Return the indexes of the pieces a Chinese report can use, special tokens first, order kept."""
    allowed = {chr(code) for first, last in _KEPT_RANGES for code in range(first, last + 1)} | {_WORD_START}

    def is_kept(index: int, piece: str) -> bool:
        if index < _SPECIAL or piece == "<mask>":
            return True
        return all(character in allowed for character in piece) or (len(piece) == 1 and piece < "\u0250")

    return [index for index, piece in enumerate(pieces) if is_kept(index, piece)]


def make_tokenizer(pieces: Sequence[str], scores: npt.NDArray[np.float32]) -> Tokenizer:
    """Build the Unigram tokenizer that cuts as the original SentencePiece model does."""
    vocabulary = [(piece, float(score)) for piece, score in zip(pieces, scores, strict=True)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    # SentencePiece's nmt_nfkc leaves U+FF5E (full-width tilde) alone: hide it in a private-use character
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("\uff5e", "\uf8ff"),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace("\uf8ff", "\uff5e"),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_WORD_START, prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace(replacement=_WORD_START, prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    return tokenizer
