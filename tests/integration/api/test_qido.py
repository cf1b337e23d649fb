"""QIDO-RS: refusals first, then what is found, by dicomweb-client and raw requests on both databases."""

import io
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests
import structlog
from dicomweb_client.api import DICOMwebClient
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.index import queries
from imaging_core.index.tables import StudyRow
from imaging_core.ingest import Channel, Origin
from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, instance_uid, series_uid, study_uid
from tests.builders.hospital import SmallHospital, served, small_hospital
from tests.integration.api.conftest import ENGINES, new_database

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.4")]

STUDIES = "/dicom-web/studies"
BASE = "http://localhost:8080"
"""The address that settings give when nothing is said."""
PEOPLE: dict[str, dict[str, Any]] = {
    "zhang": {
        "patient_name": "ZHANG^SAN=张^三",
        "patient_id": "TEST0100",
        "study_date": "20260110",
        "StudyTime": "080000",
    },
    "shan": {"patient_name": "单^雄信", "patient_id": "TEST0101", "study_date": "20260111", "StudyTime": "120000"},
    "muller": {"patient_name": "Müller^Jürgen", "patient_id": "TEST0102", "study_date": "20260112", "Modality": "MR"},
    "percent": {"patient_name": "O'100%_^[A]", "patient_id": "TEST_1*", "study_date": "20260113", "Modality": "DX"},
    "undated": {"patient_name": "测试^无期", "patient_id": "TEST0104", "study_date": "", "StudyTime": None},
}


def named(study: str, **more) -> bytes:
    about = PEOPLE[study] | more
    return ct_instance(study=study, accession_number=f"A-{study}"[:16], **about)


@pytest.fixture(scope="module", params=ENGINES)
def archive(request, tmp_path_factory, redis_url) -> Iterator[SmallHospital]:
    """Five studies; that of "zhang" has a second series of two images of another modality."""
    folder = tmp_path_factory.mktemp("qido")
    with new_database(request, request.param, folder) as url:
        opened = small_hospital(folder / "data", database_url=url, redis_url=redis_url)
        opened.images([named(study) for study in PEOPLE])
        more = {"series": "second", "Modality": "PT", "SeriesNumber": 2, "StationName": "PT7", "ProtocolName": "全身"}
        opened.images([named("zhang", number=number, **more) for number in (2, 1)])
        yield opened
        opened.services.close()


@pytest.fixture
def client(archive) -> TestClient:
    browser = archive.browser()
    browser.headers.update(archive.machine_key("query"))
    return browser


def find(client: TestClient, address: str = STUDIES, /, **parameters: Any) -> list[dict]:
    answer = client.get(address, params=parameters)
    assert answer.status_code in (200, 204), answer.text
    if answer.status_code == 204:
        assert answer.content == b""
        return []
    assert answer.headers["content-type"] == "application/dicom+json"
    return answer.json()


def value(match: dict, tag: str):
    return match[tag]["Value"][0]


NAMES = {study_uid(name): name for name in PEOPLE}


