"""Metadata of whole series (PS3.18 10.4.4): one gzip file each, named by its content, made once and served as it is.

The name is known from the index alone, so a file that is there is current; when an instance comes or goes the name is
another. The files lie with the derived objects of their study: evictable, made again when asked for.
"""

import gzip
import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from imaging_core.derive.store import DerivedStore
from imaging_core.dicom.json_model import Json
from imaging_core.errors import DamagedDicom, LimitExceeded, NotDicom
from imaging_core.retrieve.attributes import AttributeReader
from imaging_core.retrieve.finding import Found

log = logging.getLogger(__name__)

_RECIPE: Final = "1"
"""Part of every name: raise it when the same instances should give other metadata."""
_LEVEL: Final = 6
_AVAILABLE_TRANSFER_SYNTAX: Final = "00083002"
_UNREADABLE: Final = (DamagedDicom, LimitExceeded, NotDicom)


def instance_address(base_url: str, found: Found) -> str:
    """Return the address of an instance (PS3.18 table 10.4.1-1)."""
    return (
        f"{base_url}/dicom-web/studies/{found.study_instance_uid}/series/{found.series_instance_uid}"
        f"/instances/{found.sop_instance_uid}"
    )


class SeriesMetadata:
    """Makes and keeps metadata. `base_url` is the service's own, for the addresses of values that are not inside."""

    def __init__(self, attributes: AttributeReader, derived: DerivedStore, base_url: str) -> None:
        self._attributes = attributes
        self._derived = derived
        self._base_url = base_url.rstrip("/")

    def instance(self, found: Found) -> Json:
        """Return the metadata of one instance; of what cannot be read any more, what the index knows.

        Raises:
            BlobMissing: The bytes are not there.
        """
        try:
            read = self._attributes.attributes(found, address=f"{instance_address(self._base_url, found)}/bulkdata/")
            attributes = read.model.attributes
        except _UNREADABLE as error:
            log.warning(
                "attributes not read", extra={"sop_instance_uid": found.sop_instance_uid, "error": type(error).__name__}
            )
            attributes = _identity(found)
        # which syntax the original is in (PS3.18 10.4.1.1.2), so that a client need not ask for another
        attributes[_AVAILABLE_TRANSFER_SYNTAX] = {"vr": "UI", "Value": [found.transfer_syntax_uid]}
        return attributes

    def name(self, instances: Sequence[Found]) -> str:
        """Return the name of the metadata of these instances of one series: another when anything in it is."""
        parts = [_RECIPE, self._base_url, *(f"{found.sop_instance_uid} {found.blob.digest}" for found in instances)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]

    def series_gz(self, institution_code: str, instances: Sequence[Found]) -> bytes:
        """Return the gzipped JSON array of one series' instances, which must not be none.

        Raises:
            BlobMissing: The bytes of an instance are not there.
        """
        study = instances[0].study_instance_uid
        place = self._derived.study_folder(institution_code, study) / f"{self.name(instances)}.metadata.json.gz"
        with suppress(FileNotFoundError):
            return place.read_bytes()
        body = b"[" + b",".join(orjson.dumps(self.instance(found)) for found in instances) + b"]"
        packed = gzip.compress(body, compresslevel=_LEVEL, mtime=0)
        _keep(place, packed)
        return packed


def _identity(found: Found) -> Json:
    return {
        "00080016": {"vr": "UI", "Value": [found.sop_class_uid]},
        "00080018": {"vr": "UI", "Value": [found.sop_instance_uid]},
        "0020000D": {"vr": "UI", "Value": [found.study_instance_uid]},
        "0020000E": {"vr": "UI", "Value": [found.series_instance_uid]},
    }


def _keep(place: Path, content: bytes) -> None:
    """Write a file whole; a full disk costs the next caller time, and nobody else anything."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(place)
    except OSError as error:
        log.warning("metadata not kept", extra={"error": type(error).__name__})
    finally:
        with suppress(OSError):
            Path(name).unlink()
