"""The header of one instance: what the index needs, checked, read without touching the pixels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final

from imaging_core.dicom.charset import decode_text
from imaging_core.dicom.elements import ElementWalker, PixelLocation, Scan
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import FileStart, find_start
from imaging_core.dicom.source import FileSource, InflatedSource, Source
from imaging_core.dicom.syntaxes import VIDEO, encoding_of
from imaging_core.domain.identifiers import SeriesInstanceUid, SopInstanceUid, StudyInstanceUid
from imaging_core.errors import DamagedDicom

_CHARSET: Final = 0x00080005
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_TEXTS: Final = {
    "study_time": 0x00080030,
    "accession_number": 0x00080050,
    "modality": 0x00080060,
    "referring_physician_name": 0x00080090,
    "study_description": 0x00081030,
    "series_description": 0x0008103E,
    "patient_name": 0x00100010,
    "patient_id": 0x00100020,
    "patient_sex": 0x00100040,
    "body_part_examined": 0x00180015,
    "laterality": 0x00200060,
    "protocol_name": 0x00181030,
    "station_name": 0x00081010,
    "manufacturer": 0x00080070,
    "series_time": 0x00080031,
    "performed_procedure_step_start_time": 0x00400245,
    "study_id": 0x00200010,
    "photometric_interpretation": 0x00280004,
}
_DATES: Final = {
    "study_date": 0x00080020,
    "series_date": 0x00080021,
    "patient_birth_date": 0x00100030,
    "performed_procedure_step_start_date": 0x00400244,
}
_INTEGER_STRINGS: Final = {"series_number": 0x00200011, "instance_number": 0x00200013}
_FRAMES: Final = 0x00280008
_SHORTS: Final = {
    "samples_per_pixel": 0x00280002,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "bits_allocated": 0x00280100,
}
_WANTED: Final = frozenset(
    {_CHARSET, _SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES, _FRAMES}.union(
        _TEXTS.values(), _DATES.values(), _INTEGER_STRINGS.values(), _SHORTS.values()
    )
)
# PS3.5 9.1 allows digits and dots; anonymisers write hexadecimal digests, which do no harm as opaque keys
_UID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_DATE: Final = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
_INT32: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHeader:
    """What the index keeps of an instance. Texts are decoded and repaired; absent ones are empty.

    `pixels` is None when the instance has none; its offset counts from the start of the file, or of the inflated
    data set when the transfer syntax is deflated. `dataset_offset` is where the file meta information ends.
    """

    sop_class_uid: str
    sop_instance_uid: SopInstanceUid
    study_instance_uid: StudyInstanceUid
    series_instance_uid: SeriesInstanceUid
    transfer_syntax_uid: str
    patient_id: str
    patient_name: str
    patient_sex: str
    patient_birth_date: date | None
    accession_number: str
    study_id: str
    study_date: date | None
    study_time: str
    study_description: str
    referring_physician_name: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    laterality: str
    protocol_name: str
    station_name: str
    manufacturer: str
    series_date: date | None
    series_time: str
    performed_procedure_step_start_date: date | None
    performed_procedure_step_start_time: str
    instance_number: int | None
    number_of_frames: int
    """0 when the instance has no pixels."""
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    photometric_interpretation: str
    pixels: PixelLocation | None
    dataset_offset: int


def read_header(file: BinaryIO, size: int, limits: Limits) -> InstanceHeader:
    """Return the header of a DICOM file of `size` bytes, from its first byte.

    The whole structure is walked, so a file that ends early is noticed wherever it ends.

    Raises:
        NotDicom: The file is something else.
        DamagedDicom: Truncated, unreadable, without identifiers, or with fewer pixels than it declares.
        LimitExceeded: It declares or holds more than the limits allow.
    """
    start = find_start(file, size, limits)
    encoding = encoding_of(start.transfer_syntax_uid)
    source: Source = FileSource(file, size)
    if encoding.deflated:
        source = InflatedSource(file, limits)
    walker = ElementWalker(source, explicit_vr=start.explicit_vr, little_endian=encoding.little_endian, limits=limits)
    header = _header(walker.scan(_WANTED), start, little_endian=encoding.little_endian)
    _check_pixels(header, limits)
    return header


def _header(scan: Scan, start: FileStart, *, little_endian: bool) -> InstanceHeader:
    values = scan.values
    charsets = [part.strip() for part in _ascii(values.get(_CHARSET, b"")).split("\\")]
    has_pixels = scan.pixels is not None
    texts = {field: _text(values.get(tag, b""), charsets) for field, tag in _TEXTS.items()}
    dates = {field: _date(values.get(tag, b"")) for field, tag in _DATES.items()}
    integers = {field: _integer(values.get(tag, b"")) for field, tag in _INTEGER_STRINGS.items()}
    shorts = {field: _short(values.get(tag, b""), little_endian=little_endian) for field, tag in _SHORTS.items()}
    return InstanceHeader(
        sop_class_uid=_uid(values, _SOP_CLASS, "SOP Class UID"),
        sop_instance_uid=SopInstanceUid(_uid(values, _SOP_INSTANCE, "SOP Instance UID")),
        study_instance_uid=StudyInstanceUid(_uid(values, _STUDY, "Study Instance UID")),
        series_instance_uid=SeriesInstanceUid(_uid(values, _SERIES, "Series Instance UID")),
        transfer_syntax_uid=start.transfer_syntax_uid,
        number_of_frames=max(_integer(values.get(_FRAMES, b"")) or 1, 1) if has_pixels else 0,
        pixels=scan.pixels,
        dataset_offset=start.dataset_offset,
        **texts,  # type: ignore[arg-type]  # the names above are the fields' names
        **dates,  # type: ignore[arg-type]
        **integers,  # type: ignore[arg-type]
        **shorts,  # type: ignore[arg-type]
    )


def _check_pixels(header: InstanceHeader, limits: Limits) -> None:
    """Refuse an instance whose pixel data cannot hold the frames it declares."""
    pixels, frames = header.pixels, header.number_of_frames
    if pixels is None:
        return
    if frames > limits.frames:
        raise DamagedDicom("too_many_frames", f"{frames} frames are declared, {limits.frames} are allowed")
    if pixels.fragments is not None:
        if pixels.fragments < (1 if header.transfer_syntax_uid in VIDEO else frames):
            raise DamagedDicom("pixels_too_short", f"{frames} frames are declared, {pixels.fragments} fragments follow")
        return
    samples: float = max(header.samples_per_pixel, 1)
    if header.photometric_interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        samples = 2  # PS3.3 C.7.6.3.1.2: two chrominance values for each pair of pixels
    bits = int(header.rows * header.columns * samples * frames * header.bits_allocated)
    if pixels.length < bits // 8:
        raise DamagedDicom("pixels_too_short", f"{bits // 8} bytes of pixels are declared, {pixels.length} follow")


def _uid(values: dict[int, bytes], tag: int, name: str) -> str:
    uid = _ascii(values.get(tag, b""))
    if not uid:
        raise DamagedDicom("no_identifier", f"{name} is missing")
    if not _UID.fullmatch(uid):
        raise DamagedDicom("bad_identifier", f"{name} is not a UID")
    return uid


def _ascii(raw: bytes) -> str:
    # PS3.5 6.2: UI values are padded with NULL, code strings with a space
    return raw.decode("latin-1").strip("\0 \t\r\n")


def _text(raw: bytes, charsets: Sequence[str]) -> str:
    # neither database takes control characters in text gladly, PostgreSQL no NUL at all
    text = decode_text(raw, charsets).text
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())


def _date(raw: bytes) -> date | None:
    match = _DATE.match(_ascii(raw))
    if match is None:
        return None
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def _integer(raw: bytes) -> int | None:
    try:
        number = int(_ascii(raw).split("\\")[0])
    except ValueError:
        return None
    return number if -_INT32 <= number < _INT32 else None


def _short(raw: bytes, *, little_endian: bool) -> int:
    return int.from_bytes(raw[:2], "little" if little_endian else "big")
