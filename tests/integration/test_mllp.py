"""The MLLP server over real sockets: several messages, pieces, garbage, floods, silence, shutdown."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import func, select

from imaging_core.interop.hl7v2.framing import framed
from imaging_core.interop.hl7v2.intake import refuse_oversize
from imaging_core.interop.hl7v2.mllp import MllpServer
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.tables import ReportVersionRow
from tests.builders.hl7 import FINDINGS, adt_a03, adt_a04, frame, oru_r01, read_ack
from tests.builders.records import NOON, Records, open_records

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
LIMIT = 64 * 1024


@pytest.fixture
def records(tmp_path):
    records = open_records(f"sqlite:///{tmp_path / 'records.sqlite3'}")
    yield records
    records.database.close()


@contextmanager
def serving(handler, records: Records, **options):
    """Run a server in a thread of its own and give a function that opens connections to it."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    server = MllpServer(
        handler,
        "127.0.0.1",
        0,
        refuse_oversize=partial(refuse_oversize, profile=records.profile, now=NOON),
        **{"max_message_bytes": LIMIT, "idle_timeout": 20.0, **options},
    )

    async def run() -> None:
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    port = server.port

    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=10)

    try:
        yield connect
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()
        loop.close()


def answers(connection: socket.socket, count: int) -> list[bytes]:
    received = b""
    while received.count(b"\x1c\r") < count:
        piece = connection.recv(65536)
        assert piece, f"connection closed after {received.count(0x1C)} of {count} answers"
        received += piece
    return received.split(b"\x1c\r")[:count]


def ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def rows(records: Records, table) -> int:
    with records.database.reads() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


class TestRefusals:
    def test_an_oversize_message_gets_a_nack_and_the_connection_ends(self, records):
        with serving(records.take, records) as connect, connect() as connection:
            # Far beyond the limit and never ended: the server must not wait for more, nor keep it.
            connection.sendall(b"\x0b" + adt_a04(control_id="BIG1") + b"x" * (LIMIT * 40))
            ack = read_ack(answers(connection, 1)[0])
            assert (ack.code, ack.control_id) == ("AR", "BIG1")
            assert ended(connection)
        assert rows(records, PatientRow) == 0

    def test_messages_before_the_oversize_one_are_answered(self, records):
        with serving(records.take, records) as connect, connect() as connection:
            connection.sendall(frame(adt_a04(control_id="OK1")) + b"\x0bMSH" + b"x" * (LIMIT + 1))
            first, second = answers(connection, 2)
            assert read_ack(first).code == "AA"
            assert read_ack(second).code == "AR"
        assert rows(records, PatientRow) == 1

    def test_a_message_without_end_stores_nothing_and_gets_no_answer(self, records):
        with serving(records.take, records) as connect, connect() as connection:
            connection.sendall(frame(adt_a04())[:-2])
            connection.shutdown(socket.SHUT_WR)
            assert ended(connection)
        assert rows(records, PatientRow) == 0

    def test_a_frame_that_holds_no_message_is_answered_and_the_connection_goes_on(self, records):
        with serving(records.take, records) as connect, connect() as connection:
            connection.sendall(framed(b"nonsense") + framed(b"") + frame(adt_a04()))
            assert [read_ack(answer).code for answer in answers(connection, 3)] == ["AR", "AR", "AA"]

    def test_a_handler_that_fails_gives_no_answer_and_the_next_connection_works(self, records):
        failing = [True]

        def handler(raw):
            if failing and failing.pop():
                raise RuntimeError("broken")
            return records.take(raw)

        with serving(handler, records) as connect:
            with connect() as connection:
                connection.sendall(frame(adt_a04()))
                assert ended(connection)
            with connect() as connection:
                connection.sendall(frame(adt_a04()))
                assert read_ack(answers(connection, 1)[0]).code == "AA"

    @pytest.mark.parametrize("drip", [b"", b"\x0b", b"M"])
    def test_a_connection_that_completes_nothing_is_closed_also_when_bytes_drip(self, records, drip):
        with serving(records.take, records, idle_timeout=0.5) as connect, connect() as connection:
            connection.settimeout(0.1)
            began, closed = time.monotonic(), False
            while not closed and time.monotonic() - began < 30:
                try:
                    connection.sendall(drip)
                    closed = connection.recv(1) == b""
                except TimeoutError:
                    continue
                except OSError:
                    closed = True
            assert closed

    def test_more_connections_than_allowed_are_closed_at_once(self, records):
        with serving(records.take, records, max_connections=1) as connect, connect() as first:
            first.sendall(frame(adt_a04(control_id="A")))
            answers(first, 1)
            with connect() as second:
                assert ended(second)
            first.sendall(frame(adt_a04(control_id="B")))
            assert read_ack(answers(first, 1)[0]).control_id == "B"


