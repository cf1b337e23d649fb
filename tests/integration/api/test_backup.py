"""Backups on real databases and files: made while the service runs, proved, cut off, damaged, brought back."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text, update

from api.audit.anchor import AuditAnchor
from api.audit.chain import seal_pending, verify
from api.backup import layout
from api.backup.create import Created, create_backup
from api.backup.errors import (
    BackupDamaged,
    DatabaseDamaged,
    KeysDoNotFit,
    NoBackup,
    PlaceTaken,
    SettingsDoNotFit,
    ToolFailed,
)
from api.backup.restore import Restored, restore_backup
from api.backup.verify import verify_backups
from api.db.engine import Database
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import DERIVE
from imaging_core.blobs import FilePart
from imaging_core.index.tables import InstanceRow, StudyRow
from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import SmallHospital, received, small_hospital
from tests.builders.postgres import fresh_database
from tests.builders.servers import free_port, running

pytestmark = pytest.mark.integration

STUDY = study_uid("study")


def quiet(_done: int, _known: int) -> None:
    """Show no progress."""


def created(hospital: SmallHospital, folder: Path) -> Created:
    return create_backup(hospital.services, folder, progress=quiet)


def restored(folder: Path, data: Path, hospital: SmallHospital, name: str | None = None) -> Restored:
    return restore_backup(folder, data, keys=keys_of(hospital), name=name, progress=quiet)


def keys_of(hospital: SmallHospital) -> Path:
    return hospital.services.settings.data / "keys.json"


def blob_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "blobs").glob("??/*") if path.is_file())


def images_of(hospital: SmallHospital) -> list[InstanceRow]:
    """Return the instances by the digests of their bytes."""
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(InstanceRow).order_by(InstanceRow.blob_digest)))


def place_of(hospital: SmallHospital, image: InstanceRow) -> FilePart:
    place = hospital.services.blobs.place(hospital.services.blob_ref(image))
    assert place is not None
    return place


def files_of(backup: Path) -> list[Path]:
    return sorted(path for path in backup.rglob("*") if path.is_file() and path.name not in {"lock", "removal.lock"})


def flip_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def sealed(hospital: SmallHospital) -> None:
    """Do what the worker does for the audit."""
    services = hospital.services
    with services.database.writing() as session:
        _, head = seal_pending(session, services.keys.audit)
    services.audit_anchor.remember(head)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MINGYING_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def empty_database(
    hospital: SmallHospital, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Where the hospital's database may be brought back to: an address, or nothing for the data folder."""
    if hospital.services.database.engine.dialect.name == "sqlite":
        yield ""
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        monkeypatch.setenv("MINGYING_DATABASE_URL", url)
        yield url


@pytest.fixture
def backup(clinic: SmallHospital, tmp_path: Path) -> Path:
    """A backup of a hospital on SQLite."""
    folder = tmp_path / "backup"
    created(clinic, folder)
    return folder


