"""WADO-RS: dicomweb-client and raw requests, against a real server on every kind of store."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import imagecodecs
import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.index.tables import InstanceRow, QuarantineRow
from tests.builders.dicom import ct_instance, ct_pixels, ct_series, instance_uid, series_uid, study_uid
from tests.builders.hospital import SmallHospital, served, small_hospital

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_LS, J2K, HTJ2K, RPCL, HTJ2K_ANY = (f"1.2.840.10008.1.2.4.{end}" for end in ("80", "90", "201", "202", "203"))
DICOM = 'multipart/related; type="application/dicom"'


@dataclass(frozen=True)
class Web:
    """A served hospital and a key that may retrieve."""

    hospital: SmallHospital
    base: str
    client: httpx.Client

    def get(self, path: str, accept: str | None = None, **headers: str) -> httpx.Response:
        sent = {"Accept": accept} if accept is not None else {}
        return self.client.get(f"{self.base}/dicom-web/studies/{path}", headers={**sent, **headers})

    def official(self) -> DICOMwebClient:
        session = requests.Session()
        session.trust_env = False
        return DICOMwebClient(url=f"{self.base}/dicom-web", session=session, headers=dict(self.client.headers))


@pytest.fixture(scope="module")
def web(tmp_path_factory, migrated_sqlite, redis_url, knowledge) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("wado")
    (folder / "index.sqlite").write_bytes(migrated_sqlite.read_bytes())
    url = f"sqlite:///{folder / 'index.sqlite'}"
    hospital = small_hospital(folder / "data", database_url=url, redis_url=redis_url, knowledge=knowledge)
    hospital.images(ct_series(3, 16, 16, study="study"))
    with served(hospital) as base, httpx.Client(trust_env=False, timeout=60) as client:
        client.headers.update(hospital.machine_key("retrieve"))
        yield Web(hospital, base, client)
    hospital.services.close()


def place(study: str = "study", series: str = "series", number: int | None = None) -> str:
    """Return the path of a series, or of one of its instances."""
    path = f"{study_uid(study)}/series/{series_uid(study, series)}"
    return f"{path}/instances/{instance_uid(study, series, number)}" if number else path


def parts(answer: httpx.Response) -> list[tuple[str, bytes]]:
    """Return content type and body of each part."""
    assert answer.status_code == 200, answer.text
    boundary = answer.headers["content-type"].split("boundary=")[1].encode()
    sections = (b"\r\n" + answer.content).split(b"\r\n--" + boundary)
    assert (sections[0], sections[-1]) == (b"", b"--\r\n")
    found = []
    for section in sections[1:-1]:
        head, _, body = section.partition(b"\r\n\r\n")
        found.append((head.decode().strip().removeprefix("Content-Type: "), body))
    return found


def arrays(content: bytes) -> np.ndarray:
    return pydicom.dcmread(io.BytesIO(content)).pixel_array


class TestOnEachDatabase:
    def test_everything_is_found(self, hospital):
        browser = hospital.browser()
        browser.headers.update(hospital.machine_key("retrieve"))
        for kind in ("", "/metadata", "/rendered", "/thumbnail"):
            for level in (study_uid(), place(), place(number=1)):
                for _ in range(2):
                    assert browser.get(f"/dicom-web/studies/{level}{kind}").status_code == 200
        for _ in range(2):  # by the common way, then by the short one
            frame = browser.get(f"/dicom-web/studies/{place(number=2)}/frames/1", headers={"Accept": "application/*"})
            assert frame.content == ct_pixels(16, 16, slice_number=2).tobytes()
        assert frame.headers["x-content-type-options"] == "nosniff"
        assert "accept" in frame.headers["vary"]


class TestBesideSearch:
    def test_a_caller_who_just_retrieved_may_search_below_a_study_as_well(self, web):
        both = web.hospital.machine_key("retrieve", "query")
        for _ in range(2):  # by the common way, then known to the short one
            assert web.get(place(number=1), **both).status_code == 200
            for path in (f"{study_uid()}/series", f"{study_uid()}/instances", f"{place()}/instances"):
                assert web.get(path, **both).status_code == 200, path
        only = web.hospital.machine_key("retrieve")
        assert web.get(place(number=1), **only).status_code == 200
        assert web.get(f"{study_uid()}/series", **only).status_code == 403


class TestRefusals:
    def test_without_a_key_nothing_is_told(self, web):
        for path in (place(number=1), place(), place() + "/metadata", study_uid("nowhere")):
            answer = httpx.get(f"{web.base}/dicom-web/studies/{path}", trust_env=False)
            assert (answer.status_code, answer.json()["code"]) == (401, "machine_key_needed")

    def test_a_revoked_key_ends_within_seconds(self, web):
        from api.auth import machine_keys
        from api.db.tables import MachineKeyRow

        headers = web.hospital.machine_key("retrieve")
        for _ in range(2):
            assert web.get(place(number=1), **headers).status_code == 200
        keys = web.hospital.services.machine_keys
        assert keys.known(headers["Authorization"]) is not None
        with web.hospital.services.database.writing() as session:
            number = int(keys.known(headers["Authorization"]).actor.actor_id.removeprefix("key:"))
            session.get_one(MachineKeyRow, number).revoked_at = web.hospital.clock()
        keys._monotonic = lambda: time.monotonic() + machine_keys.KNOWN_SECONDS
        try:
            assert web.get(place(number=1), **headers).status_code == 401
        finally:
            keys._monotonic = time.monotonic

    @pytest.mark.parametrize("kind", ["", "/metadata", "/rendered", "/thumbnail"])
    @pytest.mark.parametrize("level", [study_uid("no"), place("no"), place(number=9), place("study", "no", 1)])
    def test_what_is_not_here_is_not_found(self, web, level, kind):
        assert web.get(level + kind).status_code == 404

    @pytest.mark.parametrize(
        ("path", "accept", "field"),
        [
            ("1.2.$/series/1", None, "study"),
            (f"{study_uid()}/series/%20", None, "series"),
            (place(number=1) + "/frames/0", None, "frames"),
            (place(number=1) + "/frames/1,,2", None, "frames"),
            (place(number=1) + "/frames/x", None, "frames"),
            (place(number=1), "application", "Accept"),
            (place(number=1), "application/dicom; transfer-syntax=none", "transfer-syntax"),
            (place(number=1), "application/dicom; q=2", "q"),
            (place(number=1) + "/rendered?window=1", None, "window"),
            (place(number=1) + "/rendered?window=40,0,linear", None, "window"),
            (place(number=1) + "/rendered?window=nan,4,linear", None, "window"),
            (place(number=1) + "/rendered?window=40,400,cubic", None, "window"),
            (place(number=1) + "/rendered?viewport=0,5", None, "viewport"),
            (place(number=1) + "/rendered?viewport=99999,5", None, "viewport"),
            (place(number=1) + "/rendered?viewport=5,5,9,9,99,99", None, "viewport"),
            (place(number=1) + "/rendered?quality=0", None, "quality"),
            (place(number=1) + "/rendered?quality=%C2%B2", None, "quality"),
            (place(number=1) + "/rendered?annotation=name", None, "annotation"),
            (place(number=1) + "/rendered?iccprofile=x", None, "iccprofile"),
            (place(number=1) + "/thumbnail?viewport=5,5,1,1,2,2", None, "viewport"),
        ],
    )
    def test_a_bad_parameter_is_named(self, web, path, accept, field):
        answer = web.get(path, accept)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("path", "accept"),
        [
            (place(number=1), "image/png"),
            (place(number=1), "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"),
            (place(number=1), "application/dicom; q=0"),
            (place(), "application/dicom"),
            (place() + "/metadata", "application/dicom+xml"),
            (place(number=1) + "/rendered", "video/mp4"),
            (place(number=1) + "/frames/1", "image/jpeg"),
        ],
    )
    def test_what_cannot_be_made_is_refused_with_what_can(self, web, path, accept):
        answer = web.get(path, accept)
        assert answer.status_code == 406
        assert answer.json()["possible"]

    def test_a_frame_that_is_not_there_is_not_found(self, web):
        answer = web.get(place(number=1) + "/frames/1,2")
        assert (answer.status_code, answer.json()["frames"]) == (404, 1)

    def test_what_waits_in_quarantine_is_not_served(self, web):
        cut = ct_instance(64, 64, study="cut")[:-500]
        web.hospital.images([cut])
        with web.hospital.services.database.reading() as session:
            assert session.scalars(select(QuarantineRow)).first() is not None
        assert web.get(place("cut", number=1)).status_code == 404

    def test_of_two_contents_of_one_uid_the_current_one_is_served_and_not_for_ever(self, web):
        first, second = (ct_instance(study="conflict", window=(level, 400)) for level in (40, 50))
        web.hospital.images([first, second])
        answer = web.get(place("conflict", number=1), "application/dicom")
        assert answer.content == first
        assert "immutable" not in answer.headers["cache-control"]
        assert [body for _, body in parts(web.get(place("conflict")))] == [first]

    def test_another_institution_finds_nothing(self, web, monkeypatch):
        headers = web.hospital.machine_key("retrieve")
        from api.db.tables import MachineKeyRow

        with web.hospital.services.database.writing() as session:
            row = session.scalars(select(MachineKeyRow).order_by(MachineKeyRow.id.desc())).first()
            row.institution_code = "OTHER"
        for path in (study_uid(), place(), place(number=1), place() + "/metadata", place(number=1) + "/frames/1"):
            assert web.get(path, **headers).status_code == 404


class TestInstances:
    @pytest.mark.parametrize("accept", [None, "*/*", DICOM, DICOM + "; transfer-syntax=*", f"image/png, {DICOM};q=0.1"])
    def test_comes_as_it_was_received(self, web, accept):
        for _ in range(2):  # the second time by the short way
            [(kind, body)] = parts(web.get(place(number=1), accept))
            assert body == ct_instance(16, 16, number=1)
            assert kind == f"application/dicom; transfer-syntax={EXPLICIT}"

    def test_alone_with_ranges_and_validators(self, web):
        whole = ct_instance(16, 16, number=2)
        answer = web.get(place(number=2), "application/dicom")
        assert answer.content == whole
        assert "immutable" in answer.headers["cache-control"]
        etag = answer.headers["etag"]
        assert web.get(place(number=2), "application/dicom", **{"If-None-Match": etag}).status_code == 304
        part = web.get(place(number=2), "application/dicom", Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, whole[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
        assert web.get(place(number=2), "application/dicom", Range="bytes=-7").content == whole[-7:]
        beyond = web.get(place(number=2), "application/dicom", Range="bytes=999999-")
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")
        changed = web.get(place(number=2), "application/dicom", **{"Range": "bytes=0-1", "If-Range": '"other"'})
        assert (changed.status_code, changed.content) == (200, whole)

    def test_the_query_may_say_what_is_accepted(self, web):
        answer = web.get(place(number=1) + "?accept=application/dicom")
        assert answer.headers["content-type"].startswith("application/dicom")

    def test_head_tells_the_length_without_the_body(self, web):
        address = f"{web.base}/dicom-web/studies/{place(number=1)}"
        answer = web.client.head(address, headers={"Accept": "application/dicom"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(ct_instance(16, 16, number=1)))

    def test_what_was_stored_before_places_were_kept_is_found_all_the_same(self, web):
        web.hospital.images([ct_instance(16, 16, study="old")])
        with web.hospital.services.database.writing() as session:
            row = session.scalars(select(InstanceRow).order_by(InstanceRow.id.desc())).first()
            row.pixel_offset = row.pixel_length = row.bits_allocated = row.samples_per_pixel = None
        for _ in range(2):
            assert parts(web.get(place("old", number=1) + "/frames/1"))[0][1] == ct_pixels(16, 16).tobytes()
            [told] = web.get(place("old", number=1) + "/metadata").json()
            assert told["7FE00010"]["BulkDataURI"].endswith("/bulkdata/7FE00010")

    def test_series_and_study_come_whole_and_in_order(self, web):
        for path in (place(), study_uid()):
            assert [body for _, body in parts(web.get(path))] == ct_series(3, 16, 16, study="study")

    def test_the_official_client_takes_them(self, web):
        official = web.official()
        instances = official.retrieve_series(study_uid(), series_uid())
        assert [item.InstanceNumber for item in instances] == [1, 2, 3]
        one = official.retrieve_instance(study_uid(), series_uid(), instance_uid(number=2))
        assert np.array_equal(one.pixel_array, ct_pixels(16, 16, slice_number=2))
        [frame] = official.retrieve_instance_frames(study_uid(), series_uid(), instance_uid(number=2), [1])
        assert frame == ct_pixels(16, 16, slice_number=2).tobytes()
        metadata = official.retrieve_series_metadata(study_uid(), series_uid())
        assert [item["00200013"]["Value"] for item in metadata] == [[1], [2], [3]]
        named = metadata[0]["7FE00010"]["BulkDataURI"].replace(web.hospital.services.settings.base_url, web.base)
        [pixels] = official.retrieve_bulkdata(named)
        assert pixels == ct_pixels(16, 16).tobytes()
        picture = official.retrieve_instance_rendered(
            study_uid(), series_uid(), instance_uid(number=1), media_types=("image/png",)
        )
        assert Image.open(io.BytesIO(picture)).size == (16, 16)


class TestTranscoding:
    @pytest.mark.parametrize("syntax", [JPEG_LS, J2K, HTJ2K, RPCL, HTJ2K_ANY])
    def test_an_instance_keeps_its_pixels(self, web, syntax):
        [(kind, body)] = parts(web.get(place(number=3), f"{DICOM}; transfer-syntax={syntax}"))
        made = pydicom.dcmread(io.BytesIO(body))
        assert kind == f"application/dicom; transfer-syntax={syntax}"
        assert made.file_meta.TransferSyntaxUID == syntax
        assert made.SOPInstanceUID == instance_uid(number=3)
        assert made.PatientName == "测试^患者"
        assert np.array_equal(made.pixel_array, ct_pixels(16, 16, slice_number=3))

    def test_a_series_comes_in_the_syntax_asked_for(self, web):
        bodies = [body for _, body in parts(web.get(place(), f"{DICOM}; transfer-syntax={JPEG_LS}"))]
        assert len(bodies) == 3
        for number, body in enumerate(bodies, start=1):
            assert np.array_equal(arrays(body), ct_pixels(16, 16, slice_number=number))

    def test_stops_when_the_client_is_gone(self, web, monkeypatch):
        web.hospital.images(ct_series(60, 64, 64, study="gone"))
        decoding, made = web.hospital.services.retrieval.decoding, []
        instance = decoding.instance

        def counted(*wanted):
            made.append(wanted)
            return instance(*wanted)

        monkeypatch.setattr(decoding, "instance", counted)
        address = f"{web.base}/dicom-web/studies/{place('gone')}"
        with web.client.stream("GET", address, headers={"Accept": f"{DICOM}; transfer-syntax={J2K}"}) as answer:
            next(answer.iter_bytes())
        before = 0
        while before != (before := len(made)):
            time.sleep(0.3)
        assert 0 < len(made) < 60

    @pytest.mark.parametrize(
        ("media_type", "decode"),
        [
            ("image/jls", imagecodecs.jpegls_decode),
            ("image/jp2", imagecodecs.jpeg2k_decode),
            ("image/jphc", imagecodecs.htj2k_decode),
        ],
    )
    def test_a_frame_in_another_media_type_is_the_same_picture(self, web, media_type, decode):
        expected = ct_pixels(16, 16, slice_number=1)
        for accept in (media_type, f'multipart/related; type="{media_type}"'):
            answer = web.get(place(number=1) + "/frames/1", accept)
            codestream = answer.content if accept == media_type else parts(answer)[0][1]
            assert np.array_equal(np.asarray(decode(codestream)).astype(np.int16), expected)


class TestRendered:
    def picture(self, answer: httpx.Response) -> Image.Image:
        assert answer.status_code == 200, answer.text
        return Image.open(io.BytesIO(answer.content))

    def test_window_and_viewport_are_honoured(self, web):
        path = place(number=1) + "/rendered"
        dark = self.picture(web.get(path + "?window=5000,2,linear", "image/png"))
        light = self.picture(web.get(path + "?window=-5000,2,linear", "image/png"))
        assert (dark.getextrema(), light.getextrema()) == ((0, 0), (255, 255))
        assert self.picture(web.get(path + "?viewport=64,32")).size == (32, 32)
        whole = np.asarray(self.picture(web.get(path, "image/png")))
        region = np.asarray(self.picture(web.get(path + "?viewport=4,4,2,3,-4,4", "image/png")))
        assert np.array_equal(region, whole[3:7, 2:6][:, ::-1])

    def test_what_is_not_supported_is_ignored_with_a_warning(self, web):
        answer = web.get(place(number=1) + "/rendered?annotation=patient,technique")
        assert (answer.status_code, answer.headers["warning"][:3]) == (200, "299")

    def test_a_series_comes_as_a_picture_for_each_frame(self, web):
        kinds = [kind for kind, _ in parts(web.get(place() + "/rendered"))]
        assert kinds == ["image/jpeg"] * 3

    @pytest.mark.parametrize("level", [study_uid(), place(), place(number=1), place(number=1) + "/frames/1"])
    def test_every_level_has_a_thumbnail(self, web, level):
        assert self.picture(web.get(level + "/thumbnail")).size == (16, 16)


class TestMetadata:
    def test_is_gzipped_or_not_as_the_client_takes_it(self, web):
        packed = web.get(place() + "/metadata", **{"Accept-Encoding": "gzip"})
        plain = web.get(place() + "/metadata", **{"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.json() == plain.json()
        assert packed.headers["etag"] != plain.headers["etag"]
        again = web.get(place() + "/metadata", **{"If-None-Match": packed.headers["etag"], "Accept-Encoding": "gzip"})
        assert again.status_code == 304

    def test_follows_a_late_image_at_once(self, web):
        web.hospital.images([ct_instance(study="late", number=1)])
        assert len(web.get(place("late") + "/metadata").json()) == 1
        web.hospital.images([ct_instance(study="late", number=2)])
        assert len(web.get(place("late") + "/metadata").json()) == 2
        assert len(web.get(study_uid("late") + "/metadata").json()) == 2

    def test_tells_all_attributes_in_utf8(self, web):
        web.hospital.images([ct_instance(study="gb", SpecificCharacterSet="GB18030", PatientName="张三")])
        [told] = web.get(place("gb", number=1) + "/metadata").json()
        assert told["00080005"]["Value"] == ["ISO_IR 192"]
        assert told["00100010"]["Value"] == [{"Alphabetic": "张三"}]
        assert told["00280030"] == {"vr": "DS", "Value": [0.7, 0.7]}
        assert told["00083002"]["Value"] == [EXPLICIT]


class TestAudit:
    def events(self, web: Web, study: str) -> list[AuditEventRow]:
        with web.hospital.services.database.reading() as session:
            wanted = (AuditEventRow.action == "instances.retrieved", AuditEventRow.object_id == study_uid(study))
            return list(session.scalars(select(AuditEventRow).where(*wanted)))

    def test_many_frames_of_a_study_are_one_retrieval_a_series_is_one_each_time(self, web):
        web.hospital.images(ct_series(4, study="audited"))
        for number in (1, 2, 3, 4):
            assert web.get(place("audited", number=number) + "/frames/1").status_code == 200
        assert [event.detail for event in self.events(web, "audited")] == [{"what": "frames"}]
        for _ in range(2):
            assert web.get(place("audited")).status_code == 200
        whole = [event.detail for event in self.events(web, "audited") if event.detail["what"] == "series"]
        assert [item["instances"] for item in whole] == [4, 4]

    def test_what_was_refused_is_no_retrieval(self, web):
        web.hospital.images([ct_instance(study="refused")])
        assert web.get(place("refused", number=1), "image/png").status_code == 406
        assert self.events(web, "refused") == []


class TestCapabilities:
    def test_anyone_is_told_what_there_is_and_by_which_scope(self, web):
        told = httpx.get(f"{web.base}/dicom-web/", trust_env=False).json()
        scopes = {(one["path"], method): one["scope"] for one in told["resources"] for method in one["methods"]}
        assert scopes["/dicom-web/studies", "POST"] == "stow"
        assert scopes["/dicom-web/studies", "GET"] == "query"
        assert scopes["/dicom-web/studies/{study}", "GET"] == "retrieve"

    def test_say_what_is_possible(self, web):
        for method in ("GET", "OPTIONS"):
            answer = web.client.request(method, f"{web.base}/dicom-web/")
            assert RPCL in answer.json()["transferSyntaxes"]
        assert "OPTIONS" in answer.headers["allow"]
        assert json.dumps(answer.json()).count("测试") == 0
