"""The quick way through plain elements and the slow way through any must come to the same."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.dicom.elements import ElementWalker, Scan
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.dicom.source import FileSource
from imaging_core.dicom.writing import implicit_file
from imaging_core.errors import DamagedDicom, LimitExceeded
from tests.builders.dicom import ct_instance

WANTED = frozenset({0x00080018, 0x00100010, 0x00100020, 0x00280010, 0x00080005})


def data_set(content: bytes) -> bytes:
    return content[find_start(BytesIO(content), len(content), Limits()).dataset_offset :]


DATA_SETS = {True: data_set(ct_instance()), False: data_set(implicit_file(ct_instance()))}


class WithoutWindow(FileSource):
    def window(self) -> bytes:
        return b""


def outcome(
    source: type[FileSource],
    content: bytes,
    *,
    explicit_vr: bool,
    little_endian: bool = True,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Scan | tuple[type[Exception], str]:
    walker = ElementWalker(
        source(BytesIO(content), len(content)),
        explicit_vr=explicit_vr,
        little_endian=little_endian,
        limits=limits,
    )
    try:
        return walker.scan(WANTED)
    except (DamagedDicom, LimitExceeded) as error:
        return type(error), str(error)


@pytest.mark.parametrize("explicit_vr", [True, False])
@pytest.mark.parametrize("limits", [Limits(), Limits(elements=1), Limits(elements=12), Limits(text_bytes=8)])
def test_limits_are_met_at_the_same_place(explicit_vr: bool, limits: Limits):
    content = DATA_SETS[explicit_vr]
    quick, slow = (
        outcome(source, content, explicit_vr=explicit_vr, limits=limits) for source in (FileSource, WithoutWindow)
    )
    assert quick == slow
    assert isinstance(quick, Scan) is (limits == Limits())


@pytest.mark.parametrize("explicit_vr", [True, False])
@pytest.mark.parametrize("little_endian", [True, False])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_and_cut_off_they_agree(explicit_vr: bool, little_endian: bool, data: st.DataObject):
    content = bytearray(DATA_SETS[explicit_vr])
    for _ in range(data.draw(st.integers(0, 3))):
        where = data.draw(st.integers(0, len(content) - 1))
        content[where : where + 1] = data.draw(st.binary(max_size=2))
    cut = bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    quick, slow = (
        outcome(source, cut, explicit_vr=explicit_vr, little_endian=little_endian)
        for source in (FileSource, WithoutWindow)
    )
    assert quick == slow
