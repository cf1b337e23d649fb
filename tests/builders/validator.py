"""`dciodvfy` of dicom3tools: what it says of a DICOM file."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

# installed beside the interpreter, which need not be on the path
_WHERE = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
DCIODVFY = shutil.which("dciodvfy", path=_WHERE)


def errors_in(content: bytes) -> Counter[str]:
    """Return the errors that are found, each with how often; where in the file they are is left out."""
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        file.write(content)
        file.flush()
        said = subprocess.run([str(DCIODVFY), "-new", file.name], capture_output=True, encoding="latin-1", check=False)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]
    assert said.returncode in (0, 1), said.stderr
    return Counter(re.sub(r"\[\d+\]", "", line) for line in lines)
