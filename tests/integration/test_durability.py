"""Receivers killed while images come in: the short form of `mingying bench durability`."""

import shutil
from pathlib import Path

import pytest

from bench.durability import kill_again_and_again

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("durability"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]


@pytest.mark.clause("R5.1")
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(tmp_path: Path, evidence):
    verdict = kill_again_and_again(tmp_path / "data", times=2, seed=4)
    assert verdict.lost == ()
    assert verdict.torn == ()
    assert verdict.acknowledged > 0
    evidence.figure(f"{verdict.kills} kills, {verdict.acknowledged} acknowledged, none lost")