@pytest.mark.clause("R7.1")
class TestBroughtBack:
    def test_into_an_empty_folder_everything_is_as_it_was(self, hospital, empty_database, redis_url, tmp_path):
        hospital.follow(derive=True)
        sealed(hospital)
        token = hospital.token(STUDY)
        sop, sent = received(hospital)
        (hospital.services.settings.data / "settings.toml").write_text('[hospital]\nphone = "000-1"\n')
        created(hospital, tmp_path / "backup")
        data = tmp_path / "new"
        assert restored(tmp_path / "backup", data, hospital).studies == 1

        url = empty_database or f"sqlite:///{data}/index.sqlite"
        again = small_hospital(data, database_url=url, redis_url=redis_url)
        try:
            _, cookie = again.grant(STUDY)
            browser = again.browser(cookie)
            assert browser.get(f"/api/patient/studies/{STUDY}/instances/{sop}").content == sent
            # the printed link and the sealed ID number: what only the keys can read
            visitor = again.browser()
            assert visitor.post("/api/patient/link", json={"token": token}).status_code == 204
            proof = {"method": "id_number", "id_number": hl7.ID_NUMBER}
            assert visitor.post("/api/patient/verification", json=proof).status_code == 200
            with again.services.database.reading() as session:
                report = verify(session, again.services.keys.audit, again.services.clock(), head=anchored(data, again))
            assert report.intact
            assert report.sealed > 0
        finally:
            again.services.close()
        assert (data / "settings.toml").read_text() == '[hospital]\nphone = "000-1"\n'
        assert (data / "keys.json").stat().st_mode & 0o077 == 0
        assert [path.name for path in data.iterdir() if path.name.startswith(".")] == []

    def test_pictures_are_owed_anew_because_they_are_not_in_the_backup(
        self, hospital, empty_database, redis_url, tmp_path
    ):
        hospital.follow(derive=True)
        with hospital.services.database.writing() as session:
            for row in session.scalars(select(WorkRow)):
                session.delete(row)  # done by the worker
        created(hospital, tmp_path / "backup")
        restored(tmp_path / "backup", tmp_path / "new", hospital)
        url = empty_database or f"sqlite:///{tmp_path}/new/index.sqlite"
        again = small_hospital(tmp_path / "new", database_url=url, redis_url=redis_url)
        try:
            with again.services.database.reading() as session:
                assert [row.subject for row in session.scalars(select(WorkRow).where(WorkRow.kind == DERIVE))] == [
                    STUDY
                ]
                assert session.scalars(select(StudyRow.manifest_version)).all() == [None]
                actions = session.scalars(select(AuditEventRow.action)).all()
            assert actions.count("backup.restored") == 1
        finally:
            again.services.close()

    def test_an_earlier_backup_is_there_by_its_name(self, clinic, backup, redis_url, tmp_path):
        clinic.load(patient_id="TEST0002", accession_number="ACC0002", study="later", id_number="110101198001010029")
        created(clinic, backup)
        earlier, newest = layout.names(backup)
        assert restored(backup, tmp_path / "old", clinic, name=earlier).studies == 1
        assert restored(backup, tmp_path / "new", clinic, name=newest).studies == 2
        with pytest.raises(NoBackup, match=earlier):
            restored(backup, tmp_path / "none", clinic, name="20200101T000000Z")


class TestImagesOnS3:
    @pytest.mark.enable_socket
    def test_go_into_the_folder_and_back_into_a_new_bucket(self, tmp_path, sqlite_url, redis_url, redis, monkeypatch):
        import boto3

        port = free_port()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        command = [sys.executable, "-m", "moto.server", "-p", str(port)]
        with running(command, port=port, log=tmp_path / "moto.log"):
            endpoint = f"http://127.0.0.1:{port}"
            client = boto3.client("s3", endpoint_url=endpoint)
            for bucket in ("old", "new"):
                client.create_bucket(Bucket=bucket)
            place = {"s3_bucket": "old", "s3_endpoint_url": endpoint}
            hospital = small_hospital(tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, blobs=place)
            hospital.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
            assert created(hospital, tmp_path / "backup").copied == 3
            monkeypatch.setenv("MINGYING_BLOBS__S3_BUCKET", "new")
            monkeypatch.setenv("MINGYING_BLOBS__S3_ENDPOINT_URL", endpoint)
            assert restored(tmp_path / "backup", tmp_path / "new", hospital).blobs == 3
            kept = {
                bucket: {item["Key"]: item["ETag"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]}
                for bucket in ("old", "new")
            }
            hospital.services.close()
        assert len(kept["old"]) == 2 * 3  # each image, and the note of where it came from
        assert kept["new"] == kept["old"]


