"""Devices, and what an administrator knows better than they write."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Device:
    """What images say of the device they come from; empty where they say nothing."""

    station_name: str = ""
    manufacturer: str = ""
    model_name: str = ""
    serial_number: str = ""

    @property
    def key(self) -> str:
        """Return the same short name for what differs only in case and blanks."""
        told = "\n".join(_plain(getattr(self, one.name)) for one in fields(self))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


class BodyPartFrom(StrEnum):
    """Where a rule takes the body part from."""

    DEVICE = ""
    """The rule says nothing of it."""
    DESCRIPTION = "description"
    """What the device fills in is of no use: take the descriptions."""
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which devices a rule is for: all that is given must be the same. Empty fields match anything."""

    station_name: str = ""
    ae_title: str = ""
    manufacturer: str = ""
    model_name: str = ""
    serial_number: str = ""

    def fits(self, device: Device, ae_title: str) -> bool:
        """Return whether a series of this device, sent by this AE, is meant."""
        told = {one.name: getattr(device, one.name) for one in fields(device)} | {"ae_title": ae_title}
        return bool(self.given()) and all(_plain(told[name]) == _plain(value) for name, value in self.given().items())

    def given(self) -> dict[str, str]:
        """Return what the rule asks for."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """One rule as it stands. `modality` and `body_part` are words of the standard vocabulary, empty: unchanged.

    It holds for series whose received modality and body part are those it asks for, any where it asks for none.
    """

    matcher: Matcher
    when_modality: str = ""
    when_body_part: str = ""
    modality: str = ""
    body_part_from: BodyPartFrom = BodyPartFrom.DEVICE
    body_part: str = ""
    key: str = ""
    version: int = 0
    order: int = 0
    """Grows with every change of any rule."""

    def fits(self, device: Device, ae_title: str, *, modality: str, body_part: str) -> bool:
        """Return whether the rule is for a series that says this of itself."""
        return (
            self.matcher.fits(device, ae_title)
            and _plain(self.when_modality) in {"", _plain(modality)}
            and _plain(self.when_body_part) in {"", _plain(body_part)}
        )

    @property
    def precision(self) -> tuple[int, int]:
        """Return what makes one of two fitting rules the better one: it asks for more, or is the younger."""
        return len(self.matcher.given()) + bool(self.when_modality) + bool(self.when_body_part), self.order


def rule_for(rules: Sequence[DeviceRule], effect: str) -> DeviceRule | None:
    """Return the most precise of fitting rules that says something of `effect`, a field name."""
    return max((rule for rule in rules if getattr(rule, effect)), key=lambda rule: rule.precision, default=None)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
