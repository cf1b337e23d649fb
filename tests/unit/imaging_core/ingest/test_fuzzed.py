"""The fuzz target of the way in, driven by hypothesis: damaged files are filed, kept aside or refused, never lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.ingest import StoreOutcome
from tests.builders.dicom import ct_instance
from tests.builders.ecg import ecg_instance
from tests.fuzz.ingest import receive

pytestmark = pytest.mark.clause("R1.2")

FILES = [ct_instance(), ct_instance(NumberOfFrames=2), ecg_instance()[:8000]]
places = st.integers(0, 1200)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(places, st.binary(min_size=1, max_size=8)), max_size=4),
    st.one_of(st.none(), places),
)
def test_damaged_files(content: bytes, patches: list[tuple[int, bytes]], end: int | None):
    damaged = bytearray(content)
    for at, patch in patches:
        damaged[at : at + len(patch)] = patch
    # None: refused for its size; anything else is an outcome, and no fault
    assert receive(bytes(damaged[:end])) in {None, *StoreOutcome}


def test_the_target_itself_takes_a_good_file_and_keeps_a_bad_one():
    assert receive(ct_instance(study="good")) is StoreOutcome.STORED
    assert receive(b"DICM") is StoreOutcome.QUARANTINED
    assert receive(bytes(1024 * 1024 + 1)) is None
