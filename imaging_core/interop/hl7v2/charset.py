"""From bytes to text, by MSH-18 and by what the bytes are.

The whole message is decoded before anything is split: the second byte of a GB18030 character may
be 0x7C, 0x5E, 0x7E or 0x5C, all of them delimiters.
"""

import re

from imaging_core.interop.hl7v2.errors import UnreadableMessage

GB18030 = "gb18030"
UTF_8 = "utf-8"

# HL7 table 0211, and what Chinese systems write instead. GB18030 contains GB 2312 and GBK.
_DECLARED = {
    "": None,
    "ASCII": None,
    "8859/1": None,  # the default of many engines, whatever they send
    "GB18030": GB18030,
    "GB18030-2000": GB18030,
    "GB18030-2005": GB18030,
    "GB18030-2022": GB18030,
    "GB2312": GB18030,
    "GB2312-80": GB18030,
    "GBK": GB18030,
    "CP936": GB18030,
    "UNICODE": UTF_8,
    "UNICODE UTF-8": UTF_8,
    "UTF-8": UTF_8,
    "UTF8": UTF_8,
}

_CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef\u2010-\u2030\u00b7\u2460-\u249b]")


def decode(raw: bytes) -> tuple[str, str]:
    """Return the text of a message and the name of the encoding it was in.

    Raises:
        UnreadableMessage: MSH-18 names something we do not know, or the bytes are in no known encoding.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    declared = declared_charset(raw)
    if declared.upper() not in _DECLARED:
        raise UnreadableMessage("MSH-18", "不支持该字符集，请使用 GB18030 或 UNICODE UTF-8")
    for encoding in _candidates(raw, _DECLARED[declared.upper()]):
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise UnreadableMessage("MSH-18", "消息不完整或不是 GB18030、UTF-8 编码")


def declared_charset(raw: bytes) -> str:
    """Return MSH-18 as written (first repetition), empty if there is none."""
    first_segment = re.split(rb"[\r\n]", raw.lstrip(), maxsplit=1)[0]
    if len(first_segment) < 4 or not first_segment.startswith(b"MSH"):
        return ""
    fields = first_segment.split(first_segment[3:4])
    declared = fields[17] if len(fields) > 17 else b""
    return re.split(rb"[~^]", declared, maxsplit=1)[0].decode("ascii", errors="replace").strip()


def reply_encoding(raw: bytes) -> str:
    """Return the encoding to answer in, also for a message that cannot be decoded."""
    try:
        return decode(raw)[1]
    except UnreadableMessage:
        return _DECLARED.get(declared_charset(raw).upper()) or GB18030


def charset_label(raw: bytes, encoding: str) -> str:
    """Return what to write into MSH-18 of the answer: the sender's own word where it names `encoding`."""
    declared = declared_charset(raw)
    own_word = declared if _DECLARED.get(declared.upper()) == encoding else ""
    return own_word or ("UNICODE UTF-8" if encoding == UTF_8 else "GB18030")


def _candidates(raw: bytes, declared: str | None) -> list[str]:
    # GB18030 accepts almost any bytes, so UTF-8 is asked first. Text that was written as GB18030 and
    # still reads as Chinese in UTF-8 does not occur: level-1 characters begin with B0-D7, which in
    # UTF-8 begins no three-byte character.
    if _is_chinese_utf_8(raw):
        return [UTF_8]
    if declared == UTF_8:
        return [UTF_8, GB18030]
    return [GB18030, UTF_8]


def _is_chinese_utf_8(raw: bytes) -> bool:
    try:
        text = raw.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    beyond_ascii = [character for character in text if ord(character) > 0x7F]
    return bool(beyond_ascii) and all(_CHINESE.match(character) for character in beyond_ascii)
