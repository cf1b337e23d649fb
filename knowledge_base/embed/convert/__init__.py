"""Conversion of pinned MIT weights into standard model files; see `__main__` for the command."""

from knowledge_base.embed.convert.pipeline import Converted, convert_model

__all__ = ["Converted", "convert_model"]
