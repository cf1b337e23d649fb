"""A small hospital in one process: real database, Redis, blobs and knowledge; invented patients with a CT each."""

import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx
import uvicorn
from anyio.from_thread import BlockingPortal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from starlette.routing import BaseRoute

from api.app import build_routes, create_app
from api.auth.cookies import GRANT_COOKIE
from api.db.tables import MachineKeyRow
from api.editorial.live import LiveKnowledge
from api.settings import Mode, Settings
from api.wiring import Services, build_services
from api.workflows.follow_changes import audit_changes, match_arrivals, owe_derivations
from api.workflows.print_report import report_link
from imaging_core.domain.grants import Grant, Right
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import InstanceRow, StudyRow
from imaging_core.ingest import Channel, Origin
from imaging_core.interop.hl7v2.intake import handle_message
from imaging_core.interop.hl7v2.profile import IntakeProfile
from imaging_core.reports.reading import current_report
from imaging_core.sharing.grants import open_grant
from imaging_core.sharing.links import redeem_link
from imaging_core.sharing.shares import issue_share
from knowledge_base.base import KnowledgeBase
from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
OTHER_PHONE = "13800000002"
OTHER_ID_NUMBER = "110101198001010029"


class SteppingClock:
    """A clock that tests move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class SmallHospital:
    """Services and what was loaded into them."""

    services: Services
    clock: SteppingClock

    def load(self, *, patient_id: str, accession_number: str, study: str, derive: bool = False, **person: Any) -> str:
        """Register a patient with a verified report and a CT; return the token of the report's link."""
        self.hl7(hl7.adt_a04(patient_id=patient_id, **person))
        name = person.get("name", "测试患者")
        self.images(
            ct_series(
                3, 16, 16, study=study, patient_id=patient_id, patient_name=name, accession_number=accession_number
            )
        )
        uid = study_uid(study)
        self.hl7(
            hl7.oru_r01(patient_id=patient_id, name=name, accession_number=accession_number, study_instance_uid=uid)
        )
        self.follow(derive=derive)
        return self.token(uid)

    def hl7(self, message: bytes, *, answered: bytes = b"MSA|AA") -> bytes:
        """Hand one HL7 message in; return its acknowledgement, which holds `answered`."""
        services = self.services
        answer = handle_message(
            message,
            profile=IntakeProfile(InstitutionCode(services.settings.hospital.institution_code)),
            sessions=services.database.writes,
            cipher=services.cipher,
            blobs=services.blobs,
            now=services.clock(),
        )
        assert answered in answer, answer.decode("gb18030")
        return answer

    def images(self, instances: Sequence[bytes]) -> None:
        """Store instances."""
        code = self.services.settings.hospital.institution_code
        for instance in instances:
            origin = Origin(Channel.IMPORT, "test")
            self.services.ingestor.store_instance(BytesIO(instance), institution_code=code, origin=origin)

    def follow(self, *, derive: bool) -> None:
        """Do what the worker does: follow the feed and, when asked to, derive every study."""
        services = self.services
        with services.database.writing() as session:
            match_arrivals(session, services.clock())
            owe_derivations(session, services.clock(), quiet=timedelta(0))
            audit_changes(session, services.clock())
        if not derive:
            return
        with services.database.reading() as session:
            studies = session.scalars(select(StudyRow.study_instance_uid)).all()
        for study in studies:
            services.deriver.derive_study(services.settings.hospital.institution_code, study)

    def token(self, study: str) -> str:
        """Return the token in the QR of a study's report."""
        with self.services.database.writing() as session:
            row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study)).one()
            return report_link(self.services, session, row).partition("#")[2]

    def report_id(self, study: str) -> str:
        """Return the id of a study's report."""
        with self.services.database.reading() as session:
            row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study)).one()
            report = current_report(session, row)
            assert report is not None
            return report.report_key

    @property
    def institution_code(self) -> str:
        return self.services.settings.hospital.institution_code

    @cached_property
    def app(self) -> FastAPI:
        return create_app(self.services, routes=_routes(self.services.settings))

    def client(self) -> httpx.AsyncClient:
        """Return a browser without cookies."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://hospital.test")

    def browser(self, cookie: str = "") -> TestClient:
        """Return a browser for tests that do one thing after another; `cookie` is that of a grant."""
        client = TestClient(self.app, base_url="http://hospital.test")
        client.portal = _one_loop()
        if cookie:
            client.cookies.set(GRANT_COOKIE, cookie, domain="hospital.test", path="/api/patient")
        return client

    def grant(
        self,
        study: str,
        rights: AbstractSet[Right] = frozenset(Right),
        *,
        shared: bool = False,
        minutes: float = 120,
    ) -> tuple[Grant, str]:
        """Open a grant for a study without the road to it; return it and its cookie."""
        now = self.services.clock()
        token = self.shared_token(study) if shared else self.token(study)
        with self.services.database.writing() as session:
            link = redeem_link(session, token, now)
            assert link is not None
            grant, cookie = open_grant(session, link, rights, now, timedelta(minutes=minutes))
        return grant, cookie

    def shared_token(
        self, study: str, *, passcode: str | None = None, days: float = 7, more: AbstractSet[Right] = frozenset()
    ) -> str:
        """Return the token of a link that the patient passed on."""
        services, now = self.services, self.clock()
        kept = services.code_hasher.hash(passcode) if passcode else None
        with services.database.writing() as session:
            row = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study)).one()
            issued = issue_share(
                session,
                services.link_issuer,
                row,
                passcode_hash=kept,
                more=more,
                expires_at=now + timedelta(days=days),
                now=now,
            )
        return issued.token

    def machine_key(self, *scopes: str, revoked: bool = False) -> dict[str, str]:
        """Issue a key; return the header that carries it."""
        key = secrets.token_urlsafe(32)
        now = self.services.clock()
        with self.services.database.writing() as session:
            session.add(
                MachineKeyRow(
                    institution_code=self.institution_code,
                    name="test",
                    key_hash=hashlib.sha256(key.encode()).hexdigest(),
                    scopes=list(scopes),
                    created_at=now,
                    revoked_at=now if revoked else None,
                )
            )
        return {"Authorization": f"Bearer {key}"}


_ROUTES: list[tuple[Settings, list[BaseRoute]]] = []
"""Built so far, and the settings they were built from; what differs from test to test is left out of those."""


def _routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes of these settings, built once: it takes a third of a second."""
    settings = settings.model_copy(update={"data": Path(), "database_url": "", "redis_url": ""})
    built = next((routes for of, routes in _ROUTES if of == settings), None)
    if built is None:
        built = build_routes(settings)
        _ROUTES.append((settings, built))
    return built


