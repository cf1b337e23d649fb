"""Our own upper layer over real sockets: what breaks the protocol first, then what the standard allows and few send."""

import hashlib
import struct
import threading
from collections.abc import Iterator
from io import BytesIO
from itertools import count

import pytest
from sqlalchemy import select

from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.writing import file_meta
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.network import ScpSettings, StorageScp
from imaging_core.network import scp as listener
from imaging_core.network.peers import Peer, Right
from imaging_core.network.storage import Timers, messages
from tests.builders.archive import INSTITUTION, Archive, open_archive
from tests.builders.dicom import ct_instance
from tests.builders.servers import until
from tests.builders.upper_layer import (
    ABORT,
    CT,
    EXPLICIT,
    FIND,
    IMPLICIT,
    RELEASE_RP,
    RELEASE_RQ,
    VERIFICATION,
    RawSender,
    associate,
    command,
    context,
    data,
    echo,
    item,
    pdu,
    pdv,
    status_of,
    store,
    store_command,
)

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("storage-layer")]

REJECTED, ACCEPTED, DATA, RELEASED, ABORTED, CLOSED = 3, 2, 4, 6, 7, 0
LARGEST = 40 * 1024 * 1024


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    opened = open_archive(f"sqlite:///{tmp_path_factory.mktemp('layer') / 'index.db'}")
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def scp(archive: Archive) -> Iterator[StorageScp]:
    settings = ScpSettings(
        port=0,
        allowed={"CT1": INSTITUTION},
        peers=[Peer(ae_title="READER", institution_code=INSTITUTION, rights=frozenset({Right.QUERY}))],
        instance_bytes=LARGEST,
    )
    with StorageScp(archive.ingestor, settings) as listening:
        yield listening


@pytest.fixture(autouse=True)
def _nothing_stays_open(scp: StorageScp) -> Iterator[None]:
    threads = threading.active_count()
    yield
    until(lambda: scp.active_associations == 0 and threading.active_count() <= threads)


@pytest.fixture
def sender(scp: StorageScp) -> Iterator[RawSender]:
    with RawSender(scp.port) as opened:
        yield opened


@pytest.fixture
def established(sender: RawSender) -> RawSender:
    assert sender.ask(associate())[0] == ACCEPTED
    return sender


def data_set(name: str, rows: int = 4, columns: int = 4) -> bytes:
    content = ct_instance(SOPInstanceUID=name, rows=rows, columns=columns)
    return content[read_header(BytesIO(content), len(content), Limits()).dataset_offset :]


def meta(sop_instance_uid: str) -> bytes:
    return file_meta(sop_class_uid=CT, sop_instance_uid=sop_instance_uid, transfer_syntax_uid=EXPLICIT)


def row_of(archive: Archive, sop_instance_uid: str) -> InstanceRow | None:
    with archive.database.reading() as session:
        found = session.scalars(select(InstanceRow).where(InstanceRow.sop_instance_uid == sop_instance_uid))
        return found.one_or_none()


def kept(archive: Archive) -> int:
    with archive.database.reading() as session:
        return sum(len(session.scalars(select(table)).all()) for table in (InstanceRow.id, QuarantineRow.id))


class TestTurnedAway:
    @pytest.mark.parametrize(
        ("request_", "why"),
        [
            (associate(calling="STRANGER"), (1, 1, 3)),
            (associate(calling=""), (1, 1, 3)),
            (associate(application="1.2.3"), (1, 1, 2)),
            (associate(version=2), (1, 2, 2)),
        ],
        ids=count(),
    )
    def test_the_sender_hears_why(self, sender: RawSender, request_: bytes, why: tuple[int, int, int]):
        assert sender.ask(request_) == (REJECTED, bytes([0, *why]))

    def test_more_associations_than_allowed_are_asked_to_come_later(self, archive: Archive):
        with (
            StorageScp(archive.ingestor, ScpSettings(port=0, allowed={"CT1": INSTITUTION}, associations=1)) as scp,
            RawSender(scp.port) as first,
            RawSender(scp.port) as second,
            RawSender(scp.port) as third,
        ):
            assert first.ask(associate())[0] == ACCEPTED
            # also those that pynetdicom would serve
            for turned_away, asked in ((second, associate()), (third, associate(context(1, FIND)))):
                assert turned_away.ask(asked) == (REJECTED, bytes([0, 2, 3, 2]))
            assert first.ask(RELEASE_RQ)[0] == RELEASED
            for opened in (first, second, third):
                opened.socket.close()


