"""Hospitals and departments a patient may be sent to, and when to choose which."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from knowledge_base.errors import ContentInvalid


@dataclass(frozen=True, slots=True)
class Department:
    """A department or clinic."""

    department_id: str
    name: str
    when: str
    """One plain sentence: choose this when …"""
    keywords: tuple[str, ...]
    """Words in a finding or question that point here."""
    urgent: bool


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital; `demo` values are invented and must be replaced before use."""

    hospital_id: str
    name: str
    level: str
    phone: str
    address: str
    department_ids: tuple[str, ...]
    demo: bool


class _DepartmentRecord(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    when: str
    keywords: list[str]
    urgent: bool = False


class _HospitalRecord(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    level: str
    phone: str
    address: str
    departments: list[str]
    demo: bool


class CareDirectory:
    """Looks up where to go. Immutable."""

    def __init__(self, departments: Sequence[Department], hospitals: Sequence[Hospital]) -> None:
        self._departments = {department.department_id: department for department in departments}
        self._hospitals = tuple(hospitals)

    @classmethod
    def load(cls, folder: Path | None = None) -> "CareDirectory":
        """Read `departments.yaml` and `hospitals.yaml`; raises `ContentInvalid`.

        A hospital's own folder replaces the demo values that ship.
        """
        folder = folder or Path(__file__).resolve().parent.parent / "content" / "directory"
        try:
            departments = TypeAdapter(list[_DepartmentRecord]).validate_python(_read(folder / "departments.yaml"))
            hospitals = TypeAdapter(list[_HospitalRecord]).validate_python(_read(folder / "hospitals.yaml"))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise ContentInvalid([f"directory: {error}"]) from error
        known = {department.id for department in departments}
        unknown = [f"{h.id}: unknown department {d}" for h in hospitals for d in h.departments if d not in known]
        if unknown:
            raise ContentInvalid(unknown)
        return cls(
            [Department(d.id, d.name, d.when, tuple(d.keywords), d.urgent) for d in departments],
            [Hospital(h.id, h.name, h.level, h.phone, h.address, tuple(h.departments), h.demo) for h in hospitals],
        )

    def departments(self) -> Sequence[Department]:
        """Return all departments in the order of the file."""
        return tuple(self._departments.values())

    def hospitals(self) -> Sequence[Hospital]:
        """Return all hospitals in the order of the file."""
        return self._hospitals

    def department(self, department_id: str) -> Department | None:
        """Return one department, or None."""
        return self._departments.get(department_id)

    def departments_for(self, text: str) -> Sequence[Department]:
        """Return the departments whose keywords stand in `text`, the most specific first.

        The longest keyword that matched decides; departments without any match are left out.
        """
        fits = [
            (max((len(word) for word in department.keywords if word in text), default=0), -number, department)
            for number, department in enumerate(self._departments.values())
        ]
        return [department for length, _, department in sorted(fits, key=lambda fit: fit[:2], reverse=True) if length]


def _read(path: Path) -> object:
    return yaml.safe_load(path.read_text("utf-8"))