class TestCreated:
    def test_again_copies_only_what_is_new(self, clinic, tmp_path):
        first = created(clinic, tmp_path / "backup")
        clinic.images(ct_series(2, 16, 16, study="more", patient_id="TEST0001"))
        second = created(clinic, tmp_path / "backup")
        assert (first.blobs, first.copied) == (3, 3)
        assert (second.blobs, second.copied) == (5, 2)
        assert len(blob_files(tmp_path / "backup")) == 5

    def test_holds_no_key_and_is_closed_to_others(self, clinic, backup):
        keys = json.loads(keys_of(clinic).read_text())
        texts = [path.read_bytes() for path in (backup / "snapshots").rglob("*") if path.is_file()]
        for generations in keys.values():
            for key in generations.values():
                assert not any(key.encode() in content for content in texts)
        for place in (backup, backup / "snapshots", backup / "blobs"):
            assert place.stat().st_mode & 0o077 == 0

    def test_says_which_images_the_installation_itself_has_lost_or_let_decay(self, clinic, tmp_path):
        images = images_of(clinic)
        decayed, _, lost = sorted(images, key=lambda image: place_of(clinic, image).offset)
        with place_of(clinic, decayed).path.open("r+b") as segment:
            segment.truncate(place_of(clinic, lost).offset)
            segment.seek(place_of(clinic, decayed).offset + 200)
            segment.write(b"decay")
        made = created(clinic, tmp_path / "backup")
        assert made.absent == tuple(image.blob_digest for image in images if image in (lost, decayed))
        assert made.blobs == 1
        (verified,) = verify_backups(tmp_path / "backup", progress=quiet)
        assert verified.ok
        assert verified.about is not None
        assert verified.about.absent == made.absent

    def test_while_images_arrive_names_no_image_that_it_does_not_hold(self, hospital, empty_database, tmp_path):
        stop = threading.Event()

        def arrive() -> None:
            for number in itertools.count():
                hospital.images(ct_series(1, 8, 8, study=f"arriving {number}", patient_id="TEST0001"))
                if stop.is_set():
                    return

        with ThreadPoolExecutor(1) as modality:
            arriving = modality.submit(arrive)
            made = [created(hospital, tmp_path / "backup") for _ in range(3)]
            stop.set()
            arriving.result()
        assert [backup.absent for backup in made] == [(), (), ()]
        assert restored(tmp_path / "backup", tmp_path / "new", hospital).blobs == made[-1].blobs
        url = empty_database or f"sqlite:///{tmp_path}/new/index.sqlite"
        back = Database.open(url)
        with back.reading() as session:
            digests = set(session.scalars(select(InstanceRow.blob_digest)))
        back.close()
        assert digests == {path.name for path in blob_files(tmp_path / "new")}

    def test_is_written_into_the_audit(self, hospital, tmp_path):
        name = created(hospital, tmp_path / "backup").name
        with hospital.services.database.reading() as session:
            events = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "backup.created")).all()
        assert [event.object_id for event in events] == [name]

    def test_of_a_damaged_database_is_refused(self, clinic, tmp_path):
        path = Path(make_url(clinic.services.settings.database).database or "")
        clinic.services.database.close()
        with path.open("r+b") as file:
            for page in range(3, 40):  # 4 kB each; the first ones say what the others are
                file.seek(page * 4096)
                file.write(b"\xff" * 200)
        with pytest.raises(DatabaseDamaged, match="was not backed up"):
            created(clinic, tmp_path / "backup")
        assert layout.names(tmp_path / "backup") == []

    def test_inside_the_data_folder_or_among_other_things_is_refused(self, clinic, tmp_path):
        with pytest.raises(PlaceTaken, match="inside the data folder"):
            created(clinic, clinic.services.settings.data / "backup")
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "cat.jpg").touch()
        with pytest.raises(PlaceTaken, match="other things"):
            created(clinic, tmp_path / "photos")

    @pytest.mark.parametrize("engine", ["postgresql"])
    def test_without_pg_dump_says_what_to_install(self, hospital, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ToolFailed, match="pg_dump is not installed"):
            created(hospital, tmp_path / "backup")


@pytest.mark.clause("R7.1")
class TestVerified:
    def test_a_whole_one_is_whole_also_for_sha256sum(self, backup):
        (verified,) = verify_backups(backup, progress=quiet)
        assert verified.ok
        for name in ("SHA256SUMS.sha256", "SHA256SUMS"):
            lists = [f"snapshots/{verified.name}/{name}"]
            subprocess.run(["sha256sum", "--check", "--strict", "--quiet", *lists], cwd=backup, check=True)

    def test_one_flipped_bit_is_found_in_whichever_file(self, backup):
        files = files_of(backup)
        assert len(files) == 7  # three images, database, about.json, both lists
        for path in files:
            flip_one_bit(path)
            (verified,) = verify_backups(backup, progress=quiet)
            assert not verified.ok
            assert verified.faults[0].fault == "changed"
            flip_one_bit(path)
        assert verify_backups(backup, progress=quiet)[0].ok

    def test_one_missing_file_is_found_whichever_it_is(self, backup, tmp_path):
        for path in files_of(backup):
            shutil.move(path, tmp_path / "kept")
            (verified,) = verify_backups(backup, progress=quiet)
            assert not verified.ok
            missing = str(path.relative_to(backup))
            assert [(fault.file, fault.fault) for fault in verified.faults] == [(missing, "missing")]
            shutil.move(tmp_path / "kept", path)

    def test_a_folder_without_backup_is_no_backup(self, tmp_path):
        with pytest.raises(NoBackup):
            verify_backups(tmp_path, progress=quiet)
        with pytest.raises(NoBackup):
            verify_backups(tmp_path / "nowhere", progress=quiet)


