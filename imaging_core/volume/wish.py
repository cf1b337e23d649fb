"""What is asked for: which plane, how thick, how the values on a line through it are put together."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from imaging_core.errors import SlabNotPossible

THICKEST_MM: Final = 1000.0
LARGEST_SIDE: Final = 4096

Vector = tuple[float, float, float]
"""Patient coordinates (PS3.3 C.7.6.2.1.1), millimetres or a direction."""


class Mode(StrEnum):
    """How the values on one line become one."""

    MIP = "mip"
    MINIP = "minip"
    AVGIP = "avgip"


class NamedPlane(StrEnum):
    """Planes that are counted with a number from 1."""

    NATIVE = "native"
    """As the slices lie, numbered as in the manifest."""
    AXIAL = "axial"
    """From head to feet."""
    CORONAL = "coronal"
    """From front to back."""
    SAGITTAL = "sagittal"
    """From the patient's right to the left."""


@dataclass(frozen=True, slots=True)
class ObliquePlane:
    """Any plane: where its first pixel's centre lies, which way its rows and columns run, how fine and large it is."""

    origin: Vector
    row: Vector
    column: Vector
    spacing: float
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class SlabWish:
    """A slab. `number` of a named plane counts from 1; None is the middle one."""

    plane: NamedPlane | ObliquePlane
    mode: Mode
    thickness: float
    number: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the child is told, and as a cached slab is named by."""
        named = isinstance(self.plane, NamedPlane)
        return {
            "plane": self.plane.value if isinstance(self.plane, NamedPlane) else None,
            "oblique": None if isinstance(self.plane, NamedPlane) else asdict(self.plane),
            "mode": self.mode.value,
            "thickness": self.thickness,
            "number": self.number if named else None,
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "SlabWish":
        """Return what `as_json` told."""
        oblique = told["oblique"]
        plane = (
            NamedPlane(told["plane"])
            if oblique is None
            else ObliquePlane(
                origin=_vector(oblique["origin"]),
                row=_vector(oblique["row"]),
                column=_vector(oblique["column"]),
                spacing=oblique["spacing"],
                rows=oblique["rows"],
                columns=oblique["columns"],
            )
        )
        return cls(plane, Mode(told["mode"]), told["thickness"], told["number"])


def no_such_plane(number: int, count: int) -> SlabNotPossible:
    """Return the refusal of a number beyond the last."""
    return SlabNotPossible("no_such_plane", f"plane {number} of {count}")


def _vector(numbers: list[float]) -> Vector:
    x, y, z = numbers
    return x, y, z
