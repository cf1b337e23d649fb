"""STOW-RS: dicomweb-client and raw requests against a real server."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pydicom
import pytest
import requests
import structlog
from dicomweb_client.api import DICOMwebClient
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.index import queries
from imaging_core.index.tables import InstanceRow, StudyRow
from tests.builders.dicom import ct_instance, ct_series, instance_uid, study_uid
from tests.builders.hospital import served, small_hospital
from tests.builders.routes import BOUNDARY, related

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

MIB = 1024**2
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@pytest.fixture
def base(hospital) -> Iterator[str]:
    with served(hospital) as address:
        yield address


@pytest.fixture
def key(hospital) -> dict[str, str]:
    """A key that was found a moment ago: its requests take the express lane as far as they fit it."""
    key = hospital.machine_key("stow")
    assert hospital.services.machine_keys.find(key["Authorization"]) is not None
    return key


def dataset(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))


def stow(
    base: str, body: bytes | Iterator[bytes], headers: dict[str, str], *, study: str = "", content_type: str = TYPE
):
    session = requests.Session()
    session.trust_env = False
    address = f"{base}/dicom-web/studies" + (f"/{study}" if study else "")
    return session.post(address, data=body, headers={"Content-Type": content_type, **headers}, timeout=60)


def reasons(answer) -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json()["00081198"]["Value"]]


def stored(answer) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json()["00081199"]["Value"]]


class TestClient:
    @pytest.fixture
    def key(self, hospital) -> dict[str, str]:
        """A key nobody has used yet: its first request goes the common way."""
        return hospital.machine_key("stow")

    def client(self, base: str, key: dict[str, str]) -> DICOMwebClient:
        session = requests.Session()
        session.trust_env = False
        return DICOMwebClient(url=f"{base}/dicom-web", session=session, headers=key)

    def test_stores_a_study_that_is_then_here_byte_for_byte(self, hospital, base, key):
        sent = ct_series(5, study="sent")
        answer = self.client(base, key).store_instances([dataset(content) for content in sent])
        assert len(answer.ReferencedSOPSequence) == 5
        assert "FailedSOPSequence" not in answer
        with hospital.services.database.reading() as session:
            study = queries.study(session, hospital.institution_code, study_uid("sent"))
            row = queries.instance(
                session, hospital.institution_code, study_uid("sent"), instance_uid("sent", "series", 3)
            )
        assert study is not None
        assert study.instance_count == 5
        kept = b"".join(hospital.services.blobs.read(hospital.services.blob_ref(row)))
        assert dataset(kept).PixelData == dataset(sent[2]).PixelData

    def test_stores_it_into_the_study_it_names(self, base, key):
        sent = dataset(ct_instance(study="named"))
        answer = self.client(base, key).store_instances([sent], study_instance_uid=study_uid("named"))
        assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == sent.SOPInstanceUID

    def test_says_where_each_can_be_retrieved(self, hospital, base, key):
        address = hospital.services.settings.base_url
        answer = stow(base, related(ct_instance(study="fetched")), key)
        [said] = answer.json()["00081199"]["Value"]
        path = said["00081190"]["Value"][0].removeprefix(address)
        fetched = requests.get(base + path, headers={**hospital.machine_key("retrieve")}, timeout=20)
        assert fetched.status_code == 200
        assert ct_instance(study="fetched") in fetched.content

    def test_may_send_the_same_twice(self, base, key):
        sent = [dataset(ct_instance(study="twice"))]
        for _ in range(2):
            assert len(self.client(base, key).store_instances(sent).ReferencedSOPSequence) == 1


class TestOutcomes:
    def test_a_mixed_request_says_for_each_instance_what_became_of_it(self, base, key):
        good, other = ct_instance(study="mixed", number=1), ct_instance(study="mixed", number=2)
        conflict = ct_instance(study="mixed", number=1, window=(1, 2))
        answer = stow(base, related(good, b"no DICOM at all", other, conflict), key)
        assert answer.status_code == 202
        assert answer.headers["content-type"] == "application/dicom+json"
        assert stored(answer) == [instance_uid("mixed", "series", 1), instance_uid("mixed", "series", 2)]
        assert reasons(answer) == [0xC000, 0x0110]
        assert answer.json()["00081198"]["Value"][1]["00081155"]["Value"] == [instance_uid("mixed", "series", 1)]

    def test_what_is_no_dicom_is_refused_kept_apart_and_noted(self, hospital, base, key):
        answer = stow(base, related(b"no DICOM at all"), key)
        assert (answer.status_code, reasons(answer)) == (409, [0xC000])
        with hospital.services.database.reading() as session:
            event = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "instances.received")).one()
        assert event.detail == {"quarantined": 1}
        assert event.actor.startswith("key:")

    def test_an_instance_of_another_study_is_refused_and_not_stored(self, hospital, base, key):
        mine, other = ct_instance(study="mine"), ct_instance(study="others")
        answer = stow(base, related(mine, other), key, study=study_uid("mine"))
        assert (answer.status_code, reasons(answer)) == (202, [0xC409])
        assert stored(answer) == [instance_uid("mine", "series", 1)]
        with hospital.services.database.reading() as session:
            assert queries.study(session, hospital.institution_code, study_uid("others")) is None

    def test_a_truncated_instance_is_kept_apart(self, base, key):
        answer = stow(base, related(ct_instance(64, 64, study="cut")[:-500]), key)
        assert (answer.status_code, reasons(answer)) == (409, [0xC000])


class TestExpressLane:
    def test_writes_no_line_for_each_request(self, base, key):
        with structlog.testing.capture_logs() as lines:
            assert stow(base, related(ct_instance(study="quick")), key).status_code == 200
        assert [line for line in lines if line["event"] == "request"] == []

    def test_a_page_of_another_site_cannot_store(self, hospital, base, key):
        answer = stow(base, related(ct_instance(study="forged")), {**key, "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        with hospital.services.database.reading() as session:
            assert queries.study(session, hospital.institution_code, study_uid("forged")) is None

    def test_a_body_of_unknown_length_is_stored(self, base, key):
        body = related(ct_instance(study="chunks"))
        answer = stow(base, (body[start : start + 10_000] for start in range(0, len(body), 10_000)), key)
        assert stored(answer) == [instance_uid("chunks", "series", 1)]

    @pytest.mark.parametrize("address", ["studiesX", "studies/1.2/3", "studies/", "studies//"])
    def test_other_addresses_are_not_taken_for_it(self, hospital, base, key, address):
        session = requests.Session()
        session.trust_env = False
        headers = {"Content-Type": TYPE, **key}
        body = related(ct_instance(study="astray"))
        answer = session.post(
            f"{base}/dicom-web/{address}", data=body, headers=headers, timeout=60, allow_redirects=False
        )
        assert answer.status_code in {307, 404, 405}
        with hospital.services.database.reading() as reading:
            assert queries.study(reading, hospital.institution_code, study_uid("astray")) is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (related(ct_instance())[:-40], TYPE),
            (b"", TYPE),
            (b"--b--\r\n", TYPE),
            (b"\x00\x01\x02", TYPE),
            (b"--b\r\nContent-Type: " + b"x" * 100_000 + b"\r\n\r\n--b--", TYPE),
            (related(ct_instance()), "application/json"),
            (related(ct_instance()), 'multipart/related; type="application/dicom"'),
            (related(ct_instance()), "multipart/related; boundary=other"),
        ],
    )
    def test_what_is_no_multipart_is_refused_with_a_reason(self, hospital, base, key, body, content_type):
        answer = stow(base, body, key, content_type=content_type)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], bool(answer.json()["reason"])) == ("multipart_invalid", True)
        with hospital.services.database.reading() as session:
            assert len(session.scalars(select(StudyRow)).all()) == 1

    def test_what_came_whole_before_the_cut_is_stored_and_said_so(self, base, key):
        body = related(ct_instance(study="half", number=1), ct_instance(study="half", number=2))
        answer = stow(base, body[:-300], key)
        assert (answer.status_code, reasons(answer)) == (202, [0xC000])
        assert stored(answer) == [instance_uid("half", "series", 1)]

    def test_a_wrong_key_and_a_wrong_scope_store_nothing(self, hospital, base):
        wrong = stow(base, related(ct_instance(study="x")), {"Authorization": "Bearer nonsense"})
        other = stow(base, related(ct_instance(study="x")), hospital.machine_key("documents"))
        assert (wrong.status_code, other.status_code) == (401, 403)
        assert wrong.headers["www-authenticate"].startswith("Bearer")
        with hospital.services.database.reading() as session:
            assert queries.study(session, hospital.institution_code, study_uid("x")) is None

    def test_a_sender_that_leaves_in_the_middle_keeps_what_was_whole_and_leaves_no_file_behind(
        self, hospital, base, key
    ):
        where = urlsplit(base)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        body = related(ct_instance(study="left", number=1), ct_instance(study="left", number=2))
        connection.putrequest("POST", "/dicom-web/studies")
        for name, value in {"Content-Type": TYPE, "Content-Length": str(len(body) + 20 * MIB), **key}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body.removesuffix(b"\r\n--b--\r\n") + b"\r\n--b\r\n\r\n" + b"\x00" * (9 * MIB))
        connection.close()
        deadline = time.monotonic() + 60
        while not received(hospital, "left") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert received(hospital, "left") == 2
        assert list(hospital.services.spool.iterdir()) == []


def received(hospital, study: str) -> int:
    with hospital.services.database.reading() as session:
        audited = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "instances.received")).all()
        found = queries.study(session, hospital.institution_code, study_uid(study))
    return found.instance_count if audited and found else 0


class TestLargeBodies:
    """Zeros are sent as they are made: neither side ever holds them."""

    def send_zeros(self, base: str, key: dict[str, str], megabytes: int) -> tuple[int, dict, int]:
        """Return status, body, and how many megabytes were sent when the answer came."""
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=120)
        sent = 0

        def zeros() -> Iterator[bytes]:
            nonlocal sent
            yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            for _ in range(megabytes):
                sent += 1
                yield bytes(MIB)
            yield f"\r\n--{BOUNDARY}--\r\n".encode()

        try:
            headers = {"Content-Type": TYPE, **key}
            connection.request("POST", "/dicom-web/studies", zeros(), headers, encode_chunked=True)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused in the middle; the answer is there to be read
        with contextlib.closing(connection):
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), sent

    def test_a_part_over_the_limit_is_refused_and_memory_stays_flat(
        self, tmp_path, sqlite_url, redis_url, redis, evidence
    ):
        hospital = small_hospital(
            tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, limits={"instance_bytes": 64 * MIB}
        )
        with served(hospital) as base, Memory() as memory:
            status, body, sent = self.send_zeros(base, hospital.machine_key("stow"), 3100)
        assert (status, body["code"], body["limit_bytes"]) == (413, "too_large", 64 * MIB)
        assert memory.growth < 48 * MIB
        assert list(hospital.services.spool.iterdir()) == []
        with hospital.services.database.reading() as session:
            assert session.scalars(select(InstanceRow)).all() == []
        evidence.figure(
            f"3,100 MB with a limit of 64 MB: refused after {sent} MB, memory grew by {memory.growth // MIB} MB"
        )

    def test_three_gigabytes_announced_beyond_the_limit_of_a_request_are_not_even_begun(self, hospital, base, key):
        where = urlsplit(base)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        connection.putrequest("POST", "/api/patient/papers")
        for name, value in {
            "Content-Type": "multipart/form-data; boundary=b",
            "Content-Length": str(3 * 1024 * MIB),
        }.items():
            connection.putheader(name, value)
        connection.endheaders()
        with contextlib.closing(connection):
            answer = connection.getresponse()
            assert answer.status == 413
            assert json.loads(answer.read())["code"] == "too_large"

    def test_what_fits_the_limit_is_taken_and_memory_stays_flat(self, tmp_path, sqlite_url, redis_url, redis):
        hospital = small_hospital(tmp_path / "data", database_url=sqlite_url, redis_url=redis_url)
        with served(hospital) as base, Memory() as memory:
            status, body, _ = self.send_zeros(base, hospital.machine_key("stow"), 200)
        assert (status, body["00081198"]["Value"][0]["00081197"]["Value"]) == (409, [0xC000])
        assert memory.growth < 64 * MIB


class Memory:
    """Watches how much this process grows, which is server and sender in one."""

    def __enter__(self) -> "Memory":
        self._process = psutil.Process()
        self._before = self._peak = self._process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        return self._peak - self._before

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self._peak = max(self._peak, self._process.memory_info().rss)
