"""What can go wrong with the regional platform. Retry or not is in the type.

PlatformError
├── PlatformUnreachable      no usable answer in time; the same call may succeed later
│   └── PlatformUntrusted    an answer came that is not signed as agreed; nothing in it was read
└── PlatformRejected         the platform understood and refused; the same call will be refused again
"""

from imaging_core.errors import ImagingError


class PlatformError(ImagingError):
    """Anything the regional platform does not do for us."""


class PlatformUnreachable(PlatformError):
    """No usable answer within the time limit."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the regional platform gave no usable answer: {reason}")
        self.reason = reason


class PlatformUntrusted(PlatformUnreachable):
    """The answer cannot be shown to be the platform's, to this call, and of now."""


class PlatformRejected(PlatformError):
    """The platform refused; `code` is its own."""

    def __init__(self, code: str) -> None:
        # the platform's message may repeat what it refused, a name among it: only the code is kept
        super().__init__(f"the regional platform refused: code {code}")
        self.code = code
