"""Who may do what over DICOM, and C-MOVE and C-GET of what was stored."""

import datetime
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydicom import dcmread

from imaging_core.blobs import SegmentBlobStore
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.syntaxes import RECEIVED
from imaging_core.network.peers import Peer, Right
from imaging_core.network.retrieval import Asked, RetrieveService, connecting
from imaging_core.network.scp import ScpServices, ScpSettings, StorageScp
from imaging_core.network.sending import Sender
from imaging_core.network.tls import TlsFiles, accepting, requesting
from imaging_core.retrieve.decoding import Decoding
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, ct_series, instance_uid, series_uid, study_uid
from tests.builders.dimse import (
    PATIENT_MOVE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    Received,
    association,
    destination,
    keys,
    last,
)
from tests.builders.servers import free_ports, running, until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("dicom retrieve")]

ELSEWHERE = "12340000TEST000002"
EXPLICIT, IMPLICIT, DEFLATED, J2K = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".1.99", ".4.90"))
EVERYTHING = frozenset(Right) - {Right.DESTINATION}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    opened = open_archive(f"sqlite:///{folder / 'index.db'}", SegmentBlobStore(folder / "blobs"))
    opened.store(*ct_series(3), *ct_series(2, series="second", SeriesNumber=2))
    opened.store(ct_instance(study="other day"), ct_instance(study="other patient", patient_id="TEST0002"))
    opened.store(ct_instance(study="elsewhere"), institution_code=ELSEWHERE)
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def ports() -> range:
    first = free_ports(5)
    return range(first, first + 5)


@pytest.fixture(scope="module")
def audited() -> list[Asked]:
    return []


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return TlsFiles(folder / "cert.pem", folder / "key.pem", folder / "cert.pem")


@pytest.fixture(scope="module")
def scp(archive: Archive, ports: range, audited: list[Asked], certificates: TlsFiles) -> Iterator[StorageScp]:
    def peer(ae_title: str, *rights: Right, **more: Any) -> Peer:
        return Peer(**({"ae_title": ae_title, "institution_code": INSTITUTION, "rights": frozenset(rights)} | more))

    dead = {"host": "127.0.0.1", "port": ports[2]}
    settings = ScpSettings(
        port=0,
        allowed={"CT1": INSTITUTION},
        peers=(
            peer("VIEWER", *EVERYTHING),
            peer("READER", Right.QUERY),
            peer("FAR", *EVERYTHING, addresses=(ip_network("192.0.2.0/24"),)),
            peer("NEAR", addresses=(ip_network("127.0.0.0/8"),)),
            peer("SECURE", tls=True),
            peer("ANY", Right.DESTINATION, host="127.0.0.1", port=ports[0]),
            peer("PLAIN", Right.DESTINATION, host="127.0.0.1", port=ports[1]),
            peer("DOWN", Right.DESTINATION, **dead),
            peer("CLOSED", host="127.0.0.1", port=ports[0]),
            peer("STRANGE", Right.DESTINATION, institution_code=ELSEWHERE, host="127.0.0.1", port=ports[0]),
        ),
        tls=accepting(certificates),
        tls_port=ports[3],
    )
    decoding = Decoding(archive.blobs, children=1)
    service = RetrieveService(
        peers=settings.known(),
        sessions=archive.database.reads,
        sender=Sender(archive.blobs, decoding, Limits()),
        connect=connecting(settings.ae_title, requesting(certificates)),
        audit=audited.append,
    )
    with StorageScp(archive.ingestor, settings, ScpServices(move=service.move, get=service.get)) as listening:
        yield listening
    decoding.close()


@pytest.fixture(scope="module")
def _any(tmp_path_factory: pytest.TempPathFactory, ports: range) -> Iterator[Received]:
    with destination(tmp_path_factory.mktemp("any"), ports[0], RECEIVED) as received:
        yield received


@pytest.fixture
def takes_all(_any: Received) -> Received:
    _any.clear()
    return _any


@pytest.fixture(scope="module")
def takes_implicit(tmp_path_factory: pytest.TempPathFactory, ports: range) -> Iterator[Path]:
    """Where DCMTK keeps what it takes in, which is nothing but implicit VR."""
    if shutil.which("storescp") is None:
        pytest.skip("DCMTK is not installed")
    folder, log = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("log") / "storescp.log"
    with running(["storescp", "-od", folder, "+xi", "-fe", ".dcm", str(ports[1])], port=ports[1], log=log):
        yield folder


