"""All real test material: stored byte for byte, given back as it came, and shown or refused with a reason.

docs/dicom-conformance.md tells what is refused and why; the lists below are what it tells.
"""

from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from imaging_core.blobs import BlobRef
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.ingest import Channel, Origin, StoreOutcome, StoreResult
from tests.builders.hospital import small_hospital

pytestmark = [pytest.mark.integration, pytest.mark.clause("R1.2"), pytest.mark.xdist_group("shared_material")]

AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
UNFILED = {
    "charset/chrSQEncoding.dcm": "no_identifier",
    "charset/chrSQEncoding1.dcm": "no_identifier",
    "htj2k/HTJ2KLossless_08_RGB.dcm": "no_identifier",
    "htj2k/HTJ2K_08_RGB.dcm": "no_identifier",
    "malformed/GH1146.dcm": "pixels_too_short",
    "malformed/GH179A.dcm": "truncated",
    "malformed/GH220.dcm": "no_identifier",
    "malformed/GH223.dcm": "no_identifier",
    "malformed/GH340.dcm": "no_identifier",
    "malformed/MR_truncated.dcm": "truncated",
    "malformed/emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "malformed/nested_priv_SQ.dcm": "no_identifier",
    "malformed/no_meta.dcm": "not_dicom",
    "malformed/rtplan_truncated.dcm": "truncated",
    "malformed/zipMR.gz": "not_dicom",
}
"""What waits in quarantine, and why."""
NOT_SHOWN = {
    "charset/chrJapMulti.dcm": "no_pixels",
    "charset/chrKoreanMulti.dcm": "no_pixels",
    "ct_all_syntaxes/CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm": "retired_transfer_syntax",
    "ct_all_syntaxes/CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm": "retired_transfer_syntax",
    "malformed/ExplVR_BigEndNoMeta.dcm": "no_pixels",
    "malformed/badVR.dcm": "not_decoded",
    "pathology_seg_dx/sm_annotations.dcm": "no_pixels",
}
"""What has no picture, and why."""
SHOWN_AS = frozenset({"image/jpeg", "multipart/related", "application/pdf", "image/svg+xml", "text/html"})
SLOW = frozenset({"seg_image_sm_dots_tiled_full.dcm", "MG1_J2KI"})
"""Seconds each; their kinds are among the others."""
_NOTES = frozenset({".txt", ".md", ".json", ".yaml"})


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, migrated_sqlite, redis_url, knowledge):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "index.sqlite").write_bytes(migrated_sqlite.read_bytes())
    url = f"sqlite:///{folder / 'index.sqlite'}"
    made = small_hospital(folder / "data", database_url=url, redis_url=redis_url, knowledge=knowledge)
    yield made
    made.services.close()


@pytest.fixture(scope="module")
def stored(hospital, shared_data: Path) -> dict[Path, StoreResult]:
    """What became of each file."""
    files = [path for path in sorted((shared_data / "dicom").rglob("*")) if path.is_file()]
    code = hospital.services.settings.hospital.institution_code
    results = {}
    for path in files:
        if path.suffix not in _NOTES:
            with path.open("rb") as content:
                results[path.relative_to(shared_data / "dicom")] = hospital.services.ingestor.store_instance(
                    content, institution_code=code, origin=Origin(Channel.IMPORT, "shared")
                )
    return results


def address(result: StoreResult) -> str:
    return (
        f"/dicom-web/studies/{result.study_instance_uid}/series/{result.series_instance_uid}"
        f"/instances/{result.sop_instance_uid}"
    )


@pytest.fixture(scope="module")
def browser(hospital):
    client = hospital.browser()
    client.headers.update(hospital.machine_key("retrieve"))
    return client


def test_every_file_is_kept_byte_for_byte(hospital, stored, shared_data):
    """Those that cannot be filed, and further content of a UID, are kept as well; a resend is the same instance."""
    services = hospital.services
    with services.database.reading() as session:
        columns = [(row.blob_digest, row.blob_size, row.blob_locator) for row in (InstanceRow, QuarantineRow)]
        kept = {row.blob_digest: BlobRef(*row) for found in columns for row in session.execute(select(*found))}
    for path, result in stored.items():
        if result.outcome is not StoreOutcome.ALREADY_STORED:
            content = (shared_data / "dicom" / path).read_bytes()
            assert result.digest == sha256(content).hexdigest(), path
            assert b"".join(services.blobs.read(kept[result.digest])) == content, path
    assert len(stored) > 400
    unfiled = {str(path): r.reason_code for path, r in stored.items() if r.outcome is StoreOutcome.QUARANTINED}
    assert unfiled == UNFILED


def test_what_is_served_is_what_came(stored, shared_data, browser):
    for path, result in stored.items():
        if result.outcome is StoreOutcome.STORED:
            answer = browser.get(address(result), headers={"Accept": AS_STORED})
            assert answer.status_code == 200, path
            boundary = b"--" + answer.headers["content-type"].split("boundary=")[1].encode()
            body = answer.content.partition(b"\r\n\r\n")[2].rpartition(b"\r\n" + boundary + b"--")[0]
            assert sha256(body).hexdigest() == result.digest, path


def test_each_is_shown_or_refused_with_its_reason(stored, browser):
    refused, alike = {}, Counter[tuple[str, str]]()
    for path, result in stored.items():
        if result.outcome is not StoreOutcome.STORED or path.name in SLOW:
            continue
        # slices of one series are decoded alike: some of each will do
        alike[path.parts[0], result.series_instance_uid] += 1
        if alike[path.parts[0], result.series_instance_uid] > 12:
            continue
        answer = browser.get(f"{address(result)}/rendered?viewport=96,96")
        if answer.status_code == 200:
            assert answer.headers["content-type"].partition(";")[0] in SHOWN_AS, path
        else:
            assert answer.status_code == 406, (path, answer.text)
            refused[str(path)] = answer.json()["reason_code"]
    assert refused == NOT_SHOWN
