"""Where a patient may be sent."""

from knowledge_base.directory.care import CareDirectory, Department, Hospital

__all__ = ["CareDirectory", "Department", "Hospital"]