def studies(client: TestClient, **parameters: Any) -> list[str]:
    return [NAMES[value(match, "0020000D")] for match in find(client, **parameters)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"StudyDate": "20261301"}, "StudyDate"),
            ({"StudyDate": "2026-01-01"}, "StudyDate"),
            ({"StudyDate": "-"}, "StudyDate"),
            ({"StudyTime": "25"}, "StudyTime"),
            ({"StudyInstanceUID": "1.2.*"}, "StudyInstanceUID"),
            ({"StudyInstanceUID": "1.2/../3"}, "StudyInstanceUID"),
            ({"NumberOfStudyRelatedInstances": "many"}, "NumberOfStudyRelatedInstances"),
            ({"PatientName": "张" * 2000}, "PatientName"),
            ({"PatientName": "张\x00三"}, "PatientName"),
            ({"PatientNme": "张三"}, "PatientNme"),
            ({"00100011": "x"}, "00100011"),
            ({"Modality": "CT"}, "Modality"),
            ({"SOPInstanceUID": "1.2"}, "SOPInstanceUID"),
            ({"PatientComments": "x"}, "PatientComments"),
            (
                {"RequestAttributesSequence.ScheduledProcedureStepID": "1"},
                "RequestAttributesSequence.ScheduledProcedureStepID",
            ),
            ({"limit": "-1"}, "limit"),
            ({"limit": "ten"}, "limit"),
            ({"offset": "1.5"}, "offset"),
            ({"fuzzymatching": "perhaps"}, "fuzzymatching"),
            ({"includefield": "PatientNme"}, "includefield"),
            ({"PatientID": ["a", "b"]}, "PatientID"),
            ({"PatientID": "a", "00100020": "b"}, "PatientID"),
        ],
    )
    def test_a_wrong_parameter_is_named_and_its_value_not_repeated(self, client, parameters, field):
        answer = client.get(STUDIES, params=parameters)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
        assert (answer.json()["field"], answer.json()["code"]) == (field, "parameter_invalid")
        assert "张" not in answer.text

    @pytest.mark.parametrize("query", ["PatientName=%ff%fe", "&".join(f"includefield={n:08X}" for n in range(300))])
    def test_a_query_that_cannot_be_read_is_refused(self, client, query):
        answer = client.get(f"{STUDIES}?{query}")
        assert (answer.status_code, answer.json()["field"]) == (400, "query")

    def test_an_address_with_what_is_no_uid_is_refused(self, client):
        answer = client.get("/dicom-web/studies/a%20b/series")
        assert (answer.status_code, answer.json()["field"]) == (400, "study")

    @pytest.mark.parametrize("accept", ["image/png", 'multipart/related; type="application/dicom+xml"'])
    def test_a_form_we_do_not_make_is_refused_with_what_we_do(self, client, accept):
        answer = client.get(STUDIES, headers={"Accept": accept})
        assert (answer.status_code, "application/dicom+json" in answer.text) == (406, True)

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "application/dicom+json, */*;q=0.1", ""])
    def test_json_comes_under_either_name(self, client, accept):
        answer = client.get(STUDIES, headers={"Accept": accept})
        wanted = "application/json" if accept == "application/json" else "application/dicom+json"
        assert (answer.status_code, answer.headers["content-type"]) == (200, wanted)

    def test_a_key_without_the_scope_and_no_key_find_nothing(self, archive):
        browser = archive.browser()
        assert browser.get(STUDIES).status_code == 401
        assert browser.get(STUDIES, headers=archive.machine_key("stow", "retrieve")).status_code == 403

    def test_another_institutions_studies_are_not_found(self, archive, client):
        foreign = ct_instance(study="foreign", patient_id="TEST0100", patient_name="张^三", accession_number="F")
        archive.services.ingestor.store_instance(
            io.BytesIO(foreign), institution_code="12340000OTHER00001", origin=Origin(Channel.IMPORT, "test")
        )
        for parameters in (
            {"AccessionNumber": "F"},
            {"StudyInstanceUID": study_uid("foreign")},
            {"PatientName": "张三"},
        ):
            found = [value(match, "0020000D") for match in find(client, **parameters)]
            assert study_uid("foreign") not in found
        assert find(client, f"{STUDIES}/{study_uid('foreign')}/series") == []
        assert find(client, "/dicom-web/instances", SOPInstanceUID=instance_uid("foreign", "series", 1)) == []
        assert study_uid("foreign") not in str(find(client))


