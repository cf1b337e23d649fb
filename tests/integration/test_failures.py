"""Something is gone or full while images come in: senders hear it in their protocol's way, and nothing is lost.

The receivers run as processes of their own, as in a hospital; what fails is the real thing.
"""

import contextlib
import hashlib
import io
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import boto3
import httpx
import pytest
from pydicom import dcmread
from pynetdicom import AE
from redis import Redis
from redis.exceptions import RedisError

from api.db.engine import Database
from api.db.migrate import migrate
from api.db.tables import MachineKeyRow
from api.processes import private_redis
from api.processes.ready import marker
from api.settings import DEMO_INSTITUTION_CODE
from bench.installation import ROOT, environment_of, settings_of
from tests.builders.dicom import ct_instance, instance_uid, series_uid, study_uid
from tests.builders.faults import faulty_way
from tests.builders.postgres import fresh_database, stopped
from tests.builders.servers import free_port, running, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("failures"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
    pytest.mark.clause("R5.1"),
]
OUT_OF_RESOURCES = 0xA700
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
_BOUNDARY = "b"


@dataclass
class Receivers:
    """Web service and DICOM receiver of an installation, and what they acknowledged."""

    environment: dict[str, str]
    data: Path
    key: str
    acknowledged: dict[int, bytes] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self.settings = settings_of(self.data, self.environment)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.settings.http.port}",
            headers={"Authorization": f"Bearer {self.key}"},
            trust_env=False,
            timeout=60,
        )

    def stow(self) -> httpx.Response:
        """Send a new instance by STOW-RS."""
        content = self._new()
        head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        answer = self.client.post(
            "/dicom-web/studies",
            content=head + content + f"\r\n--{_BOUNDARY}--\r\n".encode(),
            headers={"Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'},
        )
        if answer.status_code == 200:
            self.acknowledged[self.number] = content
        return answer

    def cstore(self) -> int:
        """Send a new instance by C-STORE; return the status."""
        content = self._new()
        dataset = dcmread(io.BytesIO(content))
        ae = AE(ae_title="STORESCU")
        ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
        dicom = self.settings.dicom
        association = ae.associate(dicom.host, dicom.port, ae_title=dicom.ae_title)
        assert association.is_established
        status = association.send_c_store(dataset).Status
        association.release()
        if status == 0:
            self.acknowledged[self.number] = content
        return int(status)

    def refuse(self) -> None:
        """Check that both ways in say that it cannot be kept now."""
        answer = self.stow()
        assert answer.status_code == 503, answer.text
        if answer.headers["content-type"] == "application/dicom+json":
            [failed] = answer.json()["00081198"]["Value"]
            assert failed["00081197"]["Value"] == [OUT_OF_RESOURCES]
        assert self.cstore() == OUT_OF_RESOURCES

    def store(self) -> None:
        """Check that both ways in work; what was refused a moment ago may take its time to come back."""
        until(lambda: self.stow().status_code == 200)
        until(lambda: self.cstore() == 0)

    def lose_nothing(self) -> None:
        """Check that what was acknowledged is there, bit by bit behind the file meta information, and nothing else."""
        for number, content in self.acknowledged.items():
            path = f"studies/{study_uid('study')}/series/{series_uid('study', 'series')}"
            answer = self.client.get(
                f"/dicom-web/{path}/instances/{instance_uid('study', 'series', number)}",
                headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
            )
            assert answer.status_code == 200, answer.text
            assert content[-500:] in answer.content

    def _new(self) -> bytes:
        self.number += 1
        return ct_instance(64, 64, number=self.number)  # more than the room left in a page of a file


@contextlib.contextmanager
def receivers(data: Path, log: Path, **settings: str) -> Iterator[Receivers]:
    """Run web service and DICOM receiver on a data folder whose Redis runs."""
    environment = environment_of(data, {"DERIVE_QUIET_SECONDS": "0.5", **settings})
    url = environment["MINGYING_DATABASE_URL"]
    migrate(url)
    key = issue_key(url)
    processes = []
    try:
        with log.open("wb") as output:
            for name in ("serve", "scp"):
                command = [sys.executable, "-m", "api.cli", name]
                processes.append(
                    subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
                )
        opened = Receivers(environment, data, key)
        until(lambda: marker(data, "scp").exists() and healthy(opened))
        yield opened
        opened.client.close()
    finally:
        for process in processes:
            process.kill()
            process.wait()


def issue_key(url: str) -> str:
    """Return a new key that may store and retrieve."""
    key = secrets.token_urlsafe(32)
    database = Database.open(url)
    with database.writing() as session:
        session.add(
            MachineKeyRow(
                institution_code=DEMO_INSTITUTION_CODE,
                name="test",
                key_hash=hashlib.sha256(key.encode()).hexdigest(),
                scopes=["stow", "retrieve"],
                created_at=datetime.now(UTC),
            )
        )
    database.close()
    return key


def healthy(opened: Receivers) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return opened.client.get("/health").status_code == 200
    return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_disk_full_and_database_redis_and_object_store_gone_for_a_while(
    tmp_path: Path, small_disk: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in _CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    data, moto = small_disk / "data", free_port()
    data.mkdir()
    redis = private_redis.start(data)
    try:
        with (
            running([sys.executable, "-m", "moto.server", "-p", str(moto)], port=moto, log=tmp_path / "moto.log"),
            faulty_way(moto) as way,
            fresh_database(postgres_server) as url,
        ):
            boto3.client("s3", endpoint_url=f"http://127.0.0.1:{moto}").create_bucket(Bucket="archive")
            # the images on the small disk, their second copies in the object store
            replica = {"BLOBS__REPLICA__S3_BUCKET": "archive", "BLOBS__REPLICA__S3_ENDPOINT_URL": way.url}
            with receivers(data, tmp_path / "log", DATABASE_URL=url, **replica) as opened:
                opened.store()
                way.mode = "error"
                opened.refuse()
                way.mode = "slow"
                opened.store()
                way.mode = "passing"
                with stopped(postgres_server):
                    opened.refuse()
                    assert not healthy(opened)
                opened.store()
                with full(small_disk):
                    opened.refuse()
                    until(lambda: people_can_sign_in(data))
                opened.store()
                redis.terminate()
                redis.wait()
                # storing needs no Redis; who watches hears that it is gone
                opened.store()
                assert not healthy(opened)
                redis = private_redis.start(data)
                until(lambda: healthy(opened))
                opened.lose_nothing()
    finally:
        redis.terminate()
        redis.wait()


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no room on a disk until the block ends."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    yield
    filler.unlink()


def people_can_sign_in(data: Path) -> bool:
    """Return whether Redis takes a session; `mingying up` looks after it every other second."""
    private_redis.keep_writable(data)
    with contextlib.suppress(RedisError), Redis.from_url(private_redis.socket_url(data)) as client:
        return bool(client.set("session", "x"))
    return False
