"""The regional platform (区域平台): what other hospitals have of a patient, and telling it what we have."""

from imaging_core.interop.regional.errors import PlatformError, PlatformRejected, PlatformUnreachable, PlatformUntrusted
from imaging_core.interop.regional.port import (
    Decision,
    DuplicateNotice,
    Examination,
    History,
    OrderItem,
    Person,
    RegionalPlatform,
    Registration,
    RegistrationOutcome,
    RetrievalAddress,
    Series,
)
from imaging_core.interop.regional.provincial import ProvincialPlatform, ProvincialSettings

__all__ = [
    "Decision",
    "DuplicateNotice",
    "Examination",
    "History",
    "OrderItem",
    "Person",
    "PlatformError",
    "PlatformRejected",
    "PlatformUnreachable",
    "PlatformUntrusted",
    "ProvincialPlatform",
    "ProvincialSettings",
    "RegionalPlatform",
    "Registration",
    "RegistrationOutcome",
    "RetrievalAddress",
    "Series",
]
