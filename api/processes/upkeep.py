"""One at a time: a backup, disposal, compaction, building the index anew: each would disturb another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.processes.system import lock


class UpkeepBusy(Exception):
    """A backup, disposal, compaction or reindex runs on this data folder."""


@contextmanager
def upkeep(data: Path) -> Iterator[None]:
    """Have the stored bytes to oneself, apart from those who store and read; ends with the process that holds it.

    Raises:
        UpkeepBusy: another process has.
    """
    path = data / "run" / "upkeep.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            lock(file)
        except OSError:
            raise UpkeepBusy("a backup, disposal, compaction or reindex is running: try again later") from None
        yield