def move(scp: StorageScp, to: str, *, calling: str = "VIEWER", model: str = STUDY_MOVE, **attributes: Any) -> Any:
    with association(scp.port, model, calling=calling) as asked:
        assert asked.is_established
        return last(asked.send_c_move(keys(**attributes), to, model, msg_id=7))


def _unwritable(_asked: Asked) -> None:
    raise OSError("the database is gone")


def whole_study(study: str = "study") -> dict[str, str]:
    return {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study_uid(study)}


class TestWhoMayDoWhat:
    @pytest.mark.parametrize("calling", ["STRANGER", "FAR", "SECURE", "", "*"])
    def test_unknown_or_from_elsewhere_or_without_tls_nobody_is_let_in(self, scp: StorageScp, calling: str):
        with association(scp.port, STUDY_MOVE, calling=calling or "X") as asked:
            assert asked.is_rejected
            assert asked.acceptor.primitive.diagnostic == 3  # calling AE title not recognised

    def test_from_its_own_address_a_machine_is_let_in(self, scp: StorageScp):
        with association(scp.port, "1.2.840.10008.1.1", calling="NEAR") as asked:
            assert asked.send_c_echo().Status == 0

    def test_who_may_only_query_can_neither_store_nor_retrieve(self, scp: StorageScp, tmp_path: Path, archive: Archive):
        (tmp_path / "a.dcm").write_bytes(ct_instance(study="not allowed"))
        with association(scp.port, CT_IMAGE_STORAGE, calling="READER") as asked:
            assert asked.send_c_store(tmp_path / "a.dcm").Status == 0x0124
        assert move(scp, "ANY", calling="READER", **whole_study()).status == 0x0124
        assert move(scp, "ANY", **whole_study("not allowed")).completed == 0

    def test_a_sender_of_the_short_list_can_store_and_no_more(self, scp: StorageScp):
        assert move(scp, "ANY", calling="CT1", **whole_study()).status == 0x0124

    def test_what_is_not_offered_is_not_accepted(self, scp: StorageScp):
        with association(scp.port, STUDY_FIND, STUDY_MOVE, calling="VIEWER") as asked:
            assert [str(context.abstract_syntax) for context in asked.rejected_contexts] == [STUDY_FIND]


class TestTls:
    @pytest.mark.skipif(shutil.which("echoscu") is None, reason="DCMTK is not installed")
    def test_only_with_a_certificate_of_the_authority(self, scp: StorageScp, certificates: TlsFiles):
        ours = ["+tls", str(certificates.key), str(certificates.certificate), "+cf", str(certificates.certificate)]
        for options, let_in in ((ours, True), ([*ours[:0], "+tla", "+cf", ours[2]], False), ([], False)):
            echo = ["echoscu", *options, "-aet", "SECURE", "127.0.0.1", str(scp.tls_port)]
            assert (subprocess.run(echo, capture_output=True, timeout=30).returncode == 0) is let_in

    def test_a_silent_connection_holds_up_nobody(self, scp: StorageScp, certificates: TlsFiles):
        import socket

        with (
            socket.create_connection(("127.0.0.1", scp.tls_port)),
            association(
                scp.tls_port, "1.2.840.10008.1.1", calling="SECURE", tls=(requesting(certificates), "localhost")
            ) as asked,
        ):
            assert asked.send_c_echo().Status == 0


