"""Errors of interpretation.

InterpretError
├── ModelError            a chat model did not do its part; the composed answer stands
│   ├── ModelUnreachable  nothing answered
│   ├── ModelTimeout      it did not finish in time
│   ├── ModelResting      it failed so often in a row that it was not asked
│   └── ModelGarbage      what came is no usable text
├── PromptNotFound        no prompt template of that name and version
└── InvalidLine           a line of an evaluation file has another shape
"""


class InterpretError(Exception):
    """Any failure of this package."""


class ModelError(InterpretError):
    """A chat model did not do its part."""

    def __init__(self, model: str, detail: str) -> None:
        super().__init__(f"model {model}: {detail}")
        self.model = model
        self.detail = detail


class ModelUnreachable(ModelError):
    """No server answered, or it refused the call."""


class ModelTimeout(ModelError):
    """The model did not finish within its time."""


class ModelResting(ModelError):
    """Calls failed in a row: the server is left alone for some seconds and was not asked."""


class ModelGarbage(ModelError):
    """The stream broke off or held no usable text."""


class PromptNotFound(InterpretError):
    """No prompt template of that name and version."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"prompt {name} has no version {version}")
        self.name = name
        self.version = version


class InvalidLine(InterpretError):
    """A line of an evaluation file lacks a field or holds another kind of value."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field} must be {expected}")
        self.field = field
        self.expected = expected
