"""Set-up for `make demo` and `make test`: `python3 deploy/bootstrap demo|test`.

Standard library only, safe to run twice: a step whose inputs did not change since it last succeeded
is skipped. Every failure is one sentence that says what to do.
"""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  # this file is what says so to an older one
    sys.exit(
        f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: "
        "install it and run `make PYTHON=python3.12 …`."
    )

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for what set-up and product must answer alike

from browser import ensure_chromium
from models import convert_embedder
from python_env import ensure_venv, install_local_models, install_locked, install_workstation
from steps import Failure, say
from system_packages import ensure_system_packages
from web import build_pages

PROFILES = ("demo", "test")


def main() -> int:
    """Run the steps of a profile; 0 when everything is in place."""
    if len(sys.argv) != 2 or sys.argv[1] not in PROFILES:
        print(f"usage: python3 deploy/bootstrap {'|'.join(PROFILES)}", file=sys.stderr)
        return 2
    profile = sys.argv[1]
    try:
        ensure_system_packages(profile)
        ensure_venv()
        install_locked(profile)
        if profile == "test":
            install_local_models()
            install_workstation()
            ensure_chromium()
        convert_embedder(hugging_face=profile == "test")
        build_pages()
    except Failure as failure:
        say(f"set-up stopped: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
