"""C-FIND of what was stored, by pynetdicom and by DCMTK."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from imaging_core.network.find import Finder
from imaging_core.network.peers import Peer, Right
from imaging_core.network.query import QueryService
from imaging_core.network.scp import ScpServices, ScpSettings, StorageScp
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import ct_instance, ct_series, instance_uid, series_uid, study_uid
from tests.builders.dimse import PATIENT_FIND, STUDY_FIND, association, keys
from tests.builders.servers import until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("dicom find")]

ELSEWHERE = "12340000TEST000002"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    opened = open_archive(f"sqlite:///{tmp_path_factory.mktemp('archive') / 'index.db'}")
    opened.store(*ct_series(3), ct_instance(series="second", SeriesNumber=2, Modality="SR"))
    opened.store(ct_instance(study="old", study_date="20190102", accession_number="ACC0002"))
    opened.store(ct_instance(study="other", patient_id="TEST0002", patient_name="LI^SI=李^四", study_date="20260228"))
    opened.store(ct_instance(study="elsewhere"), institution_code=ELSEWHERE)
    yield opened
    opened.database.close()


class SlowFinder(Finder):
    """Finds one match, and the others only when it may."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def _matches(self, *arguments: Any) -> Iterator[tuple[int, Any]]:
        for match in super()._matches(*arguments):
            yield match
            self.may_go_on.wait(20)


@pytest.fixture(scope="module")
def finder(archive: Archive) -> SlowFinder:
    return SlowFinder(archive.database.reads, "MINGYING")


@pytest.fixture(scope="module")
def asked() -> list[tuple[str, str, list[str]]]:
    return []


@pytest.fixture(scope="module")
def scp(archive: Archive, finder: SlowFinder, asked: list[Any]) -> Iterator[StorageScp]:
    peers = (
        Peer(ae_title="READER", institution_code=INSTITUTION, rights=frozenset({Right.QUERY})),
        Peer(ae_title="CT1", institution_code=INSTITUTION),
    )
    service = QueryService(
        finder,
        lambda peer, level, used: asked.append((peer.ae_title, level, list(used))),
    )
    settings = ScpSettings(port=0, peers=peers)
    with StorageScp(archive.ingestor, settings, ScpServices(find=service.find)) as listening:
        yield listening


def find(scp: StorageScp, model: str = STUDY_FIND, calling: str = "READER", **attributes: Any) -> Any:
    """Return the final status, and the statuses and identifiers of the matches."""
    with association(scp.port, model, calling=calling) as asking:
        *pending, (final, nothing) = asking.send_c_find(keys(**attributes), model)
        assert nothing is None
        return final, [(int(status.Status), found) for status, found in pending]


def studies(scp: StorageScp, **attributes: Any) -> list[str]:
    final, found = find(scp, QueryRetrieveLevel="STUDY", StudyInstanceUID="", **attributes)
    assert final.Status == 0
    return [str(item.StudyInstanceUID) for _, item in found]


