"""The Python environment: `.venv`, filled from the lock files."""

import shutil
import sys

from steps import BIN, ROOT, VENV, Failure, digest, is_done, mark_done, run, say

_LOCKS = ROOT / "deploy" / "locks"
_REGISTRY = "Check that the Python package index can be reached, then run the command again."


def ensure_venv() -> None:
    """Make `.venv` with this interpreter, anew if it belongs to another version."""
    python = BIN / "python"
    if python.exists():
        version = run(
            [str(python), "-c", "import sys; print(sys.version_info[:2])"], remedy="Remove .venv and try again."
        )
        if version.strip() == str(tuple(sys.version_info[:2])):
            return
        say("the Python version changed: making .venv anew")
        shutil.rmtree(VENV)
    run([sys.executable, "-m", "venv", str(VENV)], remedy="Run `sudo apt-get install -y python3-venv` and try again.")


def install_locked(profile: str) -> None:
    """Install the locked packages and this project itself."""
    lock = _LOCKS / ("test.txt" if profile == "test" else "base.txt")
    inputs = digest([lock, ROOT / "pyproject.toml"])
    # What `test` installs holds all of `demo`.
    if is_done("python-test", digest([_LOCKS / "test.txt", ROOT / "pyproject.toml"])) or is_done(
        f"python-{profile}", inputs
    ):
        return
    say("installing Python packages (once, a minute or two)")
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(lock)], remedy=_REGISTRY)
    run([*pip, "--no-deps", "--editable", str(ROOT)], remedy=_REGISTRY)
    mark_done(f"python-{profile}", inputs)


def install_workstation() -> None:
    """Install Qt: the desktop shell needs it, and of the tests those that run the shell."""
    lock = _LOCKS / "workstation.txt"
    inputs = digest([lock])
    if is_done("workstation", inputs):
        return
    say("installing the workstation extra (once, under a minute)")
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(lock)], remedy=_REGISTRY)
    mark_done("workstation", inputs)


def install_local_models() -> None:
    """Install torch and what runs on it: the tests of local models need it, the product does not."""
    lock = _LOCKS / "local-models.txt"
    inputs = digest([lock])
    if is_done("local-models", inputs):
        return
    say("installing the local-models extra (once, a few minutes)")
    run(
        [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(lock)],
        remedy=_REGISTRY,
    )
    probe = "import torch, transformers, sentence_transformers"
    try:
        run([str(BIN / "python"), "-c", probe], remedy="")
    except Failure as failure:
        raise Failure(f"the local-models extra does not import. Remove .venv and run again. {failure}") from failure
    mark_done("local-models", inputs)
