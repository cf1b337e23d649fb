"""Importing files, folders, ZIP archives and DICOMDIR."""

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from imaging_core.dicom.writing import dicom_file
from imaging_core.ingest import ImportReport, import_paths
from imaging_core.ingest.zipped import ZipLimits
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import ct_instance, ct_series


@pytest.fixture
def archive(tmp_path: Path):
    opened = open_archive(f"sqlite:///{tmp_path / 'index.db'}")
    yield opened
    opened.database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cd" / "deep").mkdir(parents=True)
    return tmp_path / "cd"


def run(archive: Archive, *paths: Path, **options) -> ImportReport:
    return import_paths(paths, archive.ingestor, institution_code=INSTITUTION, **options)


def zipped(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


class TestFolder:
    def test_takes_in_everything_below_and_reports_the_rest(self, archive: Archive, folder: Path):
        for number, content in enumerate(ct_series(3)):
            (folder / "deep" / f"IM{number}").write_bytes(content)
        (folder / "cut.dcm").write_bytes(ct_instance(number=9)[:600])
        (folder / "readme.txt").write_text("CD of the radiology department")
        (folder / "other.dcm").write_bytes(ct_instance(rows=8))
        report = run(archive, folder)
        assert (report.files, report.stored, report.quarantined, report.conflicts) == (6, 3, 1, 1)
        assert [(Path(failed.file).name, failed.reason_code) for failed in report.failed] == [
            ("readme.txt", "not_dicom")
        ]

    def test_once_more_is_harmless(self, archive: Archive, folder: Path):
        (folder / "a.dcm").write_bytes(ct_instance())
        run(archive, folder)
        again = run(archive, folder)
        assert (again.stored, again.already) == (0, 1)

    def test_tells_how_far_it_is(self, archive: Archive, folder: Path):
        for number, content in enumerate(ct_series(3)):
            (folder / f"{number}").write_bytes(content)
        told: list[tuple[int, int]] = []
        run(archive, folder, progress=lambda done, known: told.append((done, known)))
        assert told == [(1, 3), (2, 3), (3, 3)]

    def test_a_path_that_is_not_there_is_a_failed_row(self, archive: Archive, folder: Path):
        [failed] = run(archive, folder / "gone.dcm").failed
        assert failed.reason_code == "not_readable"

    def test_an_instance_over_the_limit_does_not_stop_the_others(self, tmp_path: Path, folder: Path):
        from imaging_core.dicom.limits import Limits

        archive = open_archive(f"sqlite:///{tmp_path / 'i.db'}", limits=Limits(instance_bytes=1500))
        (folder / "a.dcm").write_bytes(ct_instance(rows=100))
        (folder / "b.dcm").write_bytes(ct_instance(number=2))
        report = run(archive, folder)
        assert (report.stored, [failed.reason_code for failed in report.failed]) == (1, ["instance_too_large"])
        archive.database.close()


class TestDicomdir:
    def write(self, folder: Path, *names: list[str]) -> Path:
        records = [
            {"DirectoryRecordType": "IMAGE", "ReferencedFileID": name, "OffsetOfTheNextDirectoryRecord": 0}
            for name in names
        ]
        content = dicom_file(
            {
                "SOPClassUID": "1.2.840.10008.1.3.10",
                "SOPInstanceUID": "1.2.3",
                "FileSetID": "TEST",
                "DirectoryRecordSequence": records,
            }
        )
        (folder / "DICOMDIR").write_bytes(content)
        return folder / "DICOMDIR"

    def test_takes_in_the_files_it_names_and_reports_those_that_are_gone(self, archive: Archive, folder: Path):
        (folder / "deep" / "im1").write_bytes(ct_instance())
        report = run(archive, self.write(folder, ["DEEP", "IM1"], ["DEEP", "IM2"]))
        assert (report.stored, report.files) == (1, 2)
        assert [failed.reason_code for failed in report.failed] == ["not_readable"]

    def test_in_its_folder_no_file_is_taken_twice(self, archive: Archive, folder: Path):
        (folder / "deep" / "IM1").write_bytes(ct_instance())
        self.write(folder, ["deep", "IM1"])
        report = run(archive, folder)
        assert (report.files, report.stored, report.already, report.quarantined) == (1, 1, 0, 0)

    def test_never_leaves_its_folder(self, archive: Archive, folder: Path, tmp_path: Path):
        (tmp_path / "secret").write_bytes(ct_instance())
        report = run(archive, self.write(folder, ["..", "secret"], ["/etc/passwd"]))
        assert report.files == 0

    def test_the_real_one_is_read(self, archive: Archive, shared_data: Path):
        report = run(archive, shared_data / "dicom/dicomdir_two_dates_tiny")
        assert report.stored + report.already == 24
        assert [Path(failed.file).name for failed in report.failed] == ["SOURCE.txt"]


class TestZip:
    def test_takes_in_the_entries(self, archive: Archive, folder: Path):
        one, two = ct_series(2)
        path = zipped(folder / "cd.zip", {"a/IM1": one, "a/IM2": two, "notes.txt": b"nothing"})
        report = run(archive, path)
        assert (report.files, report.stored) == (3, 2)
        assert [(failed.file, failed.reason_code) for failed in report.failed] == [(f"{path}!notes.txt", "not_dicom")]

    def test_an_archive_in_an_archive_is_opened_once(self, archive: Archive, folder: Path):
        inner = zipped(folder / "inner.zip", {"IM1": ct_instance()}).read_bytes()
        middle = zipped(folder / "middle.zip", {"inner.zip": inner}).read_bytes()
        (folder / "inner.zip").unlink()
        assert run(archive, folder / "middle.zip").stored == 1
        report = run(archive, zipped(folder / "outer.zip", {"middle.zip": middle}))
        assert [failed.reason_code for failed in report.failed] == ["zip_too_deep"]

    def test_a_bomb_is_a_failed_row(self, archive: Archive, folder: Path):
        path = zipped(folder / "bomb.zip", {"a": bytes(30_000_000)})
        [failed] = run(archive, path).failed
        assert failed.reason_code == "zip_bomb"

    def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_declares(self, archive: Archive, folder: Path):
        path = zipped(folder / "liar.zip", {"a": bytes(30_000_000)})
        lying = path.read_bytes().replace(struct.pack("<L", 30_000_000), struct.pack("<L", 4000))
        path.write_bytes(lying)
        [failed] = run(archive, path).failed
        assert failed.reason_code in ("not_dicom", "zip_damaged")

    @pytest.mark.parametrize(
        ("limits", "code"),
        [
            (ZipLimits(entries=2), "zip_too_many_entries"),
            (ZipLimits(unpacked_bytes=2000), "zip_too_large"),
            (ZipLimits(depth=0), "zip_too_deep"),
        ],
    )
    def test_beyond_a_limit_nothing_is_unpacked(self, archive: Archive, folder: Path, limits: ZipLimits, code: str):
        path = zipped(folder / "cd.zip", {f"{n}": content for n, content in enumerate(ct_series(3))})
        report = run(archive, path, zip_limits=limits)
        assert (report.stored, [failed.reason_code for failed in report.failed]) == (0, [code])

    def test_names_in_an_archive_are_no_paths(self, archive: Archive, folder: Path, tmp_path: Path):
        report = run(archive, zipped(folder / "cd.zip", {"../../escaped.dcm": ct_instance()}))
        assert report.stored == 1
        assert not list(tmp_path.rglob("escaped*"))

    @pytest.mark.parametrize("kept", [10, 100, 400, 700])
    def test_a_damaged_archive_is_a_failed_row(self, archive: Archive, folder: Path, kept: int):
        path = zipped(folder / "cd.zip", {"a": ct_instance()})
        path.write_bytes(path.read_bytes()[:kept])
        [failed] = run(archive, path).failed
        assert failed.reason_code == "zip_damaged"

    def test_an_entry_that_fails_its_checksum_is_a_failed_row_and_leaves_no_blob(self, archive: Archive, folder: Path):
        first, second = ct_series(2)
        path = zipped(folder / "cd.zip", {"a": first, "b": second}, zipfile.ZIP_STORED)
        content = bytearray(path.read_bytes())
        content[300] ^= 0xFF
        path.write_bytes(content)
        report = run(archive, path)
        assert (report.stored, [failed.reason_code for failed in report.failed]) == (1, ["zip_damaged"])

    def test_an_encrypted_entry_is_a_failed_row(self, archive: Archive, folder: Path):
        path = zipped(folder / "cd.zip", {"a": ct_instance()})
        content = bytearray(path.read_bytes())
        content[6] |= 1
        content[content.rindex(b"PK\1\2") + 8] |= 1
        path.write_bytes(content)
        [failed] = run(archive, path).failed
        assert failed.reason_code == "zip_encrypted"
        assert BytesIO(content).read(2) == b"PK"
