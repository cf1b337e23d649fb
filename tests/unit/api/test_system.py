"""What differs between operating systems stands in one module of `api`, and does what it says on this one."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import api
from api.processes import system

API = Path(api.__file__).parent
ONLY_SOMEWHERE = {"fcntl", "msvcrt", "resource", "termios", "winreg", "pwd", "grp"}


def asks_for_the_system(path: Path) -> set[str]:
    """Return by which words a module asks which system it runs on, or imports what only one of them has."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case (
                ast.Attribute(value=ast.Name(id="sys"), attr="platform")
                | ast.Attribute(value=ast.Name(id="os"), attr="name")
            ):
                found.add(ast.unparse(node))
            case ast.Import(names=names):
                found |= {name.name for name in names} & ONLY_SOMEWHERE
            case ast.ImportFrom(module=str(module)):
                found |= {module} & ONLY_SOMEWHERE
    return found


@pytest.mark.clause("R4.1")
def test_one_module_alone_asks_which_system_it_runs_on():
    asking = {path.relative_to(API).as_posix(): asks_for_the_system(path) for path in API.rglob("*.py")}
    assert {name for name, words in asking.items() if words} == {"processes/system.py"}


class TestLock:
    def test_is_held_by_one_and_given_back_at_the_end(self, tmp_path):
        path = tmp_path / "lock"
        with path.open("ab") as first, path.open("ab") as second:
            system.lock(first)
            with pytest.raises(OSError, match="temporarily unavailable"):
                system.lock(second)
        with path.open("ab") as third:
            system.lock(third)


class TestOpenToOthers:
    def test_is_a_file_whose_mode_lets_them_read_it(self, tmp_path):
        path = tmp_path / "keys.json"
        path.touch(0o600)
        assert not system.open_to_others(path)
        path.chmod(0o640)
        assert system.open_to_others(path)


class TestForceToDisk:
    def test_takes_files_and_folders(self, tmp_path):
        (tmp_path / "file").touch()
        system.force_to_disk(tmp_path / "file")
        system.force_to_disk(tmp_path)
        with pytest.raises(FileNotFoundError):
            system.force_to_disk(tmp_path / "absent")


def test_a_child_whose_supervisor_has_ended_ends():
    told = "from api.processes.system import end_with_parent; end_with_parent(1_000_000_000); print('goes on')"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "the supervisor has ended" in done.stderr
    assert done.stdout == ""
