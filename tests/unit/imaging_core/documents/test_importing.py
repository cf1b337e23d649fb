"""Files that are no DICOM on their way in: whose they are, what is refused, and what waits for a study."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from imaging_core.documents.importing import DocumentImporter
from imaging_core.documents.naming import Told
from imaging_core.documents.sniffing import MediaType
from imaging_core.documents.store import documents_of
from imaging_core.index.tables import QuarantineRow, StudyRow
from imaging_core.ingest import ImportReport, import_paths
from imaging_core.ingest.journal import open_journal
from tests.builders.archive import INSTITUTION, NOON, Archive, open_archive
from tests.builders.dicom import ct_instance, study_uid
from tests.builders.foreign import pdf, picture, video

pytestmark = pytest.mark.clause("R1.2")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = open_archive(f"sqlite:///{tmp_path / 'index.db'}")
    opened.store(
        ct_instance(study="one", accession_number="ACC0001"), ct_instance(study="two", accession_number="ACC0002")
    )
    yield opened
    opened.database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def run(archive: Archive, folder: Path, told: Told | None = None) -> ImportReport:
    importer = DocumentImporter(
        blobs=archive.blobs,
        writes=archive.database.writes,
        institution_code=INSTITUTION,
        shown_bytes=1024 * 1024,
        instance_bytes=4 * 1024 * 1024,
        clock=lambda: NOON,
        told=told or Told(),
    )
    with open_journal(
        folder.parent / "imports.sqlite", institution_code=INSTITUTION, reads=archive.database.reads
    ) as journal:
        return import_paths(
            [folder], archive.ingestor, institution_code=INSTITUTION, journal=journal, documents=importer
        )


def attached(archive: Archive, study: str) -> list[tuple[str, str, bytes]]:
    """Return type, title and bytes of what a study has."""
    with archive.database.reading() as session:
        row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study_uid(study))).one()
        found = documents_of(session, row, tuple(MediaType))
    return [(str(item.media_type), item.title, b"".join(archive.blobs.read(item.blob))) for item in found]


def waiting(archive: Archive) -> list[str]:
    with archive.database.reading() as session:
        return list(session.scalars(select(QuarantineRow.reason_code).where(QuarantineRow.resolved_at.is_(None))))


class TestWhose:
    def test_the_accession_number_in_the_name(self, archive, folder):
        (folder / "ACC0001.pdf").write_bytes(pdf())
        (folder / "胃镜_ACC0002_3.jpg").write_bytes(picture("JPEG"))
        (folder / "ACC0002-超声.mp4").write_bytes(video())
        report = run(archive, folder)
        assert (report.files, report.stored, report.documents, report.failed) == (3, 3, 3, [])
        assert attached(archive, "one") == [("application/pdf", "电子报告单", pdf())]
        assert {(kind, content) for kind, _, content in attached(archive, "two")} == {
            ("image/jpeg", picture("JPEG")),
            ("video/mp4", video()),
        }

    def test_what_the_caller_says_counts_before_the_name(self, archive, folder):
        (folder / "ACC0001.png").write_bytes(picture())
        run(archive, folder, Told(accession_number="ACC0002"))
        assert attached(archive, "one") == []
        assert len(attached(archive, "two")) == 1

    @pytest.mark.parametrize(
        "content",
        [
            "file,accession_number,title\nx.png,ACC0002,手术照片\n".encode(),
            "\ufeff文件;标题;检查号\nx.png;手术照片;ACC0002\n".encode(),
            "文件\t检查号\t标题\r\nx.png\tACC0002\t手术照片\r\n".encode("gb18030"),
            f"file,study_instance_uid,title\nx.png,{study_uid('two')},手术照片\n".encode(),
        ],
        ids=["english", "chinese", "gb18030", "uid"],
    )
    def test_a_list_beside_it(self, archive, folder, content):
        (folder / "list.csv").write_bytes(content)
        (folder / "x.png").write_bytes(picture())
        report = run(archive, folder)
        assert (report.files, report.failed) == (1, [])
        assert attached(archive, "two") == [("image/png", "手术照片", picture())]

    def test_what_a_list_names_and_is_not_there_is_told(self, archive, folder):
        (folder / "list.csv").write_text("file,accession_number\nx.png,ACC0002\n../ACC0001.pdf,ACC0001\n")
        assert [failed.reason_code for failed in run(archive, folder).failed] == ["named_file_missing"] * 2

    def test_another_csv_is_no_document(self, archive, folder):
        (folder / "list.csv").write_text("name,age\nx,1\n")
        assert [failed.reason_code for failed in run(archive, folder).failed] == ["not_dicom"]

    def test_in_a_zip_with_its_list_and_only_once(self, archive, folder):
        with zipfile.ZipFile(folder / "a.zip", "w") as packed:
            packed.writestr("in/list.csv", "file,accession_number\nx.png,ACC0002\n")
            packed.writestr("in/x.png", picture())
            packed.writestr("ACC0001.dcm", ct_instance(study="one", number=2))
        first, again = run(archive, folder), run(archive, folder)
        assert (first.files, first.stored, first.documents) == (2, 2, 1)
        assert (again.files, again.already, again.skipped, again.failed) == (2, 2, 2, [])
        assert len(attached(archive, "two")) == 1


class TestWaiting:
    def test_without_a_study_it_is_kept_and_attached_when_the_study_came(self, archive, folder):
        (folder / "ACC0003.pdf").write_bytes(pdf())
        for _ in range(2):
            report = run(archive, folder)
            assert (report.quarantined, [item.reason_code for item in report.waiting]) == (1, ["no_study"])
        assert waiting(archive) == ["no_study"]
        archive.store(ct_instance(study="three", accession_number="ACC0003"))
        assert run(archive, folder).documents == 1
        assert waiting(archive) == []
        assert attached(archive, "three") == [("application/pdf", "电子报告单", pdf())]

    def test_a_number_of_two_studies_decides_nothing(self, archive, folder):
        archive.store(ct_instance(study="more", accession_number="ACC0001"))
        (folder / "ACC0001.pdf").write_bytes(pdf())
        assert [item.reason_code for item in run(archive, folder).waiting] == ["several_studies"]

    def test_two_numbers_in_one_name_decide_nothing(self, archive, folder):
        (folder / "ACC0001_ACC0002.pdf").write_bytes(pdf())
        assert [item.reason_code for item in run(archive, folder).waiting] == ["several_studies"]

    def test_a_study_of_another_hospital_is_none(self, archive, folder):
        archive.store(ct_instance(study="x", accession_number="ACC0009"), institution_code="OTHER")
        (folder / "ACC0009.pdf").write_bytes(pdf())
        assert [item.reason_code for item in run(archive, folder).waiting] == ["no_study"]


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "content", "code"),
        [
            ("ACC0001.pdf", pdf("/JavaScript"), "document_active_content"),
            ("ACC0001.png", picture()[:-3], "document_damaged"),
            ("ACC0001.png", picture() + b"PK\3\4", "document_damaged"),
            ("ACC0001.mp4", video()[:-2], "document_damaged"),
            ("ACC0001.mp4", b"\0\0\0\x10ftypisom\0\0\0\0", "document_damaged"),
            ("ACC0001.mp4", b"\0\0\0\0ftyp" + bytes(40), "document_damaged"),
            ("ACC0001.tif", b"II*\0" + bytes(40), "document_no_reader"),
            ("ACC0001.mrxs", b"x", "document_several_files"),
            ("ACC0001.pdf", pdf("x" * 1024 * 1024), "document_too_large"),
            ("ACC0001.txt", b"nothing", "not_dicom"),
            ("ACC0001.pdf", b"", "not_dicom"),
        ],
    )
    def test_with_its_reason_and_nothing_is_kept(self, archive, folder, name, content, code):
        (folder / name).write_bytes(content)
        assert [failed.reason_code for failed in run(archive, folder).failed] == [code]
        assert attached(archive, "one") == []
        assert waiting(archive) == []

    def test_a_video_that_pretends_to_be_longer_is_not_followed(self, archive, folder):
        (folder / "ACC0001.mp4").write_bytes(b"\0\0\0\1ftyp" + b"\x7f" * 8 + bytes(40))
        assert [failed.reason_code for failed in run(archive, folder).failed] == ["document_damaged"]

    def test_a_slide_is_looked_at_by_who_reads_slides(self, archive, folder):
        class Refusing:
            def check(self, blob):
                from imaging_core.documents.errors import DocumentTypeRefused, RefusalReason

                assert b"".join(archive.blobs.read(blob)).startswith(b"II*")
                raise DocumentTypeRefused(RefusalReason.NO_SLIDE)

        importer = DocumentImporter(
            blobs=archive.blobs, writes=archive.database.writes, institution_code=INSTITUTION, shown_bytes=99,
            instance_bytes=99, clock=lambda: NOON, slides=Refusing(),
        )  # fmt: skip
        (folder / "ACC0001.tif").write_bytes(b"II*\0" + bytes(40))
        report = import_paths([folder], archive.ingestor, institution_code=INSTITUTION, documents=importer)
        assert [failed.reason_code for failed in report.failed] == ["document_no_slide"]
