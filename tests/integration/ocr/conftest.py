from collections.abc import Iterator

import pytest

from ocr.worker import ReadingWorker


@pytest.fixture(scope="session")
def worker() -> Iterator[ReadingWorker]:
    """One warm reading process for all tests that do not kill it."""
    with ReadingWorker() as reader:
        reader.start()
        yield reader