class TestStudies:
    @pytest.mark.parametrize(
        ("parameters", "found"),
        [
            ({}, ["percent", "muller", "shan", "zhang", "undated"]),
            ({"PatientID": "TEST0101"}, ["shan"]),
            ({"00100020": "TEST0101"}, ["shan"]),
            ({"PatientID": "test0101"}, []),
            ({"PatientID": "TEST010?"}, ["muller", "shan", "zhang", "undated"]),
            ({"PatientID": "*0101"}, ["shan"]),
            ({"PatientID": "TEST_1*"}, ["percent"]),
            ({"PatientID": "*"}, ["percent", "muller", "shan", "zhang", "undated"]),
            ({"PatientID": ""}, ["percent", "muller", "shan", "zhang", "undated"]),
            ({"AccessionNumber": "A-shan"}, ["shan"]),
            ({"AccessionNumber": "A-*h*"}, ["shan", "zhang"]),
            ({"StudyInstanceUID": f"{study_uid('shan')},{study_uid('zhang')},1.2.3"}, ["shan", "zhang"]),
            ({"StudyInstanceUID": f"{study_uid('shan')}\\{study_uid('zhang')}"}, ["shan", "zhang"]),
            ({"PatientName": "zhang*"}, ["zhang"]),
            ({"PatientName": "Zhang^San"}, ["zhang"]),
            ({"PatientName": "ZHANG SAN"}, ["zhang"]),
            ({"PatientName": "张三"}, ["zhang"]),
            ({"PatientName": "张^*"}, ["zhang"]),
            ({"PatientName": "=张^三"}, ["zhang"]),
            ({"PatientName": "?三"}, ["zhang"]),
            ({"PatientName": "zs"}, ["zhang"]),
            ({"PatientName": "shanxiongxin"}, ["shan"]),
            ({"PatientName": "SHAN*"}, ["shan"]),
            ({"PatientName": "*xiong*"}, ["shan"]),
            ({"PatientName": "sx*"}, ["shan"]),
            ({"PatientName": "muller^jurgen"}, ["muller"]),
            ({"PatientName": "MÜLLER*"}, ["muller"]),
            ({"PatientName": "muller"}, []),
            ({"PatientName": "O'100%_*"}, ["percent"]),
            ({"PatientName": "san"}, []),
            ({"PatientName": "san zh", "fuzzymatching": "true"}, ["zhang"]),
            ({"PatientName": "jurgen", "fuzzymatching": "true"}, ["muller"]),
            ({"PatientName": "jurgen zh", "fuzzymatching": "true"}, []),
            ({"StudyDate": "20260111"}, ["shan"]),
            ({"StudyDate": "2026.01.11"}, ["shan"]),
            ({"StudyDate": "20260111-20260112"}, ["muller", "shan"]),
            ({"StudyDate": "20260112-"}, ["percent", "muller"]),
            ({"StudyDate": "-20260110"}, ["zhang"]),
            ({"StudyTime": "10-13"}, ["shan"]),
            ({"StudyTime": "08"}, ["zhang"]),
            ({"StudyDate": "20260110-20260111", "StudyTime": "1000-1200"}, ["shan"]),
            ({"StudyDate": "20260110-20260112", "StudyTime": "0800-0900"}, ["shan", "zhang"]),
            ({"StudyDate": "20260110-20260111", "StudyTime": "0801-1159"}, []),
            ({"ModalitiesInStudy": "CT"}, ["shan", "zhang", "undated"]),
            ({"ModalitiesInStudy": "PT"}, ["zhang"]),
            ({"ModalitiesInStudy": "MR,PT"}, ["muller", "zhang"]),
            ({"ModalitiesInStudy": "M*"}, ["muller"]),
            ({"ModalitiesInStudy": "CT", "StudyDate": "20260111-20260117"}, ["shan"]),
            ({"ModalitiesInStudy": "CT", "PatientName": "zhang*"}, ["zhang"]),
            ({"ModalitiesInStudy": "MR", "PatientID": "TEST0100"}, []),
            ({"PatientBirthDate": "19800101", "PatientSex": "F", "limit": 1}, ["percent"]),
            ({"PatientBirthDate": "19800102-"}, []),
            ({"StudyDescription": "胸部*", "limit": 2}, ["percent", "muller"]),
            ({"NumberOfStudyRelatedInstances": "3"}, ["zhang"]),
            ({"limit": 2}, ["percent", "muller"]),
            ({"limit": 2, "offset": 2}, ["shan", "zhang"]),
            ({"offset": 4}, ["undated"]),
            ({"offset": 5}, []),
            ({"limit": 0}, []),
        ],
    )
    def test_finds_what_matches_newest_first(self, client, parameters, found):
        assert studies(client, **parameters) == found

    def test_a_match_has_what_the_standard_asks_for_in_order_of_tags(self, client):
        (match,) = find(client, PatientID="TEST0100")
        assert list(match) == sorted(match)
        assert {tag: item.get("Value") for tag, item in match.items()} == {
            "00080005": ["ISO_IR 192"],
            "00080020": ["20260110"],
            "00080030": ["080000"],
            "00080050": ["A-zhang"],
            "00080056": ["ONLINE"],
            "00080061": ["CT", "PT"],
            "00080090": None,
            "00081030": ["胸部CT平扫"],
            "00081190": [f"{BASE}/dicom-web/studies/{study_uid('zhang')}"],
            "00100010": [{"Alphabetic": "ZHANG^SAN", "Ideographic": "张^三"}],
            "00100020": ["TEST0100"],
            "00100030": ["19800101"],
            "00100040": ["F"],
            "0020000D": [study_uid("zhang")],
            "00200010": ["1"],
            "00201206": [2],
            "00201208": [3],
        }

    def test_a_limited_answer_says_so(self, client):
        limited = client.get(STUDIES, params={"limit": 4})
        assert limited.headers["warning"].startswith("299 ")
        assert "warning" not in client.get(STUDIES, params={"limit": 5}).headers

    def test_a_corrected_study_is_found_by_its_new_name_and_day_alone(self, archive, client):
        def correct(name: str, day: date) -> None:
            with archive.services.database.writing() as session:
                study = queries.study(session, archive.institution_code, study_uid("percent"))
                assert study is not None
                study.patient_name, study.study_date = name, day

        correct("李^四", date(2025, 1, 13))
        try:
            assert studies(client, PatientName="lisi") == ["percent"]
            assert studies(client, StudyDate="20250113", ModalitiesInStudy="DX") == ["percent"]
            assert studies(client, PatientName="O'100*") == []
        finally:
            correct("O'100%_^[A]", date(2026, 1, 13))


