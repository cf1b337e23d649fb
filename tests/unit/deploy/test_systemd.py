"""The systemd units as systemd itself reads them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "deploy" / "systemd"
COMMAND = Path(sys.executable).parent / "mingying"

pytestmark = pytest.mark.clause("R4.1")


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed (Debian: apt-get install systemd)")
    return program


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with the command where it is here: systemd asks whether it can be executed."""
    placed = []
    for shipped in sorted([*UNITS.glob("*.service"), *UNITS.glob("*.timer")]):
        text = shipped.read_text(encoding="utf-8")
        placed.append(tmp_path / shipped.name)
        placed[-1].write_text(text.replace("/opt/mingying/.venv/bin/mingying", str(COMMAND)), encoding="utf-8")
    return placed


def test_are_taken_without_a_complaint(analyze, units):
    assert len(units) == 3
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_services_are_closed_in_as_far_as_systemd_can_judge(analyze, units):
    for unit in units:
        if unit.suffix == ".service":
            told = [analyze, "security", "--offline=true", "--no-pager", "--threshold=25", unit]
            done = subprocess.run(told, capture_output=True, text=True, check=False, timeout=60)
            if "unrecognized option" in done.stderr:
                pytest.skip("this systemd cannot judge a file (before 250)")
            assert done.returncode == 0, done.stdout[-400:]


def test_every_command_in_them_exists(units):
    for unit in units:
        for call in re.findall(r"^ExecStart=\S+ (.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
            words = [word for word in call.split() if not word.startswith("/")]
            done = subprocess.run([COMMAND, *words, "--help"], capture_output=True, text=True, check=False, timeout=120)
            assert done.returncode == 0, done.stderr
