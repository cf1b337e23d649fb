"""The one way in, on SQLite and PostgreSQL."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select

from imaging_core.blobs import BlobRef
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.writing import file_meta
from imaging_core.errors import InstanceTooLarge
from imaging_core.index import feed, queries
from imaging_core.index.tables import ChangeRow, InstanceRow, QuarantineRow, SeriesRow, StudyRow
from imaging_core.ingest import StoreOutcome
from tests.builders.archive import INSTITUTION, ORIGIN, Archive, open_archive
from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, ct_series, instance_uid, study_uid

pytestmark = pytest.mark.integration


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def archive(url: str) -> Iterator[Archive]:
    opened = open_archive(url)
    yield opened
    opened.database.close()


def kept(archive: Archive, row: InstanceRow) -> bytes:
    return b"".join(archive.blobs.read(BlobRef(row.blob_digest, row.blob_size, row.blob_locator)))


class TestStored:
    def test_keeps_the_bytes_as_received_and_files_them(self, archive: Archive):
        content = ct_instance()
        [result] = archive.store(content)
        assert result.outcome is StoreOutcome.STORED
        assert result.digest == hashlib.sha256(content).hexdigest()
        assert (result.sop_instance_uid, result.study_instance_uid) == (instance_uid(), study_uid())
        with archive.database.reading() as session:
            study = queries.study(session, INSTITUTION, study_uid())
            assert study is not None
            assert (study.patient_name, study.modalities, study.instance_count) == ("测试^患者", ["CT"], 1)
            instance = queries.instance(session, INSTITUTION, study_uid(), instance_uid())
            assert instance is not None
            assert kept(archive, instance) == content
            assert (instance.rows, instance.columns, instance.number_of_frames) == (4, 4, 1)

    def test_counts_series_and_instances(self, archive: Archive):
        archive.store(
            *ct_series(3), *ct_series(2, series="other"), ct_instance(series="sr", Modality="SR", PixelData=None)
        )
        with archive.database.reading() as session:
            study = queries.study(session, INSTITUTION, study_uid())
            assert study is not None
            assert (study.series_count, study.instance_count, study.modalities) == (3, 6, ["CT", "SR"])
            assert sorted(row.instance_count for row in queries.series_of(session, study)) == [1, 2, 3]

    def test_one_study_uid_at_two_institutions_is_two_studies(self, archive: Archive):
        archive.store(ct_instance())
        [other] = archive.store(ct_instance(), institution_code="OTHER")
        assert other.outcome is StoreOutcome.STORED
        with archive.database.reading() as session:
            assert session.scalars(select(func.count()).select_from(StudyRow)).one() == 2

    def test_says_so_in_the_feed_in_the_same_transaction(self, archive: Archive):
        archive.store(*ct_series(2))
        with archive.database.reading() as session:
            changes = feed.read_after(session, "derive")
            assert [(row.kind, row.subject) for row in changes] == [
                ("instance_stored", instance_uid(number=1)),
                ("instance_stored", instance_uid(number=2)),
            ]
            assert feed.last_image_change(session, INSTITUTION, study_uid()) == changes[-1].sequence

    def test_an_overlong_text_is_cut_in_the_index_and_kept_in_the_bytes(self, archive: Archive):
        content = ct_instance(StudyDescription="很长" * 200, PatientID="P" * 64, BodyPartExamined="B" * 16)
        assert archive.store(content)[0].outcome is StoreOutcome.STORED
        with archive.database.reading() as session:
            row = queries.instance(session, INSTITUTION, study_uid(), instance_uid())
            assert row is not None
            assert kept(archive, row) == content

    def test_a_name_with_control_characters_does_not_upset_the_database(self, archive: Archive):
        content = ct_instance(patient_name="A^B").replace(b"A^B ", b"A\x00\x1b\x01")
        assert archive.store(content)[0].outcome is StoreOutcome.STORED


class TestAlreadyStored:
    def test_the_same_bytes_again_change_nothing(self, archive: Archive):
        archive.store(ct_instance())
        [again] = archive.store(ct_instance())
        assert again.outcome is StoreOutcome.ALREADY_STORED
        with archive.database.reading() as session:
            assert session.scalars(select(func.count()).select_from(ChangeRow)).one() == 1
            assert session.scalars(select(func.count()).select_from(InstanceRow)).one() == 1

    def test_the_same_data_set_behind_another_file_header_is_the_same_instance(self, archive: Archive):
        content = ct_instance()
        meta = file_meta(
            sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=instance_uid(), transfer_syntax_uid="1.2.840.10008.1.2.1"
        )
        assert content.startswith(meta)
        archive.store(content)
        [again] = archive.store(b"other preamble".ljust(128) + content[128:])
        assert again.outcome is StoreOutcome.ALREADY_STORED

    def test_a_conflicting_revision_sent_again_is_known_too(self, archive: Archive):
        archive.store(ct_instance(), ct_instance(rows=8))
        assert archive.store(ct_instance(rows=8))[0].outcome is StoreOutcome.ALREADY_STORED


class TestConflict:
    def test_both_are_kept_the_first_stays_current_and_a_person_is_asked(self, archive: Archive):
        first, second = ct_instance(), ct_instance(rows=8)
        assert [result.outcome for result in archive.store(first, second)] == [
            StoreOutcome.STORED,
            StoreOutcome.CONFLICT_KEPT,
        ]
        with archive.database.reading() as session:
            rows = session.scalars(select(InstanceRow).order_by(InstanceRow.revision)).all()
            assert [(row.revision, row.current, row.conflict) for row in rows] == [(1, True, True), (2, False, True)]
            assert [kept(archive, row) for row in rows] == [first, second]
            assert [row.kind for row in feed.read_after(session, "c")] == ["instance_stored", "instance_conflict"]
            study = queries.study(session, INSTITUTION, study_uid())
            assert study is not None
            assert study.instance_count == 1

    def test_an_instance_that_moved_to_another_study_is_a_conflict_and_opens_no_study(self, archive: Archive):
        archive.store(ct_instance())
        [moved] = archive.store(ct_instance(study="other", SOPInstanceUID=instance_uid()))
        assert moved.outcome is StoreOutcome.CONFLICT_KEPT
        with archive.database.reading() as session:
            found = session.scalars(select(StudyRow.study_instance_uid).where(StudyRow.instance_count > 0)).all()
            assert found == [study_uid()]


class TestQuarantined:
    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "not_dicom"),
            (b"<html>no image here</html>", "not_dicom"),
            (ct_instance()[:-1], "truncated"),
            (ct_instance()[:400], "truncated"),
            (ct_instance()[:132], "truncated"),
            (ct_instance(StudyInstanceUID=None), "no_identifier"),
            (ct_instance(Rows=400), "pixels_too_short"),
        ],
    )
    def test_bytes_and_reason_are_kept_for_a_person(self, archive: Archive, content: bytes, code: str):
        [result] = archive.store(content)
        assert (result.outcome, result.reason_code) == (StoreOutcome.QUARANTINED, code)
        assert result.reason
        with archive.database.reading() as session:
            row = session.scalars(select(QuarantineRow)).one()
            assert row.reason_code == code
            assert b"".join(archive.blobs.read(BlobRef(row.blob_digest, row.blob_size, row.blob_locator))) == content
            assert session.scalars(select(func.count()).select_from(InstanceRow)).one() == 0

    def test_the_same_bytes_again_wait_once(self, archive: Archive):
        archive.store(b"junk", b"junk")
        with archive.database.reading() as session:
            assert session.scalars(select(func.count()).select_from(QuarantineRow)).one() == 1

    def test_every_malformed_file_is_answered_and_none_is_lost(self, archive: Archive, shared_data: Path):
        files = [file for file in (shared_data / "dicom/malformed").iterdir() if file.name != "SOURCE.txt"]
        assert len(files) == 19
        outcomes = {file.name: archive.store(file.read_bytes())[0] for file in files}
        for file in files:
            assert (
                b"".join(
                    archive.blobs.read(
                        BlobRef(outcomes[file.name].digest, file.stat().st_size, outcomes[file.name].digest)
                    )
                )
                == file.read_bytes()
            )
        quarantined = {name for name, result in outcomes.items() if result.outcome is StoreOutcome.QUARANTINED}
        assert {"MR_truncated.dcm", "rtplan_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"} <= quarantined
        assert {"badVR.dcm", "explicit_VR-UN.dcm", "GH195.dcm", "ExplVR_BigEndNoMeta.dcm"}.isdisjoint(quarantined)


class TestLimits:
    def test_an_instance_over_the_limit_is_refused_and_leaves_no_trace(self, url: str):
        archive = open_archive(url, limits=Limits(instance_bytes=1000))
        with pytest.raises(InstanceTooLarge):
            archive.store(ct_instance(rows=40))
        with archive.database.reading() as session:
            assert session.scalars(select(func.count()).select_from(QuarantineRow)).one() == 0
        archive.database.close()


class TestAtTheSameTime:
    def test_eight_threads_storing_one_series_store_each_instance_once(self, archive: Archive):
        contents = ct_series(12)
        with ThreadPoolExecutor(8) as threads:
            results = [
                result for batch in threads.map(lambda _: archive.store(*contents), range(8)) for result in batch
            ]
        outcomes = [result.outcome for result in results]
        assert outcomes.count(StoreOutcome.STORED) == 12
        assert outcomes.count(StoreOutcome.ALREADY_STORED) == 84
        with archive.database.reading() as session:
            study = session.scalars(select(StudyRow)).one()
            assert (study.instance_count, study.series_count) == (12, 1)
            assert session.scalars(select(SeriesRow.instance_count)).one() == 12
            assert session.scalars(select(func.count()).select_from(ChangeRow)).one() == 12

    def test_two_contents_of_one_uid_at_once_leave_one_current(self, archive: Archive):
        contents = [ct_instance(rows=rows, study=f"s{rows}", SOPInstanceUID=instance_uid()) for rows in range(4, 12)]
        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(lambda content: archive.store(content)[0].outcome, contents))
        assert results.count(StoreOutcome.STORED) == 1
        assert results.count(StoreOutcome.CONFLICT_KEPT) == 7
        with archive.database.reading() as session:
            assert session.scalars(select(func.count()).select_from(InstanceRow).where(InstanceRow.current)).one() == 1

    def test_a_consumer_never_passes_a_change_that_is_committed_late(self, archive: Archive):
        seen: list[int] = []
        done = threading.Event()

        def consume() -> None:
            last_round = False
            while not last_round:
                last_round = done.is_set()
                with archive.database.writing() as session:
                    for row in feed.read_after(session, "derive"):
                        seen.append(row.sequence)
                        feed.advance(session, "derive", row.sequence)

        consumer = threading.Thread(target=consume)
        consumer.start()
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda n: archive.store(ct_instance(study=f"s{n % 5}", number=n)), range(60)))
        done.set()
        consumer.join()
        with archive.database.reading() as session:
            assert seen == list(session.scalars(select(ChangeRow.sequence).order_by(ChangeRow.sequence)))
        assert len(seen) == 60


class TestStreaming:
    def test_a_large_upload_does_not_sit_in_memory(self, tmp_path: Path):
        import tracemalloc

        from imaging_core.blobs import SegmentBlobStore

        archive = open_archive(
            f"sqlite:///{tmp_path / 'i.db'}", SegmentBlobStore(tmp_path / "b"), Limits(instance_bytes=10**12)
        )
        head = ct_instance()[: -32 - 12]

        class Upload:
            """A CT header that promises 128 MiB of pixels, made while it is read."""

            left = 128 * 1024 * 1024
            start = BytesIO(head + b"\xe0\x7f\x10\x00OW\0\0" + left.to_bytes(4, "little"))

            def read(self, size: int = -1) -> bytes:
                if piece := self.start.read(size):
                    return piece
                count = min(size, self.left)
                self.left -= count
                return b"\0" * count

        tracemalloc.start()
        result = archive.ingestor.store_instance(Upload(), institution_code=INSTITUTION, origin=ORIGIN)  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert result.outcome is StoreOutcome.STORED
        assert peak < 24 * 1024 * 1024
        archive.database.close()
