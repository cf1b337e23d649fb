import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ON_ARM = """
import platform, sys
sys.path[:0] = ["deploy/bootstrap", "."]
platform.machine = lambda: "aarch64"
from browser import ensure_chromium
ensure_chromium()
"""


class TestEnsureChromium:
    def test_on_a_machine_npm_has_none_for_it_says_so_and_set_up_goes_on(self, tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", ON_ARM],
            cwd=ROOT,
            env={**os.environ, "PATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0
        assert done.stderr == "· npm has no Chromium for this kind of machine: browser tests are skipped\n"
