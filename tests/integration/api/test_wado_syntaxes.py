"""WADO-RS over real files: every transfer syntax as it was received, on disk and in S3, and decoded to the same pixels."""

import contextlib
import io
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest

from imaging_core.blobs import BlobStore
from imaging_core.dicom.frames import DecodedFrame, decode_frames, open_dataset
from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.errors import ImagingError
from tests.builders.hospital import SmallHospital, served, small_hospital
from tests.builders.servers import free_port, running

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

EXPLICIT, JPEG_LS, J2K, RPCL = "1.2.840.10008.1.2.1", *(f"1.2.840.10008.1.2.4.{end}" for end in ("80", "90", "202"))
FOLDERS = (
    "malformed",
    "derived_htj2k",
    "us_still_and_cine",
    "us_ybr422",
    "cr",
    "mg",
    "ecg_12lead",
    "sr",
    "pathology_seg_dx",
    "derived_encapsulated_pdf",
    "charset",
)
_LARGEST, _LARGEST_MADE = 1_500_000, 300_000
ON_DISK = pytest.mark.parametrize("archive", ["disk"], indirect=True)
"""What is decoded comes from the same bytes on either store."""


def real_files(folder: Path) -> dict[str, bytes]:
    """Return a file for each SOP Instance UID; further versions of one are conflicts and are left out."""
    found: dict[str, bytes] = {}
    for path in sorted(path for name in FOLDERS for path in (folder / "dicom" / name).glob("**/*.dcm")):
        raw = path.read_bytes()
        try:
            header = read_header(io.BytesIO(raw), len(raw), Limits())
        except ImagingError:
            continue
        if len(raw) <= _LARGEST:
            found.setdefault(header.sop_instance_uid, raw)
    return found


def studies_of(folder: Path) -> list[list[str]]:
    """Return the Study Instance UIDs of the files of a folder, as metadata tells them."""
    found: list[list[str]] = []
    for path in folder.glob("*.dcm"):
        with contextlib.suppress(ImagingError):
            found.append([read_header(path.open("rb"), path.stat().st_size, Limits()).study_instance_uid])
    return found


def syntax_files(folder: Path) -> dict[str, bytes]:
    """Return one CT image in every transfer syntax, each as an instance of its own."""
    found: dict[str, bytes] = {}
    for number, path in enumerate(sorted((folder / "dicom/ct_all_syntaxes").glob("*.dcm"))):
        raw = path.read_bytes()
        header = read_header(io.BytesIO(raw), len(raw), Limits())
        old = header.sop_instance_uid.encode()
        new = raw.replace(old, old[:-2] + b"%02d" % (number + 50))  # a deflated one keeps its own
        found[read_header(io.BytesIO(new), len(new), Limits()).sop_instance_uid] = new
    assert len(found) == 16
    return found


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[BlobStore]:
    import boto3

    from imaging_core.blobs import S3BlobStore, S3Location

    port = free_port()
    keys = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    with running(
        [sys.executable, "-m", "moto.server", "-p", str(port)], port=port, log=tmp_path_factory.mktemp("s3") / "log"
    ):
        endpoint = f"http://127.0.0.1:{port}"
        boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="wado")
        yield S3BlobStore(
            S3Location("wado", endpoint_url=endpoint, region="us-east-1", access_key="test", secret_key="test")
        )


class Archive:
    """A served hospital over one store, and the files that are in it by UID."""

    def __init__(self, hospital: SmallHospital, client: httpx.Client, files: dict[str, bytes]) -> None:
        self.hospital = hospital
        self.client = client
        self.files = files
        hospital.images(list(files.values()))
        self.headers = {uid: read_header(io.BytesIO(raw), len(raw), Limits()) for uid, raw in files.items()}

    @cache  # noqa: B019  # one for the module
    def decoded(self, uid: str) -> list[np.ndarray] | None:
        return decoded(self.files[uid])

    def get(self, uid: str, more: str = "", accept: str = "*/*") -> httpx.Response:
        header = self.headers[uid]
        place = f"{header.study_instance_uid}/series/{header.series_instance_uid}/instances/{uid}{more}"
        return self.client.get(f"/dicom-web/studies/{place}", headers={"Accept": accept})


@pytest.fixture(scope="module", params=["disk", "s3"])
def archive(request, tmp_path_factory, migrated_sqlite, redis_url, knowledge, shared_data) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("syntaxes")
    (folder / "index.sqlite").write_bytes(migrated_sqlite.read_bytes())
    url = f"sqlite:///{folder / 'index.sqlite'}"
    hospital = small_hospital(folder / "data", database_url=url, redis_url=redis_url, knowledge=knowledge)
    files = syntax_files(shared_data)
    if request.param == "s3":
        hospital.services.blobs = request.getfixturevalue("s3")
        hospital.services.ingestor._blobs = hospital.services.blobs
    else:
        files |= real_files(shared_data)
    with served(hospital) as base, httpx.Client(base_url=base, trust_env=False, timeout=60) as client:
        client.headers.update(hospital.machine_key("retrieve"))
        yield Archive(hospital, client, files)
    hospital.services.close()


