import sys
from pathlib import Path

import pytest

from api.chromium import find_chromium, system_chromium

# What Ubuntu's package `chromium-browser` puts in /usr/bin.
UBUNTU_STUB = """#!/bin/sh
if ! [ -x /snap/bin/chromium ]; then
    echo "Command '$0' requires the chromium snap to be installed." >&2
    echo "snap install chromium" >&2
    exit 1
fi
exec /snap/bin/chromium "$@"
"""
# How Debian's begins: a shell script too.
DEBIAN_LAUNCHER = "#!/bin/sh\nLIBDIR=/usr/lib/chromium\nexec $LIBDIR/chromium $CHROMIUM_FLAGS\n"


def program(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The only folder with programs, on a machine whose environment holds no Chromium yet."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    return tmp_path / "bin"


def unpacked(folder: Path) -> Path:
    return program(folder.parent / "venv/share/mingying/chromium/chromium", "#!/bin/sh\n")


class TestSystemChromium:
    @pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
    def test_is_found_under_each_of_its_names(self, folder, name):
        real = program(folder / name, DEBIAN_LAUNCHER)
        assert system_chromium() == str(real)

    def test_a_binary_is_one_even_where_it_speaks_of_snaps(self, folder):
        real = program(folder / "chromium", b"\x7fELF\x02 snapshot_blob.bin")
        assert system_chromium() == str(real)

    def test_the_stub_of_a_snap_is_none(self, folder):
        program(folder / "chromium-browser", UBUNTU_STUB)
        assert system_chromium() is None

    def test_a_snap_itself_is_none(self, folder):
        snap = program(folder.parent / "usr/bin/snap", b"\x7fELF\x02")
        folder.mkdir()
        (folder / "chromium").symlink_to(snap)
        assert system_chromium() is None

    def test_behind_a_stub_another_name_is_looked_for(self, folder):
        program(folder / "chromium-browser", UBUNTU_STUB)
        real = program(folder / "google-chrome", b"\x7fELF\x02")
        assert system_chromium() == str(real)


class TestFindChromium:
    def test_nowhere_is_none(self, folder):
        assert find_chromium() is None

    def test_a_stub_gives_way_to_the_unpacked_one(self, folder):
        program(folder / "chromium", UBUNTU_STUB)
        real = unpacked(folder)
        assert find_chromium() == str(real)

    def test_a_real_one_comes_before_the_unpacked_one(self, folder):
        unpacked(folder)
        real = program(folder / "chromium", DEBIAN_LAUNCHER)
        assert find_chromium() == str(real)
