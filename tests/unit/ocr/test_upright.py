import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr.image.upright import turn_box, turn_picture, turn_size
from ocr.types import Box


def picture_with(box: Box, width: int, height: int) -> bytes:
    cells = np.zeros((height, width, 3), np.uint8)
    cells[box.top : box.top + box.height, box.left : box.left + box.width] = 255
    out = io.BytesIO()
    Image.fromarray(cells).save(out, "JPEG", quality=95)
    return out.getvalue()


class TestTurning:
    @given(
        degrees=st.sampled_from([0, 90, 180, 270]),
        left=st.integers(0, 60),
        top=st.integers(0, 30),
        size=st.tuples(st.integers(16, 36), st.integers(16, 30)),
    )
    def test_the_box_stays_on_what_it_marked(self, degrees, left, top, size):
        box = Box(left, top, *size)
        turned = Image.open(io.BytesIO(turn_picture(picture_with(box, 96, 64), degrees)))
        assert turned.size == turn_size(96, 64, degrees)
        place = turn_box(box, degrees, 96, 64)
        white = np.asarray(turned.convert("L"))[
            place.top : place.top + place.height, place.left : place.left + place.width
        ]
        assert white[3:-3, 3:-3].min() > 200
