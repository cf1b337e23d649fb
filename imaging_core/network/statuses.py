"""C-STORE statuses (PS3.4 B.2.3): one table from outcomes and errors of the archive to what a sender hears."""

from typing import Final

from imaging_core.errors import ImagingError, IndexBusy, InstanceTooLarge, StorageFull, StoreUnavailable
from imaging_core.ingest import StoreOutcome

SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_UNDERSTAND: Final = 0xC000
PROCESSING_FAILURE: Final = 0x0110
INVALID_INSTANCE: Final = 0x0117
NO_SUCH_CLASS: Final = 0x0122
NO_SUCH_ACTION: Final = 0x0123
NOT_AUTHORISED: Final = 0x0124
BAD_IDENTIFIER: Final = 0xA900
NO_SUCH_OPERATION: Final = 0x0211

_OUTCOMES: Final = {
    StoreOutcome.STORED: SUCCESS,
    StoreOutcome.ALREADY_STORED: SUCCESS,
    # both contents are kept and a person decides; nothing is lost that the sender could save
    StoreOutcome.CONFLICT_KEPT: SUCCESS,
    # its bytes are kept for a person, but it is not filed and the sender must know
    StoreOutcome.QUARANTINED: CANNOT_UNDERSTAND,
}
_ERRORS: Final[dict[type[ImagingError], int]] = {
    StorageFull: OUT_OF_RESOURCES,
    InstanceTooLarge: OUT_OF_RESOURCES,
    IndexBusy: OUT_OF_RESOURCES,
    StoreUnavailable: OUT_OF_RESOURCES,
}


def status_of_outcome(outcome: StoreOutcome) -> int:
    """Return the status for a stored instance."""
    return _OUTCOMES[outcome]


def status_of_error(error: ImagingError) -> int:
    """Return the status for an instance that was refused."""
    return _ERRORS.get(type(error), PROCESSING_FAILURE)
