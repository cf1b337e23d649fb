"""The fuzz target of STOW-RS bodies, driven by hypothesis: both ways of reading one agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.multipart import PART_LIMIT, receive

pytestmark = pytest.mark.clause("R1.2")

pieces = st.sampled_from(
    [b"--b", b"--", b"\r\n", b"\r\n\r\n", b"\n", b"--b--", b"Content-Type: application/dicom", b"X:", b"abc", b"\0\xff"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=14).map(b"".join), st.integers(1, 20))
def test_bodies_of_likely_pieces(body: bytes, step: int):
    receive(body, step=step)


def test_the_target_itself_tells_good_from_bad():
    whole = b"--b\r\nContent-Type: application/dicom\r\n\r\nabc\r\n--b\r\n\r\nxyz\r\n--b--"
    assert receive(whole) == [b"abc", b"xyz"]
    assert receive(whole[:-4]) is None
    assert receive(b"--b\r\n\r\n" + bytes(PART_LIMIT + 1) + b"\r\n--b--") is None