class TestBelow:
    def test_series_of_a_study(self, client):
        first, second = find(client, f"{STUDIES}/{study_uid('zhang')}/series")
        assert (value(first, "00080060"), value(second, "00080060")) == ("CT", "PT")
        assert value(second, "00201209") == 2
        assert value(second, "0020000E") == series_uid("zhang", "second")
        address = f"{BASE}/dicom-web/studies/{study_uid('zhang')}/series/{series_uid('zhang', 'second')}"
        assert value(second, "00081190") == address
        assert not {"00100020", "00181030"} & set(second)

    def test_fields_are_included_by_name_tag_and_all(self, client):
        address = f"{STUDIES}/{study_uid('zhang')}/series"
        asked = find(client, address, includefield="ProtocolName,00100020", Modality="PT")[0]
        assert (value(asked, "00181030"), value(asked, "00100020")) == ("全身", "TEST0100")
        everything = find(client, address, includefield="all", Modality="PT")[0]
        assert (value(everything, "00081010"), "00100020" in everything) == ("PT7", False)

    @pytest.mark.parametrize(
        ("parameters", "found"),
        [
            ({"Modality": "PT"}, [("zhang", "second")]),
            ({"Modality": "CT,MR", "PatientID": "TEST010*"}, ["muller", "shan", "zhang", "undated"]),
            ({"StationName": "PT*"}, [("zhang", "second")]),
            ({"SeriesInstanceUID": series_uid("zhang", "second")}, [("zhang", "second")]),
            ({"ProtocolName": "全?", "PatientName": "zhang*"}, [("zhang", "second")]),
            ({"SeriesNumber": "2"}, [("zhang", "second")]),
            ({"SeriesNumber": "3"}, []),
        ],
    )
    def test_series_of_all_studies(self, client, parameters, found):
        uids = [series_uid(*item) if isinstance(item, tuple) else series_uid(item, "series") for item in found]
        matches = find(client, "/dicom-web/series", **parameters)
        assert [value(match, "0020000E") for match in matches] == uids
        assert all("00100020" in match for match in matches)

    def test_instances_of_a_series_come_by_number(self, client):
        address = f"{STUDIES}/{study_uid('zhang')}/series/{series_uid('zhang', 'second')}/instances"
        matches = find(client, address)
        assert [value(match, "00200013") for match in matches] == [1, 2]
        assert {tag: item.get("Value") for tag, item in matches[0].items()} == {
            "00080005": ["ISO_IR 192"],
            "00080016": [CT_IMAGE_STORAGE],
            "00080018": [instance_uid("zhang", "second", 1)],
            "00080056": ["ONLINE"],
            "00081190": [
                f"{BASE}/dicom-web/studies/{study_uid('zhang')}/series/{series_uid('zhang', 'second')}"
                f"/instances/{instance_uid('zhang', 'second', 1)}"
            ],
            "0020000D": [study_uid("zhang")],
            "0020000E": [series_uid("zhang", "second")],
            "00200013": [1],
            "00280008": [1],
            "00280010": [4],
            "00280011": [4],
            "00280100": [16],
        }

    def test_instances_of_a_study_and_of_all(self, client):
        assert len(find(client, f"{STUDIES}/{study_uid('zhang')}/instances")) == 3
        assert len(find(client, f"{STUDIES}/{study_uid('zhang')}/instances", Modality="PT", InstanceNumber=2)) == 1
        everywhere = find(client, "/dicom-web/instances", SOPClassUID=CT_IMAGE_STORAGE, limit=4)
        assert [value(match, "00100020") for match in everywhere][:2] == ["TEST_1*", "TEST0102"]
        (one,) = find(client, "/dicom-web/instances", SOPInstanceUID=instance_uid("zhang", "second", 2))
        assert value(one, "0020000D") == study_uid("zhang")

    def test_a_study_that_is_not_here_has_no_series(self, client):
        assert find(client, f"{STUDIES}/1.2.3/series") == []

    def test_an_instance_that_waits_for_a_decision_is_not_found(self, archive, client):
        archive.images([named("zhang", WindowCenter=99)])
        assert len(find(client, f"{STUDIES}/{study_uid('zhang')}/instances")) == 3