class TestConversation:
    def test_several_messages_on_one_connection_are_answered_in_order(self, records):
        sent = [
            adt_a04(control_id="M1", encounter_class="I"),
            oru_r01(control_id="M2"),
            oru_r01(control_id="M3", charset="UNICODE UTF-8", encoding="utf-8", status="C", impression="更正。"),
            adt_a03(control_id="M4"),
        ]
        with serving(records.take, records) as connect, connect() as connection:
            connection.sendall(b"".join(map(frame, sent)))
            received = answers(connection, 4)
        encodings = ["gb18030", "gb18030", "utf-8", "gb18030"]
        acks = [read_ack(answer, encoding=encoding) for answer, encoding in zip(received, encodings, strict=True)]
        assert [(ack.code, ack.control_id) for ack in acks] == [("AA", "M1"), ("AA", "M2"), ("AA", "M3"), ("AA", "M4")]
        with records.database.reads() as session:
            assert session.scalars(select(ReportVersionRow.findings)).all() == [FINDINGS, FINDINGS]

    def test_a_message_in_single_bytes_after_garbage_is_taken(self, records):
        with serving(records.take, records) as connect, connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET / HTTP/1.1\r\n\r\n" + frame(adt_a04()):
                connection.sendall(bytes([byte]))
            assert read_ack(answers(connection, 1)[0]).code == "AA"

    def test_a_slow_handler_does_not_hold_up_other_connections(self, records):
        release = threading.Event()

        def handler(raw):
            if b"SLOW" in raw:
                release.wait(10)
            return records.take(raw)

        with serving(handler, records) as connect, connect() as slow, connect() as quick:
            slow.sendall(frame(adt_a04(control_id="SLOW")))
            quick.sendall(frame(adt_a04(control_id="QUICK")))
            assert read_ack(answers(quick, 1)[0]).control_id == "QUICK"
            release.set()
            assert read_ack(answers(slow, 1)[0]).control_id == "SLOW"

    def test_many_senders_at_once_lose_nothing(self, records):
        codes: list[str] = []

        def send(connect, number: int) -> None:
            with connect() as connection:
                for patient in range(5):
                    raw = adt_a04(patient_id=f"TEST{number}-{patient}", control_id=f"{number}-{patient}")
                    connection.sendall(frame(raw))
                    codes.append(read_ack(answers(connection, 1)[0]).code)

        with serving(records.take, records) as connect:
            senders = [threading.Thread(target=send, args=(connect, number)) for number in range(6)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join(30)
        assert codes == ["AA"] * 30
        assert rows(records, PatientRow) == 30

    def test_stopping_lets_a_message_under_way_be_answered(self, records):
        begun, release = threading.Event(), threading.Event()

        def handler(raw):
            begun.set()
            release.wait(10)
            return records.take(raw)

        with serving(handler, records) as connect:
            connection = connect()
            connection.sendall(frame(adt_a04()))
            assert begun.wait(10)
            threading.Timer(0.3, release.set).start()
        with connection:
            assert read_ack(answers(connection, 1)[0]).code == "AA"
            assert ended(connection)
        assert rows(records, PatientRow) == 1