def decoded(raw: bytes) -> list[np.ndarray] | None:
    """Return the frames as the rendering child decodes them; None when it cannot."""
    dataset = open_dataset(raw, EXPLICIT)
    try:
        frames = list(decode_frames(dataset, Limits()))
    except ImagingError:
        return None
    pixels = [frame.pixels for frame in frames if isinstance(frame, DecodedFrame)]
    return pixels if len(pixels) == len(frames) else None


@pytest.mark.clause("R1.3")
class TestAsReceived:
    def test_every_file_comes_back_byte_for_byte(self, archive):
        wrong = []
        for uid, raw in archive.files.items():
            answer = archive.get(uid, accept="application/dicom; transfer-syntax=*")
            if (answer.status_code, answer.content) != (200, raw):
                wrong.append((uid, answer.status_code))
        assert wrong == []
        assert len(archive.files) >= 15

    def test_metadata_of_every_file_can_be_read_and_names_it(self, archive, shared_data):
        malformed = studies_of(shared_data / "dicom/malformed")
        for uid in archive.files:
            [told] = archive.get(uid, "/metadata").json()
            assert told["00080018"]["Value"] == [uid]
            if told["0020000D"]["Value"] not in malformed:  # what is no number there is none for pydicom either
                assert pydicom.Dataset.from_json(told, lambda *_: b"").SOPInstanceUID == uid


class TestPixels:
    @ON_DISK
    def test_decoded_frames_are_the_stored_pixels_or_refused_with_a_reason(self, archive):
        seen, refused = 0, 0
        for uid, raw in archive.files.items():
            frames = archive.headers[uid].number_of_frames
            if not frames:
                continue
            expected = archive.decoded(uid)
            answer = archive.get(uid, f"/frames/{frames}", f"application/octet-stream; transfer-syntax={EXPLICIT}")
            if expected is None:
                assert (answer.status_code, bool(answer.json()["code"])) == (406, True), uid
                refused += 1
            elif pydicom.dcmread(io.BytesIO(raw), force=True).get("BitsAllocated") != 1:
                seen += 1
                assert same(answer.content, expected[-1], raw), uid
        assert seen >= 12
        assert refused >= 2

    @ON_DISK
    @pytest.mark.parametrize("syntax", [EXPLICIT, JPEG_LS, J2K, RPCL])
    def test_transcoded_instances_decode_to_the_same_pixels(self, archive, syntax):
        made = 0
        for uid, raw in archive.files.items():
            expected = (
                archive.decoded(uid) if archive.headers[uid].number_of_frames and len(raw) < _LARGEST_MADE else None
            )
            if expected is None:
                continue
            answer = archive.get(uid, accept=f"application/dicom; transfer-syntax={syntax}")
            if answer.status_code == 406:
                assert answer.json()["reason_code"] in {"one_bit", "not_written"}
                continue
            again = decoded(answer.content)
            assert pydicom.dcmread(io.BytesIO(answer.content)).file_meta.TransferSyntaxUID == syntax
            assert again is not None, uid
            assert len(again) == len(expected)
            assert all(np.array_equal(ours, theirs) for ours, theirs in zip(again, expected, strict=True)), uid
            made += 1
        assert made >= 12

    def test_a_received_codestream_comes_as_it_is(self, archive):
        compressed = 0
        for uid, raw in archive.files.items():
            header = archive.headers[uid]
            if header.pixels is None or header.pixels.fragments is None:
                continue
            wanted = (uid, "/frames/1", 'multipart/related; type="*/*"; transfer-syntax=*')
            answer = archive.get(*wanted)
            assert answer.status_code == 200, (uid, answer.text)
            assert archive.get(*wanted).content == answer.content  # now that the place is known
            head, _, body = answer.content.partition(b"\r\n\r\n")
            assert header.transfer_syntax_uid.encode() in head
            codestream = body[: body.rfind(b"\r\n--")]
            first = pydicom.encaps.get_frame(
                pydicom.dcmread(io.BytesIO(raw), force=True).PixelData, 0, number_of_frames=header.number_of_frames
            )
            assert codestream == first
            compressed += 1
        assert compressed >= 10


def same(cells: bytes, expected: np.ndarray, raw: bytes) -> bool:
    """Return whether bytes hold these pixels, colour by pixel or as they lie in an uncompressed instance."""
    if cells.rstrip(b"\0") == expected.astype(expected.dtype.newbyteorder("<")).tobytes().rstrip(b"\0"):
        return True
    return len(cells) > 1000 and cells in raw
