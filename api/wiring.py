"""Where real adapters are chosen: settings in, services out. Used by app, worker, command line and tests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from api.audit.anchor import AuditAnchor
from api.audit.retrievals import RetrievalNotes
from api.auth.citizen.port import CitizenPlatform
from api.auth.citizen.visits import Visits
from api.auth.comparisons import Comparisons
from api.auth.laboratory_views import LaboratoryViews
from api.auth.launches import Launches, Openings, PluginSessions
from api.auth.limits import Limiter
from api.auth.link_sessions import LinkSessions
from api.auth.machine_keys import MachineKeys
from api.auth.tickets import Tickets
from api.auth.verification import Verification
from api.clock import Clock, utc_now
from api.db.engine import Database
from api.editorial.live import LiveKnowledge
from api.models_wiring import build_chat_model, build_embedder
from api.processes.private_redis import socket_url
from api.secrets import Keys, load_or_create_keys
from api.settings import BlobSettings, ColdSettings, Mode, Settings
from api.sms.sender import GatewaySmsSender, InboxSmsSender, SmsSender
from api.workflows.check_order_platform import PlatformElsewhere
from imaging_core.blobs import (
    BlobRef,
    BlobStore,
    ReplicatedBlobStore,
    S3BlobStore,
    S3Location,
    SegmentBlobStore,
    WhenDown,
)
from imaging_core.blobs.cold import ColdBucket, ColdFolder, ColdPlace
from imaging_core.blobs.replicated import open_marked
from imaging_core.blobs.tiered import TieredBlobStore
from imaging_core.derive import DerivedReader, DerivedStore, Deriver
from imaging_core.dicom.limits import Limits
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import InstanceRow
from imaging_core.ingest.store import Ingestor
from imaging_core.interop.hl7v2.profile import IntakeProfile
from imaging_core.interop.hl7v2.report_codes import ReportCodes
from imaging_core.interop.regional import ProvincialPlatform, ProvincialSettings
from imaging_core.interop.regional.provincial import Call
from imaging_core.normalise.normaliser import Normaliser
from imaging_core.patients.cipher import FieldCipher
from imaging_core.reminders.elsewhere import BoundedElsewhere
from imaging_core.reports.types import ReportStatus
from imaging_core.retrieve import Retrieval
from imaging_core.sharing.codes import CodeHasher
from imaging_core.sharing.links import LinkIssuer
from imaging_core.volume import Volumes
from interpret.models.port import ChatModel
from interpret.types import HospitalInfo
from knowledge_base.base import KnowledgeBase
from knowledge_base.embed import Embedder

if TYPE_CHECKING:
    from ocr.worker import ReadingWorker

_REDIS_SECONDS = 10

FONT = (
    Path(__file__).resolve().parents[1]
    / "viewer_h5/node_modules/@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf"
)


@dataclass
class Services:
    """Everything a process may need. Heavy parts are made on first use."""

    settings: Settings
    keys: Keys
    clock: Clock
    database: Database
    redis: Redis
    blobs: BlobStore
    ingestor: Ingestor
    cipher: FieldCipher
    link_issuer: LinkIssuer
    derived: DerivedReader
    spool: Path

    @cached_property
    def sms(self) -> SmsSender | None:
        """The gateway; the inbox page in demo mode; None where codes cannot be sent."""
        gateway = self.settings.sms
        if gateway.gateway_url is not None:
            token = gateway.gateway_token.get_secret_value() if gateway.gateway_token else ""
            return GatewaySmsSender(str(gateway.gateway_url), token)
        return InboxSmsSender(self.redis) if self.settings.mode is Mode.DEMO else None

    @cached_property
    def newest_told(self) -> timedelta | None:
        """How old a report may be that is told to its patient by a short message; None: nothing is told."""
        days = self.settings.sms.report_ready_days
        if self.settings.mode is Mode.DEMO and days is None:
            return timedelta.max
        return timedelta(days=days) if days and self.sms is not None else None

    @cached_property
    def retrieval(self) -> Retrieval:
        """Finds, reads and decodes stored instances for those who retrieve them."""
        derived = DerivedStore(self.settings.data / "derived")
        return Retrieval.open(self.database.engine, self.blobs, derived, base_url=self.settings.base_url)

    @cached_property
    def normaliser(self) -> Normaliser:
        """Judges what devices wrote, beside what is stored."""
        database = self.database
        return Normaliser(
            self.blobs, _limits(self.settings), reads=database.reads, writes=database.writes, clock=self.clock
        )

    @cached_property
    def retrieval_notes(self) -> RetrievalNotes:
        """Records what machines retrieve."""
        return RetrievalNotes(self.database, self.clock)

    @cached_property
    def machine_keys(self) -> MachineKeys:
        """Keys of machines that call."""
        return MachineKeys(self.database)

    @cached_property
    def limiter(self) -> Limiter:
        """Rate limits."""
        return Limiter(self.redis)

    @cached_property
    def link_sessions(self) -> LinkSessions:
        """Sessions of exchanged links."""
        return LinkSessions(self.redis)

    @cached_property
    def verification(self) -> Verification:
        """One-time codes and tries."""
        return Verification(self.redis, self.limiter, self.sms, self.keys.link, self.settings.verification)

    @cached_property
    def code_hasher(self) -> CodeHasher:
        """Hashes passcodes and extraction codes."""
        return CodeHasher(self.keys.link)

    @cached_property
    def tickets(self) -> Tickets:
        """One-time tickets for downloads."""
        return Tickets(self.redis, seconds=self.settings.sharing.ticket_seconds)

    @cached_property
    def launches(self) -> Launches:
        """Launches by which a HIS wakes the doctor's plugin."""
        return Launches(self.redis, self.link_issuer)

    @cached_property
    def plugin_sessions(self) -> PluginSessions:
        """Awake plugins."""
        return PluginSessions(self.redis, self.link_issuer)

    @cached_property
    def plugin_openings(self) -> Openings:
        """One-time addresses of examinations that a doctor clicked."""
        return Openings(self.redis)

    @cached_property
    def laboratory_views(self) -> LaboratoryViews:
        """Laboratory reports that a doctor opened; as long as a study stays open."""
        return LaboratoryViews(self.redis, lasts=timedelta(minutes=self.settings.verification.grant_minutes))

    @cached_property
    def comparisons(self) -> Comparisons:
        """One-time addresses of two examinations side by side."""
        return Comparisons(self.redis)

    @cached_property
    def citizen_platforms(self) -> Mapping[str, CitizenPlatform]:
        """Outside platforms whose citizens come here verified, by name."""
        from api.auth.citizen.platforms import build_citizen_platforms

        return build_citizen_platforms(self.settings, self.redis)

    @cached_property
    def citizen_visits(self) -> Visits:
        """Ways to those platforms and back."""
        return Visits(self.redis)

    @property
    def knowledge(self) -> KnowledgeBase:
        """What patients are told now; loaded by whoever comes first. Take it once for one answer."""
        return self.live_knowledge.told

    @cached_property
    def live_knowledge(self) -> LiveKnowledge:
        """The knowledge with what staff published; in production without what nobody has reviewed."""
        return LiveKnowledge(
            lambda: KnowledgeBase.load(embedder=self.embedder),
            self.database,
            self.settings.hospital.institution_code,
            withhold_starter=self.settings.mode is Mode.PRODUCTION,
        )

    @cached_property
    def embedder(self) -> Embedder | None:
        """The bundled embedder; None when its files are missing, then search goes by words alone."""
        return build_embedder(self.settings)

    @cached_property
    def model(self) -> ChatModel | None:
        """The language model, when one is configured."""
        return build_chat_model(self.settings.llm)

    @cached_property
    def audit_anchor(self) -> AuditAnchor:
        """The length of the audit chain, known outside the database."""
        return AuditAnchor(self.settings.data / "audit-anchor", self.keys.audit)

    @cached_property
    def intake_profile(self) -> IntakeProfile:
        """How HL7 messages of this hospital are read."""
        hl7 = self.settings.hl7
        when_absent = hl7.report_status_when_absent
        return IntakeProfile(
            InstitutionCode(self.settings.hospital.institution_code),
            facilities={name: InstitutionCode(code) for name, code in hl7.facilities.items()},
            report_codes=ReportCodes(status_when_absent=when_absent and ReportStatus(when_absent)),
        )

    @cached_property
    def elsewhere(self) -> BoundedElsewhere:
        """Where else a patient's examinations are looked for while a doctor orders."""
        place = None if self.platform is None else PlatformElsewhere(self.platform)
        return BoundedElsewhere(place, seconds=self.settings.reminders.platform_seconds)

    @cached_property
    def platform(self) -> ProvincialPlatform | None:
        """The regional platform, when one is configured."""
        platform = self.settings.platform
        if platform.url is None:
            return None
        return ProvincialPlatform(
            ProvincialSettings(
                url=str(platform.url),
                key=platform.key,
                secret=platform.secret.get_secret_value().encode(),
                institution_code=InstitutionCode(self.settings.institution_on_platform),
                institution_name=self.settings.hospital.name,
                seconds=platform.seconds,
                upload_seconds=platform.upload_seconds,
                clock_skew_seconds=platform.clock_skew_seconds,
                field_names=platform.field_names,
                paths={Call(ours): theirs for ours, theirs in platform.paths.items()},
            ),
            self.clock,
        )

    @cached_property
    def hospital_info(self) -> HospitalInfo:
        """Whom answers may refer a patient to."""
        hospital = self.settings.hospital
        return HospitalInfo(name=hospital.name, phone=hospital.phone)

    @cached_property
    def deriver(self) -> Deriver:
        """Makes frames, previews and manifests."""
        return Deriver(
            blobs=self.blobs,
            derived=DerivedStore(self.settings.data / "derived"),
            sessions=self.database.writes,
        )

    @cached_property
    def volumes(self) -> Volumes:
        """Makes slabs and planes of series in a limited process of its own."""
        return Volumes(self.derived)

    @cached_property
    def paper_reader(self) -> "ReadingWorker":
        """Reads paper reports in a limited process of its own."""
        from ocr.worker import ReadingWorker  # only the worker process needs it

        return ReadingWorker()

    @property
    def font(self) -> Path:
        """The Chinese font of printed reports."""
        return FONT

    def blob_ref(self, instance: InstanceRow) -> BlobRef:
        """Return where the bytes of an instance are."""
        return BlobRef(instance.blob_digest, instance.blob_size, instance.blob_locator)

    def close(self) -> None:
        """Close what holds processes and connections."""
        if live := self.__dict__.get("live_knowledge"):
            live.stop()
        for name in ("paper_reader", "deriver", "retrieval", "volumes", "elsewhere"):
            if name in self.__dict__:
                self.__dict__[name].close()
        if platform := self.__dict__.get("platform"):
            platform.close()
        self.redis.close()
        self.database.close()


