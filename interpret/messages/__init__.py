"""Every fixed Chinese sentence a patient may read from this package, in one catalogue."""

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _catalogue() -> dict[str, str]:
    return tomllib.loads(files(__name__).joinpath("zh.toml").read_text("utf-8"))


def message(key: str, **values: str) -> str:
    """Return one message with its blanks filled."""
    return _catalogue()[key].format(**values)
