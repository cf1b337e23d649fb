"""Versioned prompt templates (`NAME.vN.md`) and their loader."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from interpret.errors import PromptNotFound


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template and the version an answer records."""

    name: str
    version: str
    text: str

    @property
    def label(self) -> str:
        """Return name and version as answers store it."""
        return f"{self.name}.{self.version}"


@cache
def load_prompt(name: str, version: str = "v1") -> Prompt:
    """Return one template.

    Raises:
        PromptNotFound: No such name or version.
    """
    if not name.isidentifier() or not version.isalnum():
        raise PromptNotFound(name, version)
    path = files(__name__).joinpath(f"{name}.{version}.md")
    if not path.is_file():
        raise PromptNotFound(name, version)
    return Prompt(name, version, path.read_text("utf-8"))