class TestBrokenFromTheBeginning:
    @pytest.mark.parametrize(
        "sent",
        [
            b"GET / HTTP/1.1\r\nHost: archive\r\n\r\n",
            bytes(100),
            echo(),
            RELEASE_RQ,
            struct.pack(">BxL", 1, 0xFFFFFFFF),
            struct.pack(">BxL", 1, 1024 * 1024 + 1),
            pdu(1, b""),
            associate()[:6] + associate()[6:].replace(b"\x10\x00\x00\x15", b"\x10\x00\xff\xff"),
            associate(context(2, CT)),
            associate(context(1, CT), context(1, CT)),
            associate(item(0x20, b"\1")),
            associate(item(0x20, b"\1\0\0\0")),
            associate(more=item(0x51, b"\0")),
            associate(more=item(0x54, b"\0\x09abc")),
            associate(*[context(1, CT)] * 129),
        ],
        ids=count(),
    )
    def test_is_aborted(self, sender: RawSender, sent: bytes):
        assert sender.ask(sent) == (ABORTED, bytes(4))

    def test_a_request_that_never_ends_leaves_nothing(self, sender: RawSender):
        sender.send(associate()[:-10])  # the fixture sees the thread go


class TestBrokenLater:
    @pytest.mark.parametrize(
        ("sent", "reason"),
        [
            (pdu(9, b""), 1),
            (associate(), 2),
            (pdu(2, b""), 2),
            (RELEASE_RP, 2),
            (pdu(5, b""), 6),
            (data(), 6),
            (data(b"\0\0\0"), 6),
            (data(struct.pack(">LBB", 1, 1, 3)), 6),
            (data(struct.pack(">LBB", 5000, 1, 3) + b"abc"), 6),
            (data(struct.pack(">LBB", 0xFFFFFFFF, 1, 3)), 6),
            (data(pdv(9, store_command(), is_command=True)), 5),
            (data(pdv(1, b"data set without a command")), 5),
            (data(pdv(1, store_command(), is_command=True), pdv(1, store_command(), is_command=True)), 5),
            (data(pdv(3, command(0x8030), is_command=True)), 6),
            (data(pdv(3, b"no command set", is_command=True)), 6),
            (data(pdv(3, b"", is_command=True)), 6),
            (data(pdv(3, struct.pack("<HHL", 8, 0x16, 0), is_command=True)), 6),
            (data(pdv(3, struct.pack("<HHL", 0, 0x0100, 0xFFFFFFF0), is_command=True)), 6),
            (data(*[pdv(3, bytes(30_000), is_command=True, last=False)] * 3), 6),
        ],
        ids=count(),
    )
    def test_is_aborted_with_a_reason(self, archive: Archive, established: RawSender, sent: bytes, reason: int):
        before = kept(archive)
        assert established.ask(sent) == (ABORTED, bytes([0, 0, 2, reason]))
        assert kept(archive) == before

    def test_a_data_set_behind_a_message_without_one_is_aborted(self, established: RawSender):
        assert established.status(data(pdv(3, command(0x0030), is_command=True), pdv(3, b"data"))) == 0x0000
        assert established.answer() == (ABORTED, bytes([0, 0, 2, 5]))

    @pytest.mark.parametrize("end", [ABORT, RELEASE_RQ, b"", data(pdv(1, b"half", last=False))[:-2]], ids=count())
    def test_a_data_set_that_never_ends_leaves_nothing(
        self, archive: Archive, scp: StorageScp, established: RawSender, end: bytes
    ):
        before = kept(archive)
        begun = store(data_set("1.2.1"))
        established.send(begun[: begun.rindex(b"\4\0")] + end)
        established.socket.close()
        until(lambda: scp.active_associations == 0)
        assert kept(archive) == before


class TestSilence:
    def test_is_not_waited_for(self, archive: Archive):
        settings = ScpSettings(port=0, allowed={"CT1": INSTITUTION}, timers=Timers(artim=0.7, idle=0.7))
        with (
            StorageScp(archive.ingestor, settings) as scp,
            RawSender(scp.port) as says_nothing,
            RawSender(scp.port) as half_a_request,
            RawSender(scp.port) as idle,
        ):
            assert idle.ask(associate())[0] == ACCEPTED
            assert half_a_request.ask(associate()[:20]) == (CLOSED, b"")
            assert says_nothing.answer() == (CLOSED, b"")
            assert idle.answer() == (ABORTED, bytes(4))
            # nor for one that stays after it was told to go
            assert idle.answer() == (CLOSED, b"")


