"""Blobs as objects of an S3-compatible store. Needs the extra `s3`."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from imaging_core.blobs.port import CHUNK, About, BlobRef, Hashing, NewBlob
from imaging_core.errors import BlobMissing, StorageFull

if TYPE_CHECKING:
    from botocore.client import BaseClient

_SPOOL_IN_MEMORY: Final = 16 * 1024 * 1024
_NO_ROOM: Final = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "507"})
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


class S3BlobStore:
    """Keeps each blob as one object named by its digest.

    The digest is known only at the end, so bytes are spooled (in memory, then on local disk) before they
    are sent; the object becomes visible whole or not at all.
    """

    def __init__(self, location: S3Location) -> None:
        self._location = location
        self._client = _client(location)

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes; see the port."""
        hashing = Hashing(limit)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY) as spool:
            for piece in hashing.pieces(content):
                spool.write(piece)
            ref = BlobRef(hashing.digest, hashing.size, self._location.prefix + hashing.digest)
            if not self.exists(ref):
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
        refs = [self.put(BytesIO(b"".join(blob.parts))) for blob in blobs]
        for ref, blob in zip(refs, blobs, strict=True):
            self.note(ref, blob.about)
        return refs

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
        pieces: Iterator[bytes] = answer["Body"].iter_chunks(CHUNK)
        return pieces

    def place(self, ref: BlobRef) -> None:  # the port's
        """Return None: there is no file; see the port."""

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the object is there in its full size."""
        answer = self._call("head_object", Key=ref.locator)
        return answer is not None and answer["ContentLength"] == ref.size

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return what was noted of instances; see the port."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._location.bucket, Prefix=self._notes)
        for page in pages:
            for item in page.get("Contents", []):
                answer = self._call("get_object", Key=item["Key"])
                if answer is not None:
                    about: dict[str, str] = json.loads(answer["Body"].read())
                    digest, size = about.pop("digest"), int(about.pop("size"))
                    yield BlobRef(digest, size, self._location.prefix + digest), about

    @property
    def _notes(self) -> str:
        return f"{self._location.prefix}about/"

    def _call(self, operation: str, **arguments: object) -> dict[str, Any] | None:
        """Return the answer, or None when there is no such object."""
        from botocore.exceptions import ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self._location.bucket, **arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _ABSENT:
                return None
            if code in _NO_ROOM:
                raise StorageFull from error
            raise
        return answer


def _client(location: S3Location) -> "BaseClient":
    import boto3
    from botocore.config import Config

    # a dead endpoint must not hold an association for minutes; five tries bridge a fail-over
    config = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 5, "mode": "standard"})
    return boto3.client(
        "s3",
        endpoint_url=location.endpoint_url,
        region_name=location.region,
        aws_access_key_id=location.access_key,
        aws_secret_access_key=location.secret_key,
        config=config,
    )
