"""Build the vector index ahead of the first start: `python -m knowledge_base warm [--cache DIR] [--model DIR]`."""

import argparse
import sys
from pathlib import Path

from knowledge_base.base import KnowledgeBase
from knowledge_base.embed import BundledEmbedder, default_model_dir
from knowledge_base.errors import KnowledgeError
from knowledge_base.store import default_cache_dir


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 with a sentence on stderr when content or model cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m knowledge_base", description=__doc__)
    parser.add_argument("command", choices=["warm"])
    parser.add_argument("--cache", type=Path, default=default_cache_dir(), help="index folder (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=default_model_dir(), help="model folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    try:
        base = KnowledgeBase.load(cache_dir=given.cache, embedder=BundledEmbedder(given.model))
    except KnowledgeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(base.entries())} entries of version {base.version} are searchable\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