def build_services(settings: Settings, *, clock: Clock = utc_now) -> Services:
    """Return the services of an installation; connections are opened on first use."""
    data = settings.data
    keys = load_or_create_keys(data)
    database = Database.open(settings.database)
    blobs = _blobs(settings)
    spool = data / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    return Services(
        settings=settings,
        keys=keys,
        clock=clock,
        database=database,
        redis=Redis.from_url(
            settings.redis_url or socket_url(data),
            # a Redis that hangs costs one request some seconds, not every request for ever
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
            health_check_interval=30,
        ),
        blobs=blobs,
        ingestor=Ingestor(blobs, reads=database.reads, writes=database.writes, limits=_limits(settings), clock=clock),
        cipher=FieldCipher(keys.field_cipher, keys.current_field_cipher, keys.blind_index),
        link_issuer=LinkIssuer(keys.link),
        derived=DerivedReader(DerivedStore(data / "derived")),
        spool=spool,
    )


def _blobs(settings: Settings) -> BlobStore:
    blobs = settings.blobs
    if blobs.s3_bucket:
        primary: BlobStore = S3BlobStore(S3Location(bucket=blobs.s3_bucket, endpoint_url=blobs.s3_endpoint_url))
    elif blobs.cold.is_set:
        primary = TieredBlobStore(settings.data / "blobs", _cold(blobs.cold), roll_bytes=blobs.segment_bytes)
    else:
        primary = SegmentBlobStore(settings.data / "blobs", roll_bytes=blobs.segment_bytes)
    ever = settings.data / "replicated"
    if blobs.replica.is_set:
        ever.touch()
    elif not ever.exists():
        return primary
    return ReplicatedBlobStore(
        primary,
        # the index still names copies of a time with a replica
        (lambda: _replica(blobs)) if blobs.replica.is_set else None,
        when_down=WhenDown(blobs.replica.when_down),
        seconds=blobs.replica.seconds,
    )


def _cold(cold: ColdSettings) -> ColdPlace:
    if cold.folder is not None:
        return ColdFolder(cold.folder)
    return ColdBucket(S3Location(bucket=str(cold.s3_bucket), prefix="cold/", endpoint_url=cold.s3_endpoint_url))


def _replica(blobs: BlobSettings) -> BlobStore:
    replica = blobs.replica
    if replica.folder is not None:
        return open_marked(replica.folder, lambda folder: SegmentBlobStore(folder, roll_bytes=blobs.segment_bytes))
    location = S3Location(bucket=str(replica.s3_bucket), prefix="replica/", endpoint_url=replica.s3_endpoint_url)
    return S3BlobStore(replace(location, seconds=replica.seconds, tries=2))


def _limits(settings: Settings) -> Limits:
    return Limits(instance_bytes=settings.limits.instance_bytes)
