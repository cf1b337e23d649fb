"""The contract of `BlobStore`, on every adapter. S3 runs against a moto server in its own process."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging_core.blobs import (
    BlobFile,
    BlobRef,
    BlobStore,
    FilesystemBlobStore,
    MemoryBlobStore,
    NewBlob,
    ReplicatedBlobStore,
    S3BlobStore,
    S3Location,
    SegmentBlobStore,
)
from imaging_core.blobs.cold import ColdBucket
from imaging_core.blobs.tiered import TieredBlobStore
from imaging_core.errors import BlobMissing, InstanceTooLarge
from tests.builders.servers import free_port, running

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with running(command, port=port, log=tmp_path_factory.mktemp("moto") / "log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["memory", "segments", "replicated", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "memory":
        return MemoryBlobStore()
    if request.param == "segments":
        return SegmentBlobStore(tmp_path / "blobs")
    if request.param == "replicated":
        replica = SegmentBlobStore(tmp_path / "replica")
        return ReplicatedBlobStore(SegmentBlobStore(tmp_path / "blobs"), lambda: replica)
    endpoint = request.getfixturevalue("s3_endpoint")
    bucket(endpoint)
    return S3BlobStore(s3_location(endpoint))


def bucket(endpoint: str) -> None:
    import boto3

    boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    ).create_bucket(Bucket="archive")


def s3_location(endpoint: str) -> S3Location:
    return S3Location("archive", endpoint_url=endpoint, region="us-east-1", access_key="test", secret_key="test")


def a_day_later(store: BlobStore, ref: BlobRef) -> BlobStore:
    """Return the store when a blob has lain there for a day."""
    if isinstance(store, S3BlobStore):
        return S3BlobStore(store.location, clock=lambda: datetime.now(UTC) + timedelta(days=1))
    if isinstance(store, ReplicatedBlobStore):
        for copy in store.copies(ref):
            a_day_later(store.side(copy.name), copy.ref or ref)
    elif place := store.place(ref):
        os.utime(place.path, (time.time() - 86400,) * 2)
    return store


def whole(store: BlobStore, ref: BlobRef, **part: int) -> bytes:
    return b"".join(store.read(ref, **part))


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ABOUT = {
    "institution_code": "12340000TEST000001",
    "received_from": "stow:test",
    "received_at": "2026-03-01T12:00+00:00",
}


def told(store: BlobStore) -> list[tuple[BlobRef, str]]:
    return [(ref, about["institution_code"]) for ref, about in store.instances()]


class TestPut:
    def test_names_the_bytes_by_their_sha256(self, store: BlobStore):
        ref = store.put(BytesIO(b"pixels"))
        assert (ref.digest, ref.size) == (hashlib.sha256(b"pixels").hexdigest(), 6)
        assert store.exists(ref)

    def test_the_same_bytes_twice_are_one_blob(self, store: BlobStore):
        assert store.put(BytesIO(b"pixels")) == store.put(BytesIO(b"pixels"))

    def test_keeps_no_bytes_at_all_as_well(self, store: BlobStore):
        ref = store.put(BytesIO(b""))
        assert whole(store, ref) == b""
        assert store.exists(ref)

    def test_more_than_the_limit_is_refused_and_not_kept(self, store: BlobStore):
        with pytest.raises(InstanceTooLarge) as refused:
            store.put(BytesIO(b"x" * 11), limit=10)
        assert refused.value.allowed == 10
        kept = store.put(BytesIO(b"x" * 10), limit=10)
        assert not store.exists(BlobRef(hashlib.sha256(b"x" * 11).hexdigest(), 11, kept.locator + "1"))

    def test_a_reader_that_breaks_leaves_nothing(self, store: BlobStore):
        class Broken(BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() > 0:
                    raise ConnectionResetError
                return super().read(4)

        with pytest.raises(ConnectionResetError):
            store.put(Broken(b"half an upload"))
        half = hashlib.sha256(b"half").hexdigest()
        assert not store.exists(
            BlobRef(half, 4, store.put(BytesIO(b"")).locator.replace(hashlib.sha256().hexdigest(), half))
        )


class TestAdd:
    def test_keeps_what_is_given_in_parts(self, store: BlobStore):
        refs = store.add([NewBlob((b"pix", memoryview(b"els")), ABOUT), NewBlob((b"more",), ABOUT)])
        assert [whole(store, ref) for ref in refs] == [b"pixels", b"more"]
        assert [(ref.digest, ref.size) for ref in refs] == [
            (hashlib.sha256(b"pixels").hexdigest(), 6),
            (hashlib.sha256(b"more").hexdigest(), 4),
        ]
        assert all(store.exists(ref) for ref in refs)
        assert [whole(store, ref, start=1, length=2) for ref in refs] == [b"ix", b"or"]

    def test_tells_of_every_instance_with_what_was_said_of_it(self, store: BlobStore):
        before = set(told(store))
        store.put(BytesIO(b"a document is no instance"))
        [small] = store.add([NewBlob((b"small",), ABOUT)])
        large = store.put(BytesIO(b"large"))
        store.note(large, ABOUT)
        told_now = set(told(store)) - before
        assert told_now == {(small, "12340000TEST000001"), (large, "12340000TEST000001")}

    def test_where_it_names_a_file_the_bytes_lie_there(self, store: BlobStore):
        for ref in (store.add([NewBlob((b"pixels",), ABOUT)])[0], store.put(BytesIO(b"document"))):
            place = store.place(ref)
            if place is None:
                assert isinstance(store, MemoryBlobStore | S3BlobStore)
                continue
            with place.path.open("rb") as file:
                file.seek(place.offset)
                assert file.read(place.length) == whole(store, ref)


class TestRead:
    def test_gives_back_what_was_put(self, store: BlobStore):
        content = bytes(range(256)) * 9000
        assert whole(store, store.put(BytesIO(content))) == content

    @pytest.mark.parametrize(("start", "length"), [(0, 4), (3, 2), (6, 100), (0, 0), (9, 1), (10, None), (99, 5)])
    def test_gives_the_range_asked_for(self, store: BlobStore, start: int, length: int | None):
        ref = store.put(BytesIO(b"0123456789"))
        expected = b"0123456789"[start:] if length is None else b"0123456789"[start : start + length]
        assert b"".join(store.read(ref, start=start, length=length)) == expected

    def test_a_blob_that_is_not_there_is_an_error_before_the_first_byte(self, store: BlobStore):
        with pytest.raises(BlobMissing):
            store.read(BlobRef("0" * 64, 5, "00/" + "0" * 64))
        assert not store.exists(BlobRef("0" * 64, 5, "00/" + "0" * 64))


class TestRemove:
    def test_a_removed_instance_is_told_of_no_more_and_the_others_stay(self, store: BlobStore):
        [gone, kept] = store.add(
            [NewBlob((b"gone " + os.urandom(8),), ABOUT), NewBlob((b"kept " + os.urandom(8),), ABOUT)]
        )
        store.forget(gone, institution_code=ABOUT["institution_code"], at=NOON)
        later = a_day_later(store, gone)
        assert later.remove(gone)
        assert gone not in {ref for ref, _ in told(store)}
        assert kept in {ref for ref, _ in told(store)}
        assert whole(store, kept).startswith(b"kept ")

    def test_a_removed_document_is_not_there(self, store: BlobStore):
        ref = store.put(BytesIO(b"document " + os.urandom(8)))
        later = a_day_later(store, ref)
        assert later.remove(ref)
        assert not store.exists(ref)
        with pytest.raises(BlobMissing):
            store.read(ref)

    def test_what_is_gone_is_removed_already(self, store: BlobStore):
        ref = store.put(BytesIO(b"document " + os.urandom(8)))
        later = a_day_later(store, ref)
        assert [later.remove(ref), later.remove(ref)] == [True, True]

    def test_the_same_bytes_that_come_again_are_there_again(self, store: BlobStore):
        content = b"again " + os.urandom(8)
        ref = store.put(BytesIO(content))
        store.note(ref, ABOUT)
        store.forget(ref, institution_code=ABOUT["institution_code"], at=NOON)
        later = a_day_later(store, ref)
        later.remove(ref)
        again = store.put(BytesIO(content))
        store.note(again, ABOUT | {"received_at": (NOON + timedelta(days=1)).isoformat()})
        assert whole(store, again) == content
        assert [found for found, _ in told(store)].count(again) == 1

    def test_a_second_copy_that_no_row_names_is_forgotten_with_the_first(self, store: BlobStore):
        content = b"twice " + os.urandom(8)
        [named, _copy] = store.add([NewBlob((content,), ABOUT), NewBlob((content,), ABOUT)])
        store.forget(named, institution_code=ABOUT["institution_code"], at=NOON)
        a_day_later(store, named).remove(named)
        assert named.digest not in {ref.digest for ref, _ in told(store)}

    def test_one_institution_forgets_and_the_other_keeps(self, store: BlobStore):
        ref = store.put(BytesIO(b"of both " + os.urandom(8)))
        other = ABOUT | {"institution_code": "OTHER"}
        store.note(ref, ABOUT)
        store.note(ref, other)
        store.forget(ref, institution_code=ABOUT["institution_code"], at=NOON)
        assert [code for found, code in told(store) if found == ref] == ["OTHER"]
        assert store.exists(ref)

    def test_what_was_put_again_a_moment_ago_is_not_removed(self, store: BlobStore):
        if isinstance(store, MemoryBlobStore):
            pytest.skip("one process: nobody is about to name it")
        content = b"wanted " + os.urandom(8)
        a_day_later(store, store.put(BytesIO(content)))
        ref = store.put(BytesIO(content))
        assert not store.remove(ref)
        assert whole(store, ref) == content


class TestColdBucket:
    def test_sealed_segments_are_objects_read_by_range(self, s3_endpoint: str, tmp_path: Path):
        bucket(s3_endpoint)
        store = TieredBlobStore(tmp_path, ColdBucket(replace(s3_location(s3_endpoint), prefix="cold/")), roll_bytes=100)
        contents = [os.urandom(3000), os.urandom(4000)]
        refs = store.add([NewBlob((content,), ABOUT) for content in contents])
        store.close()
        [segment] = (tmp_path / "segments").glob("*.segment")
        shas: list[str] = []
        assert store.cool(segment.name, lambda _name, _size, sha256: shas.append(sha256))
        assert not segment.exists()
        assert [whole(store, ref) for ref in refs] == contents
        assert whole(store, refs[1], start=1000, length=7) == contents[1][1000:1007]
        assert whole(store, refs[1], start=4000) == b""
        assert store.place(refs[0]) is None
        assert {ref for ref, _ in told(store)} == set(refs)
        store.warm(segment.name, shas[0], lambda *_: None)
        assert segment.exists()
        assert store.cold_segments() == {}
        assert [whole(store, ref) for ref in refs] == contents


class TestBlobFile:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        moves=st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 400_000)), max_size=6), head=st.integers(0, 9)
    )
    def test_reads_like_a_file(self, moves: list[tuple[int, int]], head: int):
        store = MemoryBlobStore()
        content = bytes(range(251)) * 2500
        opened = BlobFile(store, store.put(BytesIO(content)), content[:head])
        plain = BytesIO(content)
        for position, count in moves:
            assert opened.seek(position) == plain.seek(position)
            assert opened.read(count) == plain.read(count)
            assert opened.tell() == plain.tell() or position > len(content)


class TestFilesystem:
    def test_removes_uploads_that_a_crash_left_behind(self, tmp_path: Path):
        import os

        FilesystemBlobStore(tmp_path)
        abandoned = tmp_path / "incoming" / "left"
        abandoned.write_bytes(b"half")
        os.utime(abandoned, (0, 0))
        fresh = tmp_path / "incoming" / "running"
        fresh.write_bytes(b"half")
        FilesystemBlobStore(tmp_path)
        assert not abandoned.exists()
        assert fresh.exists()

    def test_a_file_cut_short_by_a_disk_fault_is_replaced_when_the_bytes_come_again(self, tmp_path: Path):
        store = FilesystemBlobStore(tmp_path)
        ref = store.put(BytesIO(b"pixels"))
        (tmp_path / ref.locator).write_bytes(b"pix")
        assert not store.exists(ref)
        store.put(BytesIO(b"pixels"))
        assert b"".join(store.read(ref)) == b"pixels"
