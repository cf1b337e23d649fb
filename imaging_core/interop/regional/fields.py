"""Field names: what we call a field → what a province calls it.

Our names are those of the reference contract (Jiangsu's). A province that speaks otherwise is a table in the settings.
"""

from collections.abc import Mapping
from typing import Any


class FieldNames:
    """Renames the keys of messages on their way out and back.

    >>> names = FieldNames({"organ_code": "orgCode"})
    >>> names.outward({"organ_code": "1", "project_list": [{"organ_code": "2"}]})
    {'orgCode': '1', 'project_list': [{'orgCode': '2'}]}
    >>> names.inward({"orgCode": "1"})
    {'organ_code': '1'}
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take the table. Raises ValueError when two of our fields would get one name."""
        if len(set(names.values())) != len(names):
            raise ValueError("two fields of the regional platform have the same name")
        self._outward = dict(names)
        self._inward = {theirs: ours for ours, theirs in names.items()}

    def outward(self, message: Any) -> Any:  # noqa: ANN401  # JSON
        """Return a message in the province's words."""
        return _renamed(message, self._outward)

    def inward(self, message: Any) -> Any:  # noqa: ANN401  # JSON
        """Return a message in our words."""
        return _renamed(message, self._inward)


def _renamed(message: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401  # JSON
    if isinstance(message, dict):
        return {names.get(key, key): _renamed(value, names) for key, value in message.items()}
    if isinstance(message, list):
        return [_renamed(item, names) for item in message]
    return message