class TestRefused:
    def test_who_may_only_store_may_not_query(self, scp: StorageScp):
        final, found = find(scp, calling="CT1", QueryRetrieveLevel="STUDY")
        assert (final.Status, found) == (0x0124, [])

    @pytest.mark.parametrize(
        "identifier",
        [
            {"StudyInstanceUID": ""},
            {"QueryRetrieveLevel": "PATIENT", "PatientID": "TEST0001"},
            {"QueryRetrieveLevel": "STUDY", "StudyDate": "20261399"},
            {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.*"},
        ],
    )
    @pytest.mark.filterwarnings("ignore:Invalid value")
    def test_what_cannot_be_understood(self, scp: StorageScp, identifier: dict[str, str]):
        final, found = find(scp, **identifier)
        assert (final.Status, found) == (0xA900, [])
        assert final.ErrorComment


class TestFind:
    def test_studies_of_the_own_institution_newest_first(self, scp: StorageScp):
        assert studies(scp) == [study_uid("study"), study_uid("other"), study_uid("old")]

    @pytest.mark.parametrize(
        ("attributes", "found"),
        [
            ({"StudyDate": "20260201-"}, ["study", "other"]),
            ({"StudyDate": "-20200101"}, ["old"]),
            ({"PatientID": "TEST0002"}, ["other"]),
            ({"PatientName": "li*"}, ["other"]),
            ({"SpecificCharacterSet": "GB18030", "PatientName": "李*"}, ["other"]),
            ({"AccessionNumber": "ACC000?", "StudyDate": "20190102"}, ["old"]),
            ({"ModalitiesInStudy": "SR"}, ["study"]),
            ({"PatientID": "nobody"}, []),
        ],
    )
    def test_by_its_keys(self, scp: StorageScp, attributes: dict[str, str], found: list[str]):
        assert studies(scp, **attributes) == [study_uid(name) for name in found]

    def test_answers_what_was_asked_and_where_to_get_it(self, scp: StorageScp):
        _, [(status, item)] = find(
            scp,
            QueryRetrieveLevel="STUDY",
            StudyInstanceUID=study_uid("other"),
            PatientName="",
            NumberOfStudyRelatedInstances="",
            ModalitiesInStudy="",
        )
        assert status == 0xFF00
        assert (str(item.PatientName), item.NumberOfStudyRelatedInstances) == ("LI^SI=李^四", 1)
        assert (item.ModalitiesInStudy, item.RetrieveAETitle, item.QueryRetrieveLevel) == ("CT", "MINGYING", "STUDY")
        assert "StudyDescription" not in item

    def test_says_so_when_a_key_is_not_known_here(self, scp: StorageScp):
        _, found = find(scp, QueryRetrieveLevel="STUDY", StudyInstanceUID=study_uid(), AdmissionID="7")
        assert [status for status, _ in found] == [0xFF01]

    def test_series_and_instances(self, scp: StorageScp):
        _, series = find(scp, QueryRetrieveLevel="SERIES", StudyInstanceUID=study_uid(), SeriesInstanceUID="")
        assert [item.SeriesInstanceUID for _, item in series] == [series_uid(), series_uid(series="second")]
        _, images = find(
            scp,
            QueryRetrieveLevel="IMAGE",
            StudyInstanceUID=study_uid(),
            SeriesInstanceUID=series_uid(),
            SOPInstanceUID="",
            InstanceNumber="2",
        )
        assert [(item.SOPInstanceUID, item.InstanceNumber) for _, item in images] == [(instance_uid(number=2), 2)]

    def test_patients_in_the_patient_root_model(self, scp: StorageScp):
        final, found = find(scp, PATIENT_FIND, QueryRetrieveLevel="PATIENT", PatientID="", PatientName="")
        assert final.Status == 0
        assert [item.PatientID for _, item in found] == ["TEST0001", "TEST0002"]

    def test_is_audited_by_its_keys_without_their_values(self, scp: StorageScp, asked: list[Any]):
        asked.clear()
        studies(scp, PatientName="李*")
        assert asked == [("READER", "STUDY", ["PatientName", "QueryRetrieveLevel"])]

    def test_taken_back_it_ends(self, scp: StorageScp, finder: SlowFinder):
        finder.may_go_on.clear()
        with association(scp.port, STUDY_FIND, calling="READER") as asking:
            responses = asking.send_c_find(keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=""), STUDY_FIND, msg_id=9)
            next(responses)
            asking.send_c_cancel(9, query_model=STUDY_FIND)
            until(lambda: any(item.dimse.cancel_req for item in scp._ae.active_associations))
            finder.may_go_on.set()
            *others, (final, _nothing) = responses
        assert (final.Status, len(others)) == (0xFE00, 0)

    @pytest.mark.skipif(shutil.which("findscu") is None, reason="DCMTK is not installed")
    def test_dcmtk_asks_and_understands(self, scp: StorageScp):
        command = ["findscu", "-v", "-S", "-aet", "READER", "127.0.0.1", str(scp.port)]
        command += ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=TEST0002", "-k", "StudyInstanceUID"]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert asked.returncode == 0
        assert study_uid("other") in asked.stderr + asked.stdout