class TestRefused:
    """Every error has a status, and the association goes on."""

    @pytest.fixture(autouse=True)
    def _goes_on(self, established: RawSender) -> Iterator[None]:
        yield
        assert established.status(echo()) == 0x0000
        assert established.ask(RELEASE_RQ) == (RELEASED, bytes(4))

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (data(pdv(1, command(0x0020), is_command=True)), 0x0211),
            (data(pdv(1, command(0x0020, data_set=True), is_command=True), pdv(1, b"identifier")), 0x0211),
            (store(b"data", number=3), 0x0122),
            (store(b"data", sop_instance_uid=""), 0x0117),
            (store(b"data", sop_instance_uid="1" * 200), 0x0117),
            (store(b"data", sop_class_uid="\x7f\n"), 0x0117),
            (data(pdv(1, command(0x0001), is_command=True)), 0x0117),
        ],
        ids=count(),
    )
    def test_by_its_command(self, archive: Archive, established: RawSender, sent: bytes, status: int):
        before = kept(archive)
        assert established.status(sent) == status
        assert kept(archive) == before

    def test_without_a_data_set(self, established: RawSender):
        no_data_set = store_command().replace(
            struct.pack("<HHLH", 0, 0x0800, 2, 1), struct.pack("<HHLH", 0, 0x0800, 2, 0x0101)
        )
        assert established.status(data(pdv(1, no_data_set, is_command=True))) == 0xC000

    def test_above_the_limit_nothing_is_kept(self, archive: Archive, established: RawSender):
        before = kept(archive)
        assert established.status(store(bytes(LARGEST + 1), piece=10_000_000)) == 0xA700
        assert kept(archive) == before

    def test_what_cannot_be_read_is_kept_for_a_person(self, archive: Archive, established: RawSender):
        before = kept(archive)
        assert established.status(store(b"\xff no data set \xff" * 9)) == 0xC000
        assert kept(archive) == before + 1

    def test_a_cancel_has_no_answer(self, established: RawSender):
        cancel = struct.pack("<HHLHHHLHHHLH", 0, 0x0100, 2, 0x0FFF, 0, 0x0120, 2, 7, 0, 0x0800, 2, 0x0101)
        established.send(data(pdv(1, cancel, is_command=True)))


def test_without_the_right_to_store_nothing_is_kept(archive: Archive, sender: RawSender):
    before = kept(archive)
    assert sender.ask(associate(calling="READER"))[0] == ACCEPTED
    assert sender.status(store(data_set("1.2.2"))) == 0x0124
    assert kept(archive) == before


