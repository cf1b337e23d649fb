"""C-STORE and C-ECHO with DCMTK's own programs on the other side."""

import contextlib
import hashlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from sqlalchemy import select

from imaging_core.blobs import BlobFile, BlobRef, SegmentBlobStore
from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.network import ScpSettings, StorageScp
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import ct_instance, ct_series, instance_uid
from tests.builders.servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

needs_dcmtk = pytest.mark.skipif(
    shutil.which("storescu") is None, reason="DCMTK is not installed (apt-get install dcmtk)"
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = open_archive(f"sqlite:///{tmp_path / 'index.db'}", SegmentBlobStore(tmp_path / "blobs"))
    yield opened
    opened.database.close()


@pytest.fixture
def scp(archive: Archive) -> Iterator[StorageScp]:
    with StorageScp(archive.ingestor, ScpSettings(port=0, allowed={"CT1": INSTITUTION})) as listening:
        yield listening


def storescu(port: int, *arguments: str | Path, calling: str = "CT1") -> subprocess.CompletedProcess[str]:
    command = ["storescu", "-v", "-aet", calling, "127.0.0.1", str(port), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def rows(archive: Archive) -> list[InstanceRow]:
    with archive.database.reading() as session:
        found = list(session.scalars(select(InstanceRow)))
        session.expunge_all()
        return found


def dataset_bytes(archive: Archive, row: InstanceRow) -> bytes:
    ref = BlobRef(row.blob_digest, row.blob_size, row.blob_locator)
    content = b"".join(archive.blobs.read(ref))
    return content[read_header(cast(BinaryIO, BlobFile(archive.blobs, ref)), ref.size, Limits()).dataset_offset :]


def sha256_of(archive: Archive, row: InstanceRow) -> str:
    ref = BlobRef(row.blob_digest, row.blob_size, row.blob_locator)
    return hashlib.sha256(b"".join(archive.blobs.read(ref))).hexdigest()


@needs_dcmtk
class TestStore:
    @pytest.mark.clause("R1.3")
    def test_a_head_ct_arrives_whole_and_byte_for_byte(self, archive: Archive, scp: StorageScp, shared_data: Path):
        folder = shared_data / "dicom/ct_cranium_0051"
        files = sorted(folder.glob("*.dcm"))
        sent = storescu(scp.port, *files)
        assert sent.returncode == 0, sent.stderr[-1000:]
        stored = {row.sop_instance_uid: row for row in rows(archive)}
        assert len(stored) == 108
        for file in files:
            content = file.read_bytes()
            with file.open("rb") as opened:
                header = read_header(opened, len(content), Limits())
            received = dataset_bytes(archive, stored[header.sop_instance_uid])
            assert sha256_of(archive, stored[header.sop_instance_uid]) == stored[header.sop_instance_uid].blob_digest
            # storescu writes the elements anew, so what it read and what we got are compared by their pixels
            assert header.pixels is not None
            length = header.pixels.length
            assert received[-length:] == content[header.pixels.offset : header.pixels.offset + length]

    @pytest.mark.parametrize("option", ["-xs", "-xv", "-xi", "-xd"])
    def test_the_transfer_syntax_of_the_sender_is_kept(
        self, archive: Archive, scp: StorageScp, shared_data: Path, option: str
    ):
        names = {
            "-xs": "JPEGProcess14SV1",
            "-xv": "JPEG2000LosslessOnly",
            "-xi": "LittleEndianImplicit",
            "-xd": "Deflated",
        }
        [file] = (shared_data / "dicom/ct_all_syntaxes").glob(f"*_{names[option]}*")
        assert storescu(scp.port, option, file).returncode == 0
        [row] = rows(archive)
        assert file.name.endswith(f"_{row.transfer_syntax_uid}.dcm")

    def test_sent_again_it_is_no_new_instance(self, archive: Archive, scp: StorageScp, tmp_path: Path):
        (tmp_path / "a.dcm").write_bytes(ct_instance())
        assert storescu(scp.port, tmp_path / "a.dcm").returncode == 0
        assert storescu(scp.port, tmp_path / "a.dcm").returncode == 0
        assert len(rows(archive)) == 1

    def test_what_cannot_be_filed_is_kept_and_the_sender_hears_so(
        self, archive: Archive, scp: StorageScp, tmp_path: Path
    ):
        (tmp_path / "a.dcm").write_bytes(ct_instance(StudyInstanceUID=None))
        assert "(Error: CannotUnderstand)" in storescu(scp.port, tmp_path / "a.dcm").stderr
        with archive.database.reading() as session:
            assert session.scalars(select(QuarantineRow.reason_code)).all() == ["no_identifier"]

    def test_an_instance_over_the_limit_is_refused(self, tmp_path: Path):
        archive = open_archive(f"sqlite:///{tmp_path / 'i.db'}", limits=Limits(instance_bytes=5000))
        (tmp_path / "a.dcm").write_bytes(ct_instance(rows=100, columns=100))
        with StorageScp(archive.ingestor, ScpSettings(port=0, allowed={"CT1": INSTITUTION})) as scp:
            assert "(Refused: OutOfResources)" in storescu(scp.port, tmp_path / "a.dcm").stderr
        assert rows(archive) == []
        archive.database.close()


class TestNewKinds:
    @pytest.mark.parametrize(
        ("file", "syntax"), [("ct_201.dcm", "1.2.840.10008.1.2.4.201"), ("us_202.dcm", "1.2.840.10008.1.2.4.202")]
    )
    def test_htj2k_is_taken_as_it_is(
        self, archive: Archive, scp: StorageScp, shared_data: Path, file: str, syntax: str
    ):
        content = (shared_data / "dicom/derived_htj2k" / file).read_bytes()
        assert send(scp.port, content) == 0x0000
        [row] = rows(archive)
        assert row.transfer_syntax_uid == syntax
        assert dataset_bytes(archive, row) == content[-len(dataset_bytes(archive, row)) :]

    def test_a_private_sop_class_is_kept_too(self, archive: Archive, scp: StorageScp):
        assert send(scp.port, ct_instance(SOPClassUID="1.2.826.0.1.3680043.99.1")) == 0x0000
        assert [row.sop_class_uid for row in rows(archive)] == ["1.2.826.0.1.3680043.99.1"]

    def test_the_data_set_is_kept_byte_for_byte(self, archive: Archive, scp: StorageScp):
        content = ct_instance(rows=40, columns=40)
        assert send(scp.port, content) == 0x0000
        [row] = rows(archive)
        assert content.endswith(dataset_bytes(archive, row))
        assert row.received_from == "cstore:CT1"


def send(port: int, content: bytes) -> int:
    """Send the data set of a file without touching a byte of it; return the status."""
    from pydicom import dcmread
    from pydicom.filebase import DicomBytesIO
    from pynetdicom import AE, _config

    dataset = dcmread(DicomBytesIO(content), stop_before_pixels=True)
    path = Path(tempfile.mkdtemp()) / "a.dcm"
    path.write_bytes(content)
    ae = AE("CT1")
    ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        return int(association.send_c_store(path).Status)
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = False
        association.release()
        shutil.rmtree(path.parent)


@needs_dcmtk
class TestAssociation:
    def test_an_unknown_machine_is_turned_away(self, archive: Archive, scp: StorageScp, tmp_path: Path):
        (tmp_path / "a.dcm").write_bytes(ct_instance())
        refused = storescu(scp.port, tmp_path / "a.dcm", calling="STRANGER")
        assert refused.returncode != 0
        assert "Calling AE Title Not Recognized" in refused.stderr
        assert rows(archive) == []

    def test_without_any_known_machine_nobody_gets_in(self, archive: Archive):
        with StorageScp(archive.ingestor, ScpSettings(port=0)) as scp:
            assert subprocess.run(["echoscu", "127.0.0.1", str(scp.port)], capture_output=True).returncode != 0

    def test_answers_echo(self, scp: StorageScp):
        echo = ["echoscu", "-aet", "CT1", "127.0.0.1", str(scp.port)]
        assert subprocess.run(echo, capture_output=True).returncode == 0


_SERVE = """
import sys, time
from pathlib import Path
from typing import BinaryIO, cast
from imaging_core.blobs import SegmentBlobStore
from imaging_core.network import ScpSettings, StorageScp
from tests.builders.archive import INSTITUTION, open_archive

folder, port = Path(sys.argv[1]), int(sys.argv[2])
archive = open_archive(f"sqlite:///{folder / 'index.db'}", SegmentBlobStore(folder / "blobs"))
with StorageScp(archive.ingestor, ScpSettings(port=port, allowed={"CT1": INSTITUTION})):
    time.sleep(600)
"""


@needs_dcmtk
class TestKilled:
    @pytest.mark.parametrize("after_acknowledgements", [1, 7, 20])
    def test_every_acknowledged_instance_survives_kill_9(self, tmp_path: Path, after_acknowledgements: int):
        for number, content in enumerate(ct_series(40, rows=64, columns=64), start=1):
            (tmp_path / f"{number:03}.dcm").write_bytes(content)
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(tmp_path), str(port)],
            cwd=Path(__file__).parents[3],
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_echo(port)
            # -d prints the status of each response
            files = [str(tmp_path / f"{number:03}.dcm") for number in range(1, 41)]
            sender = subprocess.Popen(
                ["stdbuf", "-oL", "-eL", "storescu", "-v", "-aet", "CT1", "127.0.0.1", str(port), *files],
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
            acknowledged = 0
            assert sender.stderr is not None
            for line in sender.stderr:
                acknowledged += "Received Store Response (Success)" in line
                if acknowledged == after_acknowledgements:
                    server.send_signal(signal.SIGKILL)
            sender.stderr.close()
            sender.wait(timeout=60)
        finally:
            server.kill()
            server.wait()
        archive = open_archive(f"sqlite:///{tmp_path / 'index.db'}", SegmentBlobStore(tmp_path / "blobs"))
        stored = {row.sop_instance_uid: row for row in rows(archive)}
        assert acknowledged >= after_acknowledgements
        for number in range(1, acknowledged + 1):
            received = dataset_bytes(archive, stored[instance_uid(number=number)])
            assert received[-64 * 64 * 2 :] == (tmp_path / f"{number:03}.dcm").read_bytes()[-64 * 64 * 2 :]
        for row in stored.values():
            assert sha256_of(archive, row) == row.blob_digest
        archive.database.close()


def wait_for_echo(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            echo = ["echoscu", "-aet", "CT1", "127.0.0.1", str(port)]
            if subprocess.run(echo, capture_output=True, timeout=10).returncode == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the listener did not start")