class TestMoveRefused:
    @pytest.mark.parametrize("to", ["NOWHERE", "CLOSED", "STRANGE"])
    def test_to_an_unknown_destination(self, scp: StorageScp, takes_all: Received, to: str):
        answer = move(scp, to, **whole_study())
        assert (answer.status, takes_all.files) == (0xA801, {})

    def test_to_a_machine_that_is_off_every_instance_counts_as_failed(self, scp: StorageScp):
        answer = move(scp, "DOWN", **whole_study())
        assert (answer.status, answer.failed, answer.completed) == (0xA702, 5, 0)
        assert len(answer.failed_uids) == 5

    @pytest.mark.parametrize(
        "identifier",
        [
            {"StudyInstanceUID": study_uid()},
            {"QueryRetrieveLevel": "STUDY"},
            {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "*"},
            {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": study_uid()},
            {"QueryRetrieveLevel": "PATIENT", "PatientID": "TEST0001"},
            {"QueryRetrieveLevel": "EVERYTHING", "StudyInstanceUID": study_uid()},
        ],
    )
    def test_when_the_identifier_does_not_say_what(
        self, scp: StorageScp, takes_all: Received, identifier: dict[str, str]
    ):
        answer = move(scp, "ANY", **identifier)
        assert answer.status == 0xA900
        assert answer.comment
        assert takes_all.files == {}

    def test_what_another_institution_owns_does_not_exist(self, scp: StorageScp, takes_all: Received):
        answer = move(scp, "ANY", **whole_study("elsewhere"))
        assert (answer.status, answer.completed, takes_all.files) == (0, 0, {})

    def test_a_destination_that_refuses_is_counted_instance_by_instance(self, scp: StorageScp, takes_all: Received):
        takes_all.status = 0xA700
        answer = move(scp, "ANY", **whole_study())
        assert (answer.status, answer.failed, len(answer.failed_uids)) == (0xA702, 5, 5)


class TestMove:
    @pytest.mark.clause("R1.3")
    def test_a_study_goes_out_as_it_was_received(self, scp: StorageScp, takes_all: Received, audited: list[Asked]):
        audited.clear()
        answer = move(scp, "ANY", **whole_study())
        assert (answer.status, answer.completed, answer.failed, answer.pending) == (0, 5, 0, 4)
        for number in (1, 2, 3):
            sent = takes_all.files[instance_uid(number=number)].read_bytes()
            assert ct_instance(number=number)[-400:] == sent[-400:]
        assert set(takes_all.originators) == {("VIEWER", 7)}
        [row] = audited
        assert (row.peer.ae_title, row.destination, row.instances) == ("VIEWER", "ANY", 5)
        assert row.study_instance_uids == [study_uid()]

    @pytest.mark.parametrize(
        ("model", "identifier", "count"),
        [
            (PATIENT_MOVE, {"QueryRetrieveLevel": "PATIENT", "PatientID": "TEST0001"}, 6),
            (STUDY_MOVE, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": [study_uid("other day"), study_uid()]}, 6),
            (
                STUDY_MOVE,
                {
                    "QueryRetrieveLevel": "SERIES",
                    "StudyInstanceUID": study_uid(),
                    "SeriesInstanceUID": series_uid(series="second"),
                },
                2,
            ),
            (
                STUDY_MOVE,
                {
                    "QueryRetrieveLevel": "IMAGE",
                    "StudyInstanceUID": study_uid(),
                    "SeriesInstanceUID": series_uid(),
                    "SOPInstanceUID": [instance_uid(number=1), instance_uid(number=3)],
                },
                2,
            ),
            (
                PATIENT_MOVE,
                {"QueryRetrieveLevel": "STUDY", "PatientID": "TEST0002", "StudyInstanceUID": study_uid()},
                0,
            ),
        ],
    )
    def test_at_every_level(
        self, scp: StorageScp, takes_all: Received, model: str, identifier: dict[str, Any], count: int
    ):
        answer = move(scp, "ANY", model=model, **identifier)
        assert (answer.status, answer.completed, len(takes_all.files)) == (0, count, count)

    def test_compressed_goes_compressed_or_is_decoded_without_loss(
        self, archive: Archive, scp: StorageScp, shared_data: Path, takes_all: Received, takes_implicit: Path
    ):
        folder = shared_data / "dicom/ct_all_syntaxes"
        [path] = folder.glob("*JPEG2000LosslessOnly*")
        content = path.read_bytes()
        [result] = archive.store(content)
        identifier = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": result.study_instance_uid}
        assert move(scp, "ANY", **identifier).completed == 1
        assert takes_all.files[result.sop_instance_uid].read_bytes()[-20_000:] == content[-20_000:]
        assert move(scp, "PLAIN", **identifier).completed == 1
        [plain] = map(dcmread, takes_implicit.glob(f"*{result.sop_instance_uid}*"))
        assert plain.file_meta.TransferSyntaxUID == IMPLICIT
        assert (plain.pixel_array == dcmread(path).pixel_array).all()

    def test_what_cannot_be_decoded_is_counted_and_the_rest_is_sent(
        self, archive: Archive, scp: StorageScp, shared_data: Path, takes_implicit: Path, tmp_path: Path
    ):
        folder = shared_data / "dicom/ct_all_syntaxes"
        [path] = folder.glob("*JPEGProcess6_8*")  # withdrawn from the standard: nobody decodes it
        dataset = dcmread(path)
        dataset.StudyInstanceUID = study_uid("half")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance_uid("half", number=9)
        dataset.save_as(tmp_path / "retired.dcm")
        archive.store((tmp_path / "retired.dcm").read_bytes(), ct_instance(study="half"))
        answer = move(scp, "PLAIN", **whole_study("half"))
        assert (answer.status, answer.completed, answer.failed) == (0xB000, 1, 1)
        assert answer.failed_uids == [instance_uid("half", number=9)]

    def test_taken_back_it_stops_and_says_how_far_it_came(self, scp: StorageScp, takes_all: Received):
        takes_all.patient = True
        with association(scp.port, STUDY_MOVE, calling="VIEWER") as asked:
            responses = asked.send_c_move(keys(**whole_study()), "ANY", STUDY_MOVE, msg_id=7)
            asked.send_c_cancel(7, query_model=STUDY_MOVE)
            takes_all.first_waits_for.set()
            answer = last(responses)
        assert answer.status == 0xFE00
        assert answer.remaining is not None
        assert answer.completed + answer.failed + answer.remaining == 5
        assert len(takes_all.files) == answer.completed

    def test_who_is_gone_gets_no_more_sent(self, scp: StorageScp, takes_all: Received):
        takes_all.patient = True
        with association(scp.port, STUDY_MOVE, calling="VIEWER") as asked:
            asked.send_c_move(keys(**whole_study()), "ANY", STUDY_MOVE)
            asked.abort()
        takes_all.first_waits_for.set()
        until(lambda: scp.active_associations == 0)
        assert len(takes_all.files) < 5

    def test_what_cannot_be_audited_is_not_sent(
        self, scp: StorageScp, takes_all: Received, monkeypatch: pytest.MonkeyPatch
    ):
        service = scp._services.move.__self__  # type: ignore[union-attr]
        monkeypatch.setattr(service, "_audit", _unwritable)
        answer = move(scp, "ANY", **whole_study())
        assert (answer.status, takes_all.files) == (0xC000, {})

    @pytest.mark.skipif(shutil.which("movescu") is None, reason="DCMTK is not installed")
    def test_dcmtk_asks_and_dcmtk_understands(self, scp: StorageScp, takes_all: Received):
        command = ["movescu", "-v", "-S", "-aet", "VIEWER", "-aem", "ANY", "127.0.0.1", str(scp.port)]
        command += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study_uid()}"]
        moved = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert moved.returncode == 0, moved.stderr
        assert len(takes_all.files) == 5


class TestGet:
    def get(self, scp: StorageScp, received: Received, syntaxes: list[str], **identifier: Any) -> Any:
        from pynetdicom import evt

        handlers = [(evt.EVT_C_STORE, received.store)]
        storage = {CT_IMAGE_STORAGE: syntaxes} if syntaxes else None
        with association(scp.port, STUDY_GET, calling="VIEWER", storage=storage, handlers=handlers) as asked:
            return last(asked.send_c_get(keys(**identifier), STUDY_GET, msg_id=3))

    def test_instances_come_back_on_the_same_association(self, scp: StorageScp, takes_all: Received):
        answer = self.get(scp, takes_all, [EXPLICIT], **whole_study())
        assert (answer.status, answer.completed, len(takes_all.files)) == (0, 5, 5)
        sent = takes_all.files[instance_uid(number=2)].read_bytes()
        assert hashlib.sha256(sent[-400:]).digest() == hashlib.sha256(ct_instance(number=2)[-400:]).digest()

    def test_without_a_context_for_them_all_are_counted_as_failed(self, scp: StorageScp, takes_all: Received):
        answer = self.get(scp, takes_all, [], **whole_study())
        assert (answer.status, answer.completed, answer.failed) == (0xA702, 0, 5)

    @pytest.mark.skipif(shutil.which("getscu") is None, reason="DCMTK is not installed")
    def test_dcmtk_asks_and_dcmtk_keeps_them(self, scp: StorageScp, tmp_path: Path):
        command = ["getscu", "-v", "-S", "-aet", "VIEWER", "-od", str(tmp_path), "127.0.0.1", str(scp.port)]
        command += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study_uid()}"]
        got = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert got.returncode == 0, got.stderr
        assert {dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()} >= {
            instance_uid(number=number) for number in (1, 2, 3)
        }
