"""From files to checked entries and passages."""

from knowledge_base.ingest.chunks import chunk_entry
from knowledge_base.ingest.files import Content, default_content_dir, read_content
from knowledge_base.ingest.lint import Problem, lint_content, lint_entry

__all__ = ["Content", "Problem", "chunk_entry", "default_content_dir", "lint_content", "lint_entry", "read_content"]
