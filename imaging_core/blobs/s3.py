"""Blobs as objects of an S3-compatible store. Needs the extra `s3`."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from imaging_core.blobs.port import CHUNK, IN_FLIGHT, About, BlobRef, Hashing, NewBlob
from imaging_core.errors import BlobMissing, StorageFull, StoreUnavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient

_SPOOL_IN_MEMORY: Final = 16 * 1024 * 1024
_NO_ROOM: Final = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "507"})
_AT_ONCE: Final = 8
_ABSENT: Final = frozenset({"NoSuchKey", "NotFound", "404"})


@dataclass(frozen=True, slots=True)
class S3Location:
    """Where the objects lie. Without keys boto3 looks for credentials in its usual places."""

    bucket: str
    prefix: str = "blobs/"
    endpoint_url: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    seconds: float = 60
    """How long an answer may take."""
    tries: int = 3


class S3BlobStore:
    """Keeps each blob as one object named by its digest.

    The digest is known only at the end, so bytes are spooled (in memory, then on local disk) before they
    are sent; the object becomes visible whole or not at all.
    """

    def __init__(self, location: S3Location, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.location = location
        self._clock = clock
        self._client = _client(location)

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes; see the port."""
        hashing = Hashing(limit)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY) as spool:
            for piece in hashing.pieces(content):
                spool.write(piece)
            ref = BlobRef(hashing.digest, hashing.size, self.location.prefix + hashing.digest)
            if not self._is_fresh(ref):
                spool.seek(0)
                self._call("put_object", Key=ref.locator, Body=spool, ContentLength=ref.size)
        return ref

    def note(self, ref: BlobRef, about: About) -> None:
        """Keep what is said of an instance as an object beside it; see the port."""
        # one content may have come for two institutions: each has a note of its own
        body = json.dumps({**about, "digest": ref.digest, "size": str(ref.size)}, ensure_ascii=False).encode()
        name = hashlib.sha256(body).hexdigest()[:16]
        self._call("put_object", Key=f"{self._notes}{ref.digest}/{name}", Body=body, ContentLength=len(body))

    def add(self, blobs: Sequence[NewBlob]) -> list[BlobRef]:
        """Keep the bytes; see the port."""
        if len(blobs) == 1:
            return [self._add_one(blobs[0])]
        with ThreadPoolExecutor(min(len(blobs), _AT_ONCE)) as pool:
            return list(pool.map(self._add_one, blobs))

    def _add_one(self, blob: NewBlob) -> BlobRef:
        ref = self.put(BytesIO(b"".join(blob.parts)))
        self.note(ref, blob.about)
        return ref

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see the port."""
        end = ref.size if length is None else min(start + length, ref.size)
        if start >= end:
            if not self.exists(ref):
                raise BlobMissing(ref.digest)
            return iter(())
        answer = self._call("get_object", Key=ref.locator, Range=f"bytes={start}-{end - 1}")
        if answer is None:
            raise BlobMissing(ref.digest)
        return _pieces(answer["Body"].iter_chunks(CHUNK))

    def place(self, ref: BlobRef) -> None:  # the port's
        """Return None: there is no file; see the port."""

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the object is there in its full size."""
        answer = self._call("head_object", Key=ref.locator)
        return answer is not None and answer["ContentLength"] == ref.size

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return what was noted of instances; see the port."""
        for _, ref, about in self._noted(self._notes):
            yield ref, about

    def put_named(self, key: str, file: BinaryIO) -> None:
        """Send a file as an object of this name."""
        self._call("put_object", Key=key, Body=file)

    def read_named(self, key: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return bytes of an object in pieces."""
        end = "" if length is None else start + length - 1
        answer = self._call("get_object", Key=key, Range=f"bytes={start}-{end}")
        if answer is None:
            raise BlobMissing(key)
        return _pieces(answer["Body"].iter_chunks(CHUNK))

    def size_of(self, key: str) -> int | None:
        """Return how large an object is; None when there is none."""
        answer = self._call("head_object", Key=key)
        return None if answer is None else int(answer["ContentLength"])

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        self._call("delete_object", Key=key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Return the names of all objects that begin so."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.location.bucket, Prefix=prefix)
        return (item["Key"] for page in pages for item in page.get("Contents", []))

    def forget(self, ref: BlobRef, *, institution_code: str, at: datetime) -> None:
        """Delete what was noted of it; see the port."""
        for key, _, about in self._noted(f"{self._notes}{ref.digest}/"):
            if about["institution_code"] == institution_code and datetime.fromisoformat(about["received_at"]) <= at:
                self._call("delete_object", Key=key)

    def remove(self, ref: BlobRef) -> bool:
        """Delete the object and its notes, unless it was put again a moment ago; see the port."""
        answer = self._call("head_object", Key=ref.locator)
        if answer is not None and self._clock() - answer["LastModified"] < IN_FLIGHT:
            return False
        for key, _, _ in self._noted(f"{self._notes}{ref.digest}/"):
            self._call("delete_object", Key=key)
        self._call("delete_object", Key=ref.locator)
        return True

    def set_aside(self, ref: BlobRef) -> None:
        """Delete a damaged object, so that the right bytes are put again."""
        self._call("delete_object", Key=ref.locator)

    def _is_fresh(self, ref: BlobRef) -> bool:
        """Return whether the object was written so short ago that nobody removes it."""
        answer = self._call("head_object", Key=ref.locator)
        if answer is None or answer["ContentLength"] != ref.size:
            return False
        return bool(self._clock() - answer["LastModified"] < IN_FLIGHT / 2)

    def _noted(self, prefix: str) -> Iterator[tuple[str, BlobRef, dict[str, str]]]:
        """Yield the notes below a prefix: under which key, of which blob, what it says."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.location.bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", []):
                answer = self._call("get_object", Key=item["Key"])
                if answer is not None:
                    about: dict[str, str] = json.loads(answer["Body"].read())
                    digest, size = about.pop("digest"), int(about.pop("size"))
                    yield item["Key"], BlobRef(digest, size, self.location.prefix + digest), about

    @property
    def _notes(self) -> str:
        return f"{self.location.prefix}about/"

    def _call(self, operation: str, **arguments: object) -> dict[str, Any] | None:
        """Return the answer, or None when there is no such object."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self.location.bucket, **arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _ABSENT:
                return None
            if code in _NO_ROOM:
                raise StorageFull from error
            raise StoreUnavailable("store") from error
        except BotoCoreError as error:  # nobody answers, or not in time
            raise StoreUnavailable("store") from error
        return answer


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    from botocore.exceptions import BotoCoreError

    try:
        yield from chunks
    except BotoCoreError as error:
        raise StoreUnavailable("store") from error


def _client(location: S3Location) -> "BaseClient":
    import boto3
    from botocore.config import Config

    # a dead endpoint must not hold an association for minutes: a sender who hears of it comes again
    config = Config(
        connect_timeout=5,
        read_timeout=location.seconds,
        retries={"max_attempts": location.tries, "mode": "standard"},
        max_pool_connections=50,
    )
    return boto3.client(
        "s3",
        endpoint_url=location.endpoint_url,
        region_name=location.region,
        aws_access_key_id=location.access_key,
        aws_secret_access_key=location.secret_key,
        config=config,
    )