@cache
def _one_loop() -> BlockingPortal:
    """Return the event loop of all browsers of this process; else each request starts one, which takes longer than it."""
    opened: Future[BlockingPortal] = Future()

    async def run() -> None:
        async with BlockingPortal() as portal:
            opened.set_result(portal)
            await portal.sleep_until_stopped()

    threading.Thread(target=anyio.run, args=(run,), daemon=True).start()
    return opened.result()


def small_hospital(
    data: Path,
    *,
    database_url: str,
    redis_url: str,
    knowledge: KnowledgeBase | None = None,
    mode: Mode = Mode.DEMO,
    **settings: Any,
) -> SmallHospital:
    """Open a hospital over a migrated database; `knowledge` spares it loading its own."""
    clock = SteppingClock(NOW)
    loaded = Settings(mode=mode, data=data, database_url=database_url, redis_url=redis_url, **settings)
    services = build_services(loaded, clock=clock)
    if knowledge is not None:
        # the place of the cached property
        services.__dict__["live_knowledge"] = LiveKnowledge(
            lambda: knowledge,
            services.database,
            loaded.hospital.institution_code,
            withhold_starter=mode is Mode.PRODUCTION,
        )
    return SmallHospital(services, clock)


@contextlib.contextmanager
def served(hospital: SmallHospital) -> Iterator[str]:
    """Serve a hospital by HTTP on a free port of this machine, for what only a real server shows; yield its address."""
    config = uvicorn.Config(hospital.app, host="127.0.0.1", port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def received(hospital: SmallHospital) -> tuple[str, bytes]:
    """Return the UID of the first instance and the bytes that were received."""
    services = hospital.services
    with services.database.reading() as session:
        instance = session.scalars(select(InstanceRow).order_by(InstanceRow.id).limit(1)).one()
    return instance.sop_instance_uid, b"".join(services.blobs.read(services.blob_ref(instance)))


async def verified(client: httpx.AsyncClient, token: str, id_number: str = hl7.ID_NUMBER) -> httpx.AsyncClient:
    """Exchange a link and verify by ID number."""
    assert (await client.post("/api/patient/link", json={"token": token})).status_code == 204
    proof = {"method": "id_number", "id_number": id_number}
    answer = await client.post("/api/patient/verification", json=proof)
    assert answer.status_code == 200, answer.text
    return client
