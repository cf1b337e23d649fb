"""Which of our offers a client likes best."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Problem
from api.routes.wado_accept import Offer, choose, wishes

STORED = "1.2.840.10008.1.2.4.70"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = Offer("image/jpeg", True, STORED)
JPEG_ALONE = Offer("image/jpeg", False, STORED)
OCTETS_AS_STORED = Offer("application/octet-stream", True, STORED, default=False)
OCTETS = Offer("application/octet-stream", True, EXPLICIT, stored=False)
OFFERS = (JPEG, JPEG_ALONE, OCTETS_AS_STORED, OCTETS)


class TestChoice:
    @pytest.mark.parametrize(
        ("accept", "chosen"),
        [
            ("", JPEG),
            ("*/*", JPEG),
            ("text/html, */*;q=0.8", JPEG),
            ("image/*", JPEG_ALONE),
            ("image/jpeg", JPEG_ALONE),
            ("multipart/related", JPEG),
            ('multipart/related; type="application/octet-stream"', OCTETS),
            ('multipart/related; type="application/octet-stream"; transfer-syntax=*', OCTETS_AS_STORED),
            ("multipart/related; type=application/octet-stream; transfer-syntax=" + STORED, OCTETS_AS_STORED),
            ('image/jpeg;q=0.2, multipart/related; type="application/octet-stream"; q=0.9', OCTETS),
            ('image/jpeg;q=0, multipart/related; type="image/jpeg";q=0, */*', OCTETS),
            ("IMAGE/JPEG ; Q=1.0", JPEG_ALONE),
        ],
    )
    def test_follows_quality_and_what_is_stored(self, accept, chosen):
        assert choose(accept, OFFERS) == chosen

    def test_tells_what_is_possible_when_nothing_fits(self):
        with pytest.raises(Problem) as refused:
            choose("application/json, image/jpeg; transfer-syntax=1.2.3", OFFERS)
        assert refused.value.status == 406
        assert len(refused.value.extra["possible"]) == 4

    @pytest.mark.parametrize(
        "accept", ["image", "image/jpeg image/png", "image/jpeg;q=x", "image/jpeg;q=1.5", "a/b" * 3000]
    )
    def test_what_cannot_be_read_is_refused(self, accept):
        with pytest.raises(Problem) as refused:
            choose(accept, OFFERS)
        assert refused.value.status == 400

    @given(st.text(alphabet='abc/;=*,q0.1" \\-', max_size=60))
    def test_nothing_but_a_refusal_comes_of_any_text(self, accept):
        with contextlib.suppress(Problem):
            assert all(0 <= wish.quality <= 1 for wish in wishes(accept))