class TestRefusedToBringBack:
    def test_into_a_folder_that_holds_anything(self, clinic, backup, tmp_path):
        (tmp_path / "used").mkdir()
        (tmp_path / "used" / "notes.txt").write_text("mine")
        with pytest.raises(PlaceTaken, match="not empty"):
            restored(backup, tmp_path / "used", clinic)
        assert [path.name for path in (tmp_path / "used").iterdir()] == ["notes.txt"]

    @pytest.mark.parametrize("engine", ["postgresql"])
    def test_into_a_postgresql_database_that_holds_anything(self, hospital, empty_database, tmp_path, monkeypatch):
        created(hospital, tmp_path / "backup")
        monkeypatch.setenv("MINGYING_DATABASE_URL", hospital.services.settings.database)
        with pytest.raises(PlaceTaken, match="is not empty"):
            restored(tmp_path / "backup", tmp_path / "new", hospital)
        assert list((tmp_path / "new").iterdir()) == []

    def test_without_keys_or_with_others(self, clinic, backup, tmp_path):
        with pytest.raises(KeysDoNotFit, match="--keys"):
            restore_backup(backup, tmp_path / "new", keys=None, name=None, progress=quiet)
        foreign = json.loads(keys_of(clinic).read_text())
        foreign["field_cipher"]["1"] = foreign["link"]["1"]
        (tmp_path / "foreign.json").touch(0o600)
        (tmp_path / "foreign.json").write_text(json.dumps(foreign))
        with pytest.raises(KeysDoNotFit, match="field_cipher 1"):
            restore_backup(backup, tmp_path / "new", keys=tmp_path / "foreign.json", name=None, progress=quiet)
        assert list((tmp_path / "new").iterdir()) == []

    def test_with_keys_that_were_rotated_since_it_works(self, clinic, backup, tmp_path):
        rotated = json.loads(keys_of(clinic).read_text())
        rotated["field_cipher"]["2"] = rotated["link"]["1"]
        (tmp_path / "rotated.json").touch(0o600)
        (tmp_path / "rotated.json").write_text(json.dumps(rotated))
        back = restore_backup(backup, tmp_path / "new", keys=tmp_path / "rotated.json", name=None, progress=quiet)
        assert back.blobs == 3

    def test_from_a_damaged_backup(self, clinic, backup, tmp_path):
        for path in (blob_files(backup)[1], next(backup.rglob("database.sqlite"))):
            flip_one_bit(path)
            with pytest.raises(BackupDamaged, match="is changed"):
                restored(backup, tmp_path / "new", clinic)
            shutil.move(path, tmp_path / "kept")
            with pytest.raises(BackupDamaged, match="is missing"):
                restored(backup, tmp_path / "new", clinic)
            assert list((tmp_path / "new").iterdir()) == []
            shutil.move(tmp_path / "kept", path)
            flip_one_bit(path)
        assert restored(backup, tmp_path / "new", clinic).blobs == 3

    def test_on_another_kind_of_database_or_store(self, clinic, backup, tmp_path, monkeypatch):
        monkeypatch.setenv("MINGYING_DATABASE_URL", "postgresql+psycopg://nobody@/none")
        with pytest.raises(SettingsDoNotFit, match="sqlite"):
            restored(backup, tmp_path / "new", clinic)
        monkeypatch.delenv("MINGYING_DATABASE_URL")
        monkeypatch.setenv("MINGYING_BLOBS__S3_BUCKET", "images")
        with pytest.raises(SettingsDoNotFit, match="disk"):
            restored(backup, tmp_path / "new", clinic)

    def test_of_a_newer_version(self, clinic, tmp_path):
        with clinic.services.database.writing() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        created(clinic, tmp_path / "backup")
        with pytest.raises(SettingsDoNotFit, match="newer version"):
            restored(tmp_path / "backup", tmp_path / "new", clinic)


