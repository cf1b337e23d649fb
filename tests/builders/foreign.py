"""Files that are no DICOM, as devices beside the radiology department write them: small, of invented people."""

import struct
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def picture(kind: str = "PNG", shade: int = 90) -> bytes:
    """Return a small picture."""
    out = BytesIO()
    Image.new("RGB", (24, 16), (shade, 40, 40)).save(out, kind)
    return out.getvalue()


def pdf(text: str = "report") -> bytes:
    """Return a PDF of no pages that nothing objects to."""
    return f"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n% {text}\ntrailer<</Root 1 0 R>>\n%%EOF\n".encode()


def video(payload: bytes = b"frames") -> bytes:
    """Return the boxes of an MP4; nothing can be played."""
    boxes = ((b"ftyp", b"isom\0\0\2\0isomiso2"), (b"moov", b"\0" * 8), (b"mdat", payload))
    return b"".join(struct.pack(">L4s", 8 + len(content), kind) + content for kind, content in boxes)


def aecg(microvolts: np.ndarray, leads: Sequence[str] = LEADS, *, scale: float = 5.0, unit: str = "uV") -> bytes:
    """Return an HL7 annotated ECG, 500 samples a second; shape (leads, samples)."""
    sequences = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name.upper()}" codeSystem="2.16.840.1.113883.6.24"/>'
        f'<value xsi:type="SLIST_PQ"><origin value="0" unit="{unit}"/><scale value="{scale}" unit="{unit}"/>'
        f"<digits>{' '.join(str(round(value / scale)) for value in values)}</digits></value></sequence></component>"
        for name, values in zip(leads, microvolts, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><AnnotatedECG xmlns="urn:hl7-org:v3"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="2.25.1"/>'
        '<component><series><code code="RHYTHM" codeSystem="2.16.840.1.113883.5.4"/><component><sequenceSet>'
        '<component><sequence><code code="TIME_ABSOLUTE" codeSystem="2.16.840.1.113883.6.24"/>'
        '<value xsi:type="GLIST_TS"><head value="20260301120000.000"/><increment value="0.002" unit="s"/></value>'
        f"</sequence></component>{sequences}</sequenceSet></component></series></component></AnnotatedECG>"
    ).encode()


def scp_ecg(microvolts: np.ndarray, *, step: float = 5.0) -> bytes:
    """Return an SCP-ECG without compression (EN 1064), 500 samples a second; shape (leads, samples)."""
    count, samples = microvolts.shape
    numbers = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)[:count]
    definition = struct.pack("<BB", count, 4 | count << 3)
    definition += b"".join(struct.pack("<LLB", 1, samples, number) for number in numbers)
    rows = [np.rint(row / step).astype("<i2").tobytes() for row in microvolts]
    rhythm = struct.pack("<HHBB", round(step * 1000), 2000, 0, 0)
    rhythm += b"".join(struct.pack("<H", len(row)) for row in rows) + b"".join(rows)
    about = b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in ((2, b"TEST0001\0"), (255, b"")))
    sections = {1: about, 3: definition, 6: rhythm}
    place = 7 + 16 + 12 * 10
    pointers, bodies = [(0, 16 + 120, 7)], b""
    for number in range(1, 12):
        body = _section(number, sections[number]) if number in sections else b""
        pointers.append((number, len(body), place if body else 0))
        place += len(body)
        bodies += body
    listed = b"".join(struct.pack("<HLL", *pointer) for pointer in pointers)
    whole = _section(0, listed, mark=b"SCPECG") + bodies
    whole = struct.pack("<L", len(whole) + 6) + whole
    return struct.pack("<H", _crc(whole)) + whole


def slide(width: int = 1400, height: int = 900) -> bytes:
    """Return a tiled TIFF of two levels; its colour tells the place: red grows to the right, green downwards."""
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for factor in (1, 4):
        w, h = width // factor, height // factor
        y, x = np.mgrid[0:h, 0:w]
        pixels = np.stack([x * 255 // w, y * 255 // h, np.full_like(x, 128)], -1).astype(np.uint8)
        offsets, sizes = [], []
        for top in range(0, h, 256):
            for left in range(0, w, 256):
                tile = np.zeros((256, 256, 3), np.uint8)
                part = pixels[top : top + 256, left : left + 256]
                tile[: part.shape[0], : part.shape[1]] = part
                offsets.append(len(out))
                sizes.append(tile.nbytes)
                out += tile.tobytes()
        bits = len(out)
        out += struct.pack("<3H", 8, 8, 8)
        lists = [len(out), len(out) + 4 * len(offsets)]
        out += struct.pack(f"<{2 * len(offsets)}L", *offsets, *sizes)
        tags = [
            (254, 4, 1, 0 if factor == 1 else 1), (256, 4, 1, w), (257, 4, 1, h), (258, 3, 3, bits), (259, 3, 1, 1),
            (262, 3, 1, 2), (277, 3, 1, 3), (284, 3, 1, 1), (322, 4, 1, 256), (323, 4, 1, 256),
            (324, 4, len(offsets), lists[0]), (325, 4, len(sizes), lists[1]),
        ]  # fmt: skip
        out[link : link + 4] = struct.pack("<L", len(out))
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags)
        link = len(out)
        out += bytes(4)
    return bytes(out)


def _section(number: int, content: bytes, mark: bytes = bytes(6)) -> bytes:
    content += b"\0" * (len(content) % 2)
    rest = struct.pack("<HLBB", number, 16 + len(content), 20, 20) + mark + content
    return struct.pack("<H", _crc(rest)) + rest


def _crc(data: bytes) -> int:
    """CRC-CCITT as EN 1064 5.2.7 wants it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc
