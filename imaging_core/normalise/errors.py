"""What can be wrong with a request about device rules.

ImagingError
├── RuleNotFound
└── RuleChanged
"""

from imaging_core.errors import ImagingError


class RuleNotFound(ImagingError):
    """There is no device rule of this key."""

    def __init__(self, rule_key: str) -> None:
        super().__init__(f"there is no device rule {rule_key}")


class RuleChanged(ImagingError):
    """Somebody else changed the rule meanwhile."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the device rule has version {version} now")
        self.version = version
