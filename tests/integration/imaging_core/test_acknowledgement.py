"""Power loss cannot be tried here; the order of the system calls before an acknowledgement can be looked at."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.dicom import ct_instance

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

_STORE = """
import os, sys
from pathlib import Path
from imaging_core.blobs import SegmentBlobStore
from tests.builders.archive import INSTITUTION, ORIGIN, open_archive

folder = Path(sys.argv[1])
archive = open_archive(f"sqlite:///{folder / 'index.db'}", SegmentBlobStore(folder / "blobs"))
for name in ("1.dcm", "2.dcm"):
    os.write(1, b"arrives")
    content = (folder / name).read_bytes()
    archive.ingestor.store_instances([content], institution_code=INSTITUTION, origin=ORIGIN)
    os.write(1, b"acknowledged")
"""
_CALLS = "pwritev,pwritev2,pwrite64,write,fsync,fdatasync,openat"


@pytest.mark.clause("R5.1")
def test_bytes_then_index_reach_the_disk_before_the_answer(tmp_path: Path):
    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(ct_instance(64, 64, number=number))
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-e", f"trace={_CALLS}", "-o", trace, sys.executable, "-c", _STORE, tmp_path]
    subprocess.run([str(part) for part in command], check=True, cwd=Path(__file__).parents[3])
    first, second = re.findall(r"arrives.*?acknowledged", trace.read_text(), flags=re.DOTALL)
    assert steps(second) == ["segment written", "segment forced", "index written", "index forced", "answered"]
    # the first one also begins a segment: its name in the folder must last as well
    assert steps(first)[:3] == ["segment written", "segment forced", "folder forced"]
    assert steps(first)[3:] == steps(second)


def steps(trace: str) -> list[str]:
    """Return what happened, in order, each step once however many calls it took."""
    meanings = (
        (r"pwritev2?\(\d+<[^>]*\.segment>", "segment written"),
        (r"fdatasync\(\d+<[^>]*\.segment>", "segment forced"),
        (r"fsync\(\d+<[^>]*/segments>", "folder forced"),
        (r"pwrite64\(\d+<[^>]*index\.db-wal>", "index written"),
        (r"f(?:data)?sync\(\d+<[^>]*index\.db-wal>", "index forced"),
        (r'write\(1<.*"acknowledged', "answered"),
    )
    found: list[str] = []
    for line in trace.splitlines():
        for pattern, meaning in meanings:
            if re.search(pattern, line) and found[-1:] != [meaning]:
                found.append(meaning)
    return found
