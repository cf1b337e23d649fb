"""Run a fuzz target under atheris, coverage leading the way: `python -m tests.fuzz.run upper_layer CORPUS_FOLDER`.

atheris is no dependency (`pip install atheris`; not every system has wheels). Without it, pytest drives the same
targets with hypothesis. Options are those of libFuzzer, such as -max_total_time=600.
"""

import importlib
import logging
import sys


def main() -> None:
    """Fuzz until something is found or the time is over."""
    atheris = importlib.import_module("atheris")
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["imaging_core", "api.routes.multipart_related", "python_multipart"]):
        target = importlib.import_module(f"tests.fuzz.{name}").receive
    logging.disable(logging.WARNING)
    atheris.Setup(sys.argv, lambda received: target(received) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
