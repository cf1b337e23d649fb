"""Storage commitment: what is asked is kept, and what is reported is true."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pynetdicom import AE, evt
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from imaging_core.blobs import SegmentBlobStore
from imaging_core.index.tables import InstanceRow
from imaging_core.network.commitment import (
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    CommitmentService,
    ReportNotHeard,
    deliver,
    deliver_on,
    examine,
)
from imaging_core.network.peers import Peer, Right
from imaging_core.network.retrieval import connecting
from imaging_core.network.scp import ScpServices, ScpSettings, StorageScp
from imaging_core.network.tables import StorageCommitmentRow
from tests.builders.archive import INSTITUTION, NOON, Archive, open_archive
from tests.builders.dicom import CT_IMAGE_STORAGE, SECONDARY_CAPTURE_STORAGE, ct_series, instance_uid
from tests.builders.dimse import PLAIN, association, keys
from tests.builders.servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("dicom commitment")]


class Machine:
    """A modality: asks for commitment, and hears reports at its own address or where it asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[tuple[int, Any]] = []
        self.answer = 0x0000

    def hear(self, event: Any) -> tuple[int, None]:
        self.heard.append((event.event_type, event.event_information))
        return self.answer, None

    @property
    def handlers(self) -> list[Any]:
        return [(evt.EVT_N_EVENT_REPORT, self.hear)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    opened = open_archive(f"sqlite:///{folder / 'index.db'}", SegmentBlobStore(folder / "blobs"))
    opened.store(*ct_series(3))
    with opened.database.writing() as session:
        # the store does not hold all of this one
        session.execute(
            update(InstanceRow)
            .where(InstanceRow.sop_instance_uid == instance_uid(number=3))
            .values(blob_size=InstanceRow.blob_size + 1_000_000)
        )
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    heard = Machine(free_port())
    ae = AE("CT1")
    ae.add_supported_context(STORAGE_COMMITMENT, PLAIN, scu_role=True, scp_role=True)
    server = ae.start_server(("127.0.0.1", heard.port), block=False, evt_handlers=heard.handlers)
    yield heard
    server.shutdown()


@pytest.fixture(scope="module")
def peer(machine: Machine) -> Peer:
    return Peer(ae_title="CT1", institution_code=INSTITUTION, host="127.0.0.1", port=machine.port)


@pytest.fixture(scope="module")
def scp(archive: Archive, peer: Peer) -> Iterator[StorageScp]:
    def owe(_session: Session, row: StorageCommitmentRow) -> None:
        assert row.id

    def report(asking: Any, _peer: Peer, number: int) -> None:
        with archive.database.reading() as session:
            deliver_on(asking, examine(session, archive.blobs, session.get_one(StorageCommitmentRow, number)), "US")

    service = CommitmentService(archive.database.writes, lambda: NOON, owe)
    settings = ScpSettings(
        port=0,
        allowed={"NOADDRESS": INSTITUTION},
        peers=(peer, Peer(ae_title="READER", institution_code=INSTITUTION, rights=frozenset({Right.QUERY}))),
    )
    with StorageScp(archive.ingestor, settings, ScpServices(commit=service.accept, report=report)) as listening:
        yield listening


def references(*pairs: tuple[str, str]) -> list[Any]:
    return [keys(ReferencedSOPClassUID=kind, ReferencedSOPInstanceUID=uid) for kind, uid in pairs]


def ask(scp: StorageScp, information: Any, calling: str = "CT1", action: int = 1, handlers: Any = ()) -> int:
    with association(scp.port, STORAGE_COMMITMENT, calling=calling, handlers=handlers) as asked:
        status, _ = asked.send_n_action(information, action, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        until = time.monotonic() + (3 if handlers else 0)
        while time.monotonic() < until and not handlers[0][1].__self__.heard:
            time.sleep(0.02)
        return int(status.Status)


def kept(archive: Archive, transaction: str) -> StorageCommitmentRow:
    with archive.database.reading() as session:
        row = session.scalars(
            select(StorageCommitmentRow).where(StorageCommitmentRow.transaction_uid == transaction)
        ).one()
        session.expunge(row)
        return row


class TestAsking:
    @pytest.mark.parametrize(
        "information",
        [
            keys(TransactionUID="1.2.3"),
            keys(TransactionUID="1.2.3", ReferencedSOPSequence=[]),
            keys(ReferencedSOPSequence=references((CT_IMAGE_STORAGE, "1.2"))),
            keys(TransactionUID="1.2.3", ReferencedSOPSequence=[keys(ReferencedSOPClassUID=CT_IMAGE_STORAGE)]),
        ],
    )
    def test_without_transaction_or_instances_is_refused(self, scp: StorageScp, information: Any):
        assert ask(scp, information) == 0x0115

    def test_for_another_action_is_refused(self, scp: StorageScp):
        information = keys(TransactionUID="1.2.3", ReferencedSOPSequence=references((CT_IMAGE_STORAGE, "1.2")))
        assert ask(scp, information, action=2) == 0x0123

    def test_who_may_not_store_may_not_ask(self, scp: StorageScp):
        information = keys(TransactionUID="1.2.3", ReferencedSOPSequence=references((CT_IMAGE_STORAGE, "1.2")))
        assert ask(scp, information, calling="READER") == 0x0124


class TestReport:
    @pytest.mark.clause("R1.3")
    def test_says_what_is_here_whole_and_what_is_not(
        self, archive: Archive, scp: StorageScp, machine: Machine, peer: Peer
    ):
        asked = [
            (CT_IMAGE_STORAGE, instance_uid(number=1)),
            (SECONDARY_CAPTURE_STORAGE, instance_uid(number=2)),
            (CT_IMAGE_STORAGE, instance_uid(number=3)),
            (CT_IMAGE_STORAGE, instance_uid(number=99)),
        ]
        assert ask(scp, keys(TransactionUID="1.2.4", ReferencedSOPSequence=references(*asked))) == 0
        machine.heard.clear()
        with archive.database.reading() as session:
            report = examine(session, archive.blobs, session.merge(kept(archive, "1.2.4"), load=False))
        deliver(report, peer, connecting("US", None), "US")
        [(event_type, information)] = machine.heard
        assert (event_type, information.TransactionUID) == (2, "1.2.4")
        assert [item.ReferencedSOPInstanceUID for item in information.ReferencedSOPSequence] == [instance_uid(number=1)]
        assert {item.ReferencedSOPInstanceUID: item.FailureReason for item in information.FailedSOPSequence} == {
            instance_uid(number=2): 0x0119,
            instance_uid(number=3): 0x0112,
            instance_uid(number=99): 0x0112,
        }

    def test_goes_where_it_was_asked_when_the_machine_has_no_address(self, archive: Archive, scp: StorageScp):
        waiting = Machine(0)
        information = keys(
            TransactionUID="1.2.5", ReferencedSOPSequence=references((CT_IMAGE_STORAGE, instance_uid(number=1)))
        )
        assert ask(scp, information, calling="NOADDRESS", handlers=waiting.handlers) == 0
        [(event_type, heard)] = waiting.heard
        assert (event_type, heard.TransactionUID, "FailedSOPSequence" in heard) == (1, "1.2.5", False)

    @pytest.mark.parametrize("how", ["off", "refuses"])
    def test_stays_owed_until_it_is_heard(
        self, archive: Archive, scp: StorageScp, machine: Machine, peer: Peer, how: str
    ):
        information = keys(
            TransactionUID=f"1.2.6.{len(how)}", ReferencedSOPSequence=references((CT_IMAGE_STORAGE, "1.9"))
        )
        assert ask(scp, information) == 0
        to = peer if how == "refuses" else Peer(ae_title="CT1", institution_code=INSTITUTION, host="127.0.0.1", port=1)
        machine.answer = 0x0110
        with archive.database.reading() as session:
            row = session.merge(kept(archive, information.TransactionUID), load=False)
            report = examine(session, archive.blobs, row)
        with pytest.raises(ReportNotHeard):
            deliver(report, to, connecting("US", None), "US")
        machine.answer = 0x0000
        assert kept(archive, information.TransactionUID).reported_at is None
        deliver(report, peer, connecting("US", None), "US")

    def test_a_machine_that_leaves_at_once_is_not_kept_waiting(self, scp: StorageScp):
        information = keys(TransactionUID="1.2.7", ReferencedSOPSequence=references((CT_IMAGE_STORAGE, "1.9")))
        began = time.monotonic()
        assert ask(scp, information, calling="NOADDRESS") == 0
        assert time.monotonic() - began < 20