class TestStored:
    def test_the_file_is_our_header_and_the_received_bytes(self, archive: Archive, established: RawSender):
        sent = data_set("1.2.10")
        assert established.status(store(sent, sop_instance_uid="1.2.10")) == 0x0000
        row = row_of(archive, "1.2.10")
        assert row is not None
        assert row.blob_digest == hashlib.sha256(meta("1.2.10") + sent).hexdigest()
        assert row.received_from == "cstore:CT1"

    def test_all_of_it_in_one_pdu(self, archive: Archive, established: RawSender):
        sent = data_set("1.2.11")
        both = data(
            pdv(1, store_command("1.2.11")[:40], is_command=True, last=False),
            pdv(1, store_command("1.2.11")[40:], is_command=True),
            pdv(1, sent[:1], last=False),
            pdv(1, b"", last=False),
            pdv(1, sent[1:], last=False),
            pdv(1, b""),
        )
        assert established.status(both) == 0x0000
        assert row_of(archive, "1.2.11") is not None

    def test_byte_by_byte(self, archive: Archive, established: RawSender):
        for sent in (byte.to_bytes() for byte in store(data_set("1.2.12"), sop_instance_uid="1.2.12", piece=200)):
            established.send(sent)
        assert established.status() == 0x0000
        assert row_of(archive, "1.2.12") is not None

    def test_two_contexts_interleaved(self, archive: Archive, sender: RawSender):
        assert sender.ask(associate(context(1, CT), context(5, CT)))[0] == ACCEPTED
        one, two = data_set("1.2.13"), data_set("1.2.14")
        sender.send(
            data(
                pdv(1, store_command("1.2.13", message_id=1), is_command=True),
                pdv(5, store_command("1.2.14", message_id=2), is_command=True),
                pdv(1, one[:100], last=False),
                pdv(5, two[:100], last=False),
                pdv(5, two[100:]),
                pdv(1, one[100:]),
            )
        )
        assert [sender.status(), sender.status()] == [0x0000, 0x0000]
        assert row_of(archive, "1.2.13") is not None
        assert row_of(archive, "1.2.14") is not None

    def test_a_large_one_goes_through_a_file(
        self, archive: Archive, established: RawSender, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(messages, "_IN_MEMORY", 10_000)
        sent = data_set("1.2.15", rows=200, columns=200)
        assert established.status(store(sent, sop_instance_uid="1.2.15")) == 0x0000
        row = row_of(archive, "1.2.15")
        assert row is not None
        assert row.blob_digest == hashlib.sha256(meta("1.2.15") + sent).hexdigest()

    def test_a_sender_of_small_pdus_is_answered_in_small_pdus(self, sender: RawSender):
        assert sender.ask(associate(max_length=40))[0] == ACCEPTED
        sender.send(echo())
        received, last = b"", False
        while not last:
            kind, body = sender.answer()
            assert kind == DATA
            assert len(body) <= 40
            received, last = received + body[6:], bool(body[5] & 2)
        assert status_of(received) == 0x0000

    def test_through_pynetdicom_it_would_be_the_same_file(self, archive: Archive, scp: StorageScp, sender: RawSender):
        sent = data_set("1.2.16")
        assert sender.ask(associate(context(1, CT), context(3, FIND)))[0] == ACCEPTED  # not ours
        assert sender.status(store(sent, sop_instance_uid="1.2.16")) == 0x0000
        first = row_of(archive, "1.2.16")
        assert first is not None
        assert first.blob_digest == hashlib.sha256(meta("1.2.16") + sent).hexdigest()
        with RawSender(scp.port) as ours:
            assert ours.ask(associate())[0] == ACCEPTED
            assert ours.status(store(sent, sop_instance_uid="1.2.16")) == 0x0000
        assert kept(archive) > 0
        assert row_of(archive, "1.2.16") is not None  # still one
        assert sender.ask(RELEASE_RQ)[0] == RELEASED


class TestNegotiated:
    def answers(self, sender: RawSender, *contexts: bytes, more: bytes = b"") -> dict[int, tuple[int, str]]:
        kind, body = sender.ask(associate(*contexts, more=more))
        assert kind == ACCEPTED
        found, position = {}, 68
        while position < len(body):
            type_, length = struct.unpack_from(">BxH", body, position)
            part = body[position + 4 : position + 4 + length]
            if type_ == 0x21:
                found[part[0]] = (part[2], part[8:].decode())
            position += 4 + length
        return found

    def test_the_senders_order_and_what_we_keep_decide(self, sender: RawSender):
        lossless, unknown = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.9999"
        assert self.answers(
            sender,
            context(1, CT, [IMPLICIT, EXPLICIT]),
            context(3, CT, [unknown, lossless, IMPLICIT]),
            context(5, "1.2.826.0.1.99", [EXPLICIT]),
            context(7, VERIFICATION, [lossless, IMPLICIT]),
            context(9, CT, [unknown]),
        ) == {1: (0, IMPLICIT), 3: (0, lossless), 5: (0, EXPLICIT), 7: (0, IMPLICIT), 9: (0, unknown)}

    def test_what_we_cannot_keep_is_refused_by_itself(self, sender: RawSender):
        answers = self.answers(
            sender,
            context(1, CT, ["no UID"]),
            context(3, CT, []),
            context(5, "CT"),
            context(7, VERIFICATION, ["1.2.9999"]),
            context(9, CT),
        )
        assert [answers[number][0] for number in (1, 3, 5, 7, 9)] == [4, 4, 3, 4, 0]

    def test_extensions_are_passed_over(self, sender: RawSender):
        asynchronous, identity = item(0x53, bytes([0, 9, 0, 9])), item(0x58, b"\1\0\0\4USER\0\0")
        extended, unknown = item(0x56, b"\0\3" + b"1.2" + b"\1"), item(0x7F, b"?")
        role = item(0x54, b"\0\3" + b"1.2" + b"\1\0")
        more = asynchronous + identity + extended + unknown + role
        assert self.answers(sender, context(1, CT), more=more) == {1: (0, EXPLICIT)}

    @pytest.mark.parametrize("cut", [3, 70, 150])
    def test_what_is_not_ours_is_answered_by_pynetdicom(self, sender: RawSender, cut: int):
        asked = associate(context(1, FIND), context(3, CT))
        sender.send(asked[:cut])
        assert sender.ask(asked[cut:])[0] == ACCEPTED
        assert sender.status(store(data_set("1.2.20"), number=3, sop_instance_uid="1.2.20")) == 0x0000
        assert sender.ask(RELEASE_RQ)[0] == RELEASED


def test_when_the_listener_stops_who_stays_is_told(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    scp = StorageScp(archive.ingestor, ScpSettings(port=0, allowed={"CT1": INSTITUTION}))
    scp.start()
    with RawSender(scp.port) as waiting, RawSender(scp.port) as sending, RawSender(scp.port) as silent:
        for opened in (waiting, sending):
            assert opened.ask(associate())[0] == ACCEPTED
        sending.send(store(data_set("1.2.30"))[:500])
        monkeypatch.setattr(listener, "_SECONDS_TO_FINISH", 0.1)
        scp.stop()
        assert waiting.answer() == (ABORTED, bytes(4))
        assert sending.answer()[0] in (ABORTED, CLOSED)
        assert silent.answer()[0] in (ABORTED, CLOSED)
    assert row_of(archive, "1.2.30") is None
