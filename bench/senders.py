"""Fresh instances with old pixels, and a STOW-RS client that keeps its connection."""

import http.client
import io
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pydicom
from pydicom.uid import generate_uid

from bench.errors import BenchError


def relabelled(files: Sequence[Path]) -> list[bytes]:
    """Return the files as instances of a new study: what is there already would cost nothing to store."""
    study, series = generate_uid(), generate_uid()
    blobs = []
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = study, series, generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        blobs.append(out.getvalue())
    return blobs


class StowClient:
    """One HTTP/1.1 connection without delayed small packets."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def store(self, blobs: Sequence[bytes]) -> None:
        """Store instances in one request (PS3.18 10.5).

        Raises:
            BenchError: Not every instance was stored.
        """
        boundary = uuid.uuid4().hex
        parts = [part for blob in blobs for part in (_PART % boundary.encode(), blob, b"\r\n")]
        headers = {
            **self._headers,
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        }
        self._connection.request(
            "POST", "/dicom-web/studies", b"".join([*parts, f"--{boundary}--\r\n".encode()]), headers
        )
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise BenchError(f"STOW-RS was answered with status {answer.status}")


_PART = b"--%s\r\nContent-Type: application/dicom\r\n\r\n"