class TestPrivacy:
    def test_no_log_line_and_no_audit_row_holds_what_was_asked_for(self, archive, client, caplog):
        with structlog.testing.capture_logs() as lines, caplog.at_level(logging.DEBUG):
            find(client, PatientName="张三", PatientID="TEST0100")
            client.get(STUDIES, params={"PatientName": "张三", "StudyDate": "x"})
            other = archive.machine_key("query")
            client.get(STUDIES, params={"PatientName": "张三", "StudyTime": "x"}, headers=other)
        # the second took the express lane, which knows its caller, counts and writes no line
        assert [(line["route"], line["status"]) for line in lines] == [(STUDIES, 200), (STUDIES, 400)]
        # httpx is the caller here, and names the address it asks
        logged = str(lines) + str([vars(item) for item in caplog.records if not item.name.startswith("httpx")])
        assert not any(word in logged for word in ("张三", "TEST0100", "%E5%BC%A0", "PatientName="))
        with archive.services.database.reading() as session:
            rows = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "archive.searched")).all()
        details = [row.detail for row in rows]
        assert {"level": "study", "keys": "PatientID,PatientName", "matches": 1} in details
        assert not any(word in str(details) for word in ("TEST01", "张"))


@pytest.mark.enable_socket
class TestClientOfOthers:
    def test_real_files_of_many_character_sets_are_found_by_dicomweb_client(self, archive, shared_data):
        files = sorted((shared_data / "dicom" / "charset").glob("*.dcm"))
        files += sorted((shared_data / "dicom" / "mr_followup_2022").rglob("*.dcm"))[:3]
        archive.images([path.read_bytes() for path in files])
        session = requests.Session()
        session.trust_env = False
        with served(archive) as base:
            headers = archive.machine_key("query")
            client = DICOMwebClient(url=f"{base}/dicom-web", session=session, headers=headers)
            found = client.search_for_studies(search_filters={"PatientName": "wang*"}, fields=["PatientName"])
            assert {match["00100010"]["Value"][0]["Ideographic"] for match in found} == {"王^小東", "王^小东"}
            every = client.search_for_studies(limit=100, get_remaining=True)
            with archive.services.database.reading() as reading:
                held = reading.scalars(
                    select(StudyRow.study_instance_uid).where(
                        StudyRow.institution_code == archive.institution_code, StudyRow.instance_count > 0
                    )
                ).all()
            assert sorted(value(match, "0020000D") for match in every) == sorted(held)
            for uid in held:
                series = client.search_for_series(uid)
                instances = [
                    value(item, "00080018")
                    for one in series
                    for item in client.search_for_instances(uid, value(one, "0020000E"))
                ]
                assert sorted(instances) == sorted(value(item, "00080018") for item in client.search_for_instances(uid))
            assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
