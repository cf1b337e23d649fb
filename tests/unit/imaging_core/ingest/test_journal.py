"""Imports that were stopped and go on: what is done is not read again, and nothing is taken for done that is not."""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from imaging_core.blobs import SegmentBlobStore
from imaging_core.index.tables import InstanceRow
from imaging_core.ingest import ImportReport, import_paths
from imaging_core.ingest.journal import ImportJournal, open_journal
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import ct_instance, ct_series

pytestmark = pytest.mark.clause("R1.2")


class Counting:
    """An ingestor that counts what is handed to it."""

    def __init__(self, archive: Archive) -> None:
        self._ingestor = archive.ingestor
        self.asked = 0

    def store_instance(self, content, *, institution_code, origin):
        self.asked += 1
        return self._ingestor.store_instance(content, institution_code=institution_code, origin=origin)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = open_archive(f"sqlite:///{tmp_path / 'index.db'}", SegmentBlobStore(tmp_path / "blobs"))
    yield opened
    opened.database.close()


@pytest.fixture
def journal(archive: Archive, tmp_path: Path) -> Iterator[ImportJournal]:
    with open_journal(
        tmp_path / "imports.sqlite", institution_code=INSTITUTION, reads=archive.database.reads
    ) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cd").mkdir()
    return tmp_path / "cd"


def run(archive: Archive, journal: ImportJournal, path: Path) -> tuple[ImportReport, int]:
    """Import; return the report, and how many instances were read to their end."""
    counting = Counting(archive)
    return import_paths([path], counting, institution_code=INSTITUTION, journal=journal), counting.asked


class TestFolder:
    def test_what_is_done_is_counted_and_not_read(self, archive, journal, folder):
        for number, content in enumerate(ct_series(3)):
            (folder / f"{number}.dcm").write_bytes(content)
        (folder / "cut.dcm").write_bytes(ct_instance(number=9)[:600])
        (folder / "notes.txt").write_text("nothing")
        first, asked = run(archive, journal, folder)
        assert (first.stored, first.quarantined, first.skipped, asked) == (3, 1, 0, 4)
        (folder / "new.dcm").write_bytes(ct_instance(number=10))
        again, asked = run(archive, journal, folder)
        assert (again.files, again.stored, again.already, again.quarantined, again.skipped) == (6, 1, 3, 1, 4)
        assert [failed.reason_code for failed in again.failed] == ["not_dicom"]
        assert asked == 1

    def test_another_disc_with_equal_names_sizes_and_times_is_read(self, archive, journal, folder):
        by_size: dict[int, list[bytes]] = {}
        for content in ct_series(12):
            by_size.setdefault(len(content), []).append(content)
        for content in max(by_size.values(), key=len)[:2]:
            (folder / "IM1").write_bytes(content)
            os.utime(folder / "IM1", ns=(0, 0))
            report, asked = run(archive, journal, folder)
            assert (report.stored, asked) == (1, 1)

    def test_what_the_index_no_longer_knows_is_read(self, archive, journal, folder):
        (folder / "a.dcm").write_bytes(ct_instance())
        run(archive, journal, folder)
        with archive.database.writing() as session:
            session.execute(delete(InstanceRow))
        report, asked = run(archive, journal, folder)
        assert (report.skipped, asked) == (0, 1)

    def test_another_institution_has_its_own_lines(self, archive, journal, folder, tmp_path):
        (folder / "a.dcm").write_bytes(ct_instance())
        run(archive, journal, folder)
        other = open_journal(tmp_path / "imports.sqlite", institution_code="other", reads=archive.database.reads)
        with other as lines:
            assert run(archive, lines, folder)[1] == 1

    def test_after_sigkill_it_goes_on_where_it_was(self, archive, journal, folder, tmp_path):
        for number, content in enumerate(ct_series(400)):
            (folder / f"{number:03}.dcm").write_bytes(content)
        script = (
            "import sys; from pathlib import Path; from imaging_core.blobs import SegmentBlobStore\n"
            "from imaging_core.ingest import import_paths; from imaging_core.ingest.journal import open_journal\n"
            "from tests.builders.archive import open_archive, INSTITUTION\n"
            "home = Path(sys.argv[1]); archive = open_archive(f'sqlite:///{home}/index.db', SegmentBlobStore(home / 'blobs'))\n"
            "def told(done, _known):\n    print(done, flush=True)\n"
            "with open_journal(home / 'imports.sqlite', institution_code=INSTITUTION, reads=archive.database.reads) as j:\n"
            "    import_paths([home / 'cd'], archive.ingestor, institution_code=INSTITUTION, progress=told, journal=j)\n"
        )
        root = Path(__file__).parents[4]
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
        ) as killed:
            assert killed.stdout is not None
            for line in killed.stdout:
                if int(line) >= 60:
                    break
            killed.send_signal(signal.SIGKILL)
        report, asked = run(archive, journal, folder)
        assert (report.files, report.stored + report.already) == (400, 400)
        assert 60 <= report.skipped < 400
        # at most the one file that was under way is read a second time
        assert report.stored <= asked <= report.stored + 1
        assert asked == 400 - report.skipped


class TestZip:
    def pack(self, path: Path, entries: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return path

    def test_an_archive_that_was_taken_in_whole_is_not_opened(self, archive, journal, folder):
        inner = self.pack(folder / "inner.zip", {"IM1": ct_instance(number=1)}).read_bytes()
        (folder / "inner.zip").unlink()
        path = self.pack(folder / "cd.zip", {"inner.zip": inner, "IM2": ct_instance(number=2)})
        first, _ = run(archive, journal, path)
        mark = path.stat().st_mtime_ns
        # the entries' bytes are gone: only beginning and end are looked at
        data = bytearray(path.read_bytes())
        data[1100:1400] = bytes(300)
        path.write_bytes(data)
        os.utime(path, ns=(mark, mark))
        again, asked = run(archive, journal, path)
        assert (first.files, first.stored) == (2, 2)
        assert (again.files, again.already, again.skipped, asked) == (2, 2, 2, 0)

    def test_only_entries_that_are_not_done_are_read(self, archive, journal, folder):
        one, two, three = ct_series(3)
        self.pack(folder / "cd.zip", {"IM1": one, "IM2": two, "readme": b"nothing"})
        run(archive, journal, folder)
        self.pack(folder / "cd.zip", {"IM1": one, "IM2": three, "readme": b"nothing"})
        report, asked = run(archive, journal, folder)
        assert (report.files, report.stored, report.skipped, asked) == (3, 1, 1, 1)

    def test_lines_of_an_earlier_archive_of_this_name_are_not_counted(self, archive, journal, folder):
        one, two = ct_series(2)
        self.pack(folder / "cd.zip", {"IM1": one, "IM2": two})
        run(archive, journal, folder)
        self.pack(folder / "cd.zip", {"IM1": one})
        assert [run(archive, journal, folder)[0].files for _ in range(2)] == [1, 1]
