import io

import pytest
from PIL import Image

from api.wiring import FONT
from bench.errors import NeedMissing
from bench.pages import generated_pages


class TestGeneratedPages:
    def test_without_the_font_it_says_what_brings_it(self, tmp_path):
        with pytest.raises(NeedMissing, match="make demo"):
            next(generated_pages(tmp_path / "absent.ttf"))

    @pytest.mark.skipif(not FONT.exists(), reason="the Chinese font of the pages is not installed")
    def test_are_the_same_every_time_and_say_what_is_printed(self):
        first, again = next(generated_pages()), next(generated_pages())
        assert first == again
        assert Image.open(io.BytesIO(first.picture)).format == "JPEG"
        assert first.truth is not None
        assert "诊断意见：" in first.truth.splitlines()
