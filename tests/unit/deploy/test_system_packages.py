import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# A distribution that has `tree` and lacks `dcmtk`.
APT = """#!/bin/sh
[ "$1" = update ] && exit 0
case "$*" in *dcmtk*) echo "E: Unable to locate package dcmtk"; exit 100;; esac
echo '#!/bin/sh' > "{bin}/tree"; /bin/chmod 755 "{bin}/tree"
"""
SUDO = '#!/bin/sh\nshift; [ "$1" = true ] || exec "$@"\n'
INSTALL = """
import sys
sys.path[:0] = ["deploy/bootstrap", "."]
import shutil
import system_packages as packages
packages._DEMO = (
    packages.Need(("dcmtk",), lambda: bool(shutil.which("storescu")), "tests with DCMTK are skipped"),
    packages.Need(("tree",), lambda: bool(shutil.which("tree")), "no trees"),
)
packages.ensure_system_packages("demo")
"""


class TestInstalling:
    def test_a_package_the_distribution_lacks_keeps_no_other_out(self, tmp_path):
        for name, text in (("apt-get", APT.format(bin=tmp_path)), ("sudo", SUDO)):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", INSTALL],
            cwd=ROOT,
            env={**os.environ, "PATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "tree").exists()
        assert done.stderr.splitlines()[-2:] == [
            "· without dcmtk: tests with DCMTK are skipped",
            "· to install: sudo apt-get install -y dcmtk",
        ]