class TestCutOff:
    """Killed with -9 in the middle: a pipe in place of one image holds the process there."""

    def start(self, *arguments: object, **settings: str) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MINGYING_")}
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", "backup", *map(str, arguments)],
            env={**environment, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill_when(self, process: subprocess.Popen[bytes], begun) -> None:
        try:
            deadline = time.monotonic() + 60
            while not begun():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def move(self, hospital: SmallHospital, image: InstanceRow, locator: str) -> None:
        """Let the index say that the bytes of an image lie elsewhere."""
        with hospital.services.database.writing() as session:
            session.execute(update(InstanceRow).where(InstanceRow.id == image.id).values(blob_locator=locator))

    def test_while_it_is_made_leaves_nothing_that_verifies(self, clinic, tmp_path):
        settings = clinic.services.settings
        folder, last = tmp_path / "backup", images_of(clinic)[2]
        os.mkfifo(settings.data / "blobs" / "stuck")
        self.move(clinic, last, "stuck")
        process = self.start("create", folder, "--data", settings.data, MINGYING_DATABASE_URL=settings.database)
        self.kill_when(process, lambda: len(blob_files(folder)) == 2)
        assert list((folder / "snapshots").glob(".partial-*/database.sqlite"))
        with pytest.raises(NoBackup):
            verify_backups(folder, progress=quiet)
        with pytest.raises(NoBackup):
            restored(folder, tmp_path / "new", clinic)

        self.move(clinic, last, last.blob_locator)
        made = created(clinic, folder)
        assert (made.blobs, made.copied) == (3, 1)
        assert [path.name for path in (folder / "snapshots").iterdir()] == [made.name]
        assert all(backup.ok for backup in verify_backups(folder, progress=quiet))

    def test_while_it_is_brought_back_leaves_no_installation_and_can_be_begun_again(self, clinic, backup, tmp_path):
        stuck, data = blob_files(backup)[2], tmp_path / "new"
        shutil.move(stuck, tmp_path / "kept")
        os.mkfifo(stuck)
        process = self.start("restore", backup, "--keys", keys_of(clinic), "--data", data)
        self.kill_when(process, lambda: len(blob_files(data / ".restoring")) == 2)
        assert [path.name for path in data.iterdir()] == [".restoring"]

        stuck.unlink()
        shutil.move(tmp_path / "kept", stuck)
        assert restored(backup, data, clinic).blobs == 3
        assert (data / "index.sqlite").exists()


@pytest.mark.clause("R7.1")
class TestOnTheCommandLine:
    def run(self, *arguments: object, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MINGYING_")}
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *map(str, arguments)],
            env={**environment, **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def test_from_the_first_backup_to_the_audit_of_what_was_brought_back(self, clinic, tmp_path):
        sealed(clinic)
        settings, folder, keys = clinic.services.settings, tmp_path / "backup", tmp_path / "safe" / "keys.json"
        here = {"MINGYING_DATABASE_URL": settings.database, "MINGYING_DATA": str(settings.data)}
        made = json.loads(self.run("backup", "create", folder, "--keys", keys, "--json", **here).stdout)
        assert (made["blobs"], made["absent"]) == (3, [])
        assert keys.stat().st_mode & 0o077 == 0
        told = json.loads(self.run("backup", "verify", folder, "--json").stdout)
        assert (told["ok"], told["backups"][0]["name"]) == (True, made["name"])
        data = tmp_path / "new"
        self.run("backup", "restore", folder, "--keys", keys, "--data", data)
        assert "intact" in self.run("audit", "verify", "--data", data).stdout
        parts = {part["part"]: part["ok"] for part in json.loads(self.checked(data))["parts"]}
        assert parts["database"]
        assert parts["blobs"]
        flip_one_bit(blob_files(folder)[0])
        assert "is changed" in self.run("backup", "verify", folder, code=1).stderr

    def checked(self, data: Path) -> str:
        command = [sys.executable, "-m", "api.cli", "check", "--json", "--data", str(data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout

    def test_faults_are_sentences(self, clinic, tmp_path):
        settings = clinic.services.settings
        here = {"MINGYING_DATABASE_URL": settings.database, "MINGYING_DATA": str(settings.data)}
        nothing = self.run("backup", "create", tmp_path / "b", "--data", tmp_path / "fresh", code=1)
        assert "there is no installation" in nothing.stderr
        assert not (tmp_path / "fresh" / "keys.json").exists()
        beside = self.run("backup", "create", tmp_path / "b", "--keys", tmp_path / "b" / "k.json", code=1, **here)
        assert "outside the backup folder" in beside.stderr


def anchored(data: Path, hospital: SmallHospital) -> int:
    return AuditAnchor(data / "audit-anchor", hospital.services.keys.audit).head()
