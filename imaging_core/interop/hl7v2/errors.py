"""What can be wrong with an HL7 message.

MessageError
├── UnreadableMessage   no usable MSH segment, or bytes that are no text: nothing can be answered by field
├── FieldProblem        a field that is needed is missing or makes no sense; names it
└── NeedsAPerson        whole and understood, but it cannot be filed now; kept in quarantine

FramingError
└── MessageTooLarge     more bytes between start and end than allowed
"""

from imaging_core.errors import ImagingError


class MessageError(ImagingError):
    """The message cannot be taken. `condition` is a code of HL7 table 0357."""

    def __init__(self, location: str, reason: str, *, condition: str = "102") -> None:
        super().__init__(f"{location}: {reason}")
        self.location = location
        self.reason = reason
        self.condition = condition


class UnreadableMessage(MessageError):
    """Nothing in the message can be relied on. `location` names what was looked for."""


class FieldProblem(MessageError):
    """A field is missing or makes no sense. `location` is like `PID-3`; `reason` is Chinese, without the value."""


class NeedsAPerson(MessageError):
    """The message is right but cannot be filed: unknown patient, or two sources contradict each other."""

    def __init__(self, location: str, reason: str, *, reason_code: str) -> None:
        super().__init__(location, reason, condition="204")
        self.reason_code = reason_code


class FramingError(ImagingError):
    """The bytes on the connection are no usable MLLP."""


class MessageTooLarge(FramingError):
    """More bytes than a message may have. `head` is its beginning, enough to answer it by its control id."""

    def __init__(self, limit: int, head: bytes) -> None:
        super().__init__(f"a message is larger than {limit} bytes")
        self.limit = limit
        self.head = head
