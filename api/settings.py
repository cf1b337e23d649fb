"""The only reader of the environment: one frozen section per part of the system.

Values come from `MINGYING_…` variables (nested names joined by two underscores, e.g.
`MINGYING_LLM__BASE_URL`), then from `settings.toml` in the data folder, then from the defaults below.
"""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

GIB = 1024**3
MIB = 1024**2

_LEAST_PLATFORM_SECRET = 16
DEMO_INSTITUTION_CODE = "12340000DEMO000001"


class Mode(StrEnum):
    """What the installation is for."""

    DEMO = "demo"
    PRODUCTION = "production"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Certificate(_Section):
    """A certificate of the operator that patients may see (R3.8)."""

    name: str
    number: str


class HospitalSettings(_Section):
    """Whose service this is."""

    institution_code: str = DEMO_INSTITUTION_CODE
    name: str = "演示县人民医院"
    operator: str = "演示县人民医院信息科"
    phone: str = "000-0000120"
    certificates: tuple[Certificate, ...] = ()


class HttpSettings(_Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_base_url: str = ""
    """Address that stands in QR codes; empty: http://localhost:<port>."""
    secure_cookies: bool = False
    """Set behind TLS; required in production unless the host is a loopback address."""
    metrics_token: SecretStr | None = None


class DicomPeerSettings(_Section):
    """One application entity, and what it may do."""

    ae_title: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[ -\[\]-~]{1,16}$")]
    may: tuple[Literal["store", "query", "retrieve", "destination"], ...] = ("store",)
    """`destination`: instances may be sent there for others (C-MOVE)."""
    host: str = ""
    port: int = Field(default=104, ge=1, le=65535)
    institution_code: str = ""
    """Whose images it sends and sees; empty: the hospital's."""
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where its associations must come from, e.g. "10.1.2.0/24"; none: anywhere."""
    tls: bool = False
    """Speak with it only over TLS."""

    @model_validator(mode="after")
    def _a_destination_has_an_address(self) -> Self:
        if "destination" in self.may and not self.host:
            raise ValueError(f"{self.ae_title} is a destination: it needs a host")
        return self


class DicomTlsSettings(_Section):
    """TLS for associations, beside the listener without."""

    port: int = 2762
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    """Signs the certificates of the other side; with it nobody without one is let in."""

    @model_validator(mode="after")
    def _a_certificate_has_a_key(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key belong together")
        return self


class DicomSettings(_Section):
    """The DICOM listener."""

    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "MINGYING"
    calling_ae_titles: tuple[str, ...] = ("STORESCU", "MODALITY")
    """Senders that are let in to store and no more; whoever is neither here nor in `peers` is rejected."""
    peers: tuple[DicomPeerSettings, ...] = ()
    tls: DicomTlsSettings = DicomTlsSettings()

    @model_validator(mode="after")
    def _know_each_peer_once(self) -> Self:
        titles = [peer.ae_title for peer in self.peers]
        if twice := {title for title in titles if titles.count(title) > 1}:
            raise ValueError(f"AE titles stand twice among the peers: {', '.join(sorted(twice))}")
        if self.tls.certificate is None and (secure := [peer.ae_title for peer in self.peers if peer.tls]):
            raise ValueError(f"{', '.join(secure)} wants TLS: it needs dicom.tls.certificate and key")
        return self


class RetentionSettings(_Section):
    """How long images are kept, and when the disk gets back the room of what was disposed of."""

    policy_file: Path | None = None
    """The policies of this hospital, in the form of `imaging_core/retention/policy.yaml`; absent: those shipped."""
    compact_share: float = Field(default=0.25, ge=0, le=1)
    """A segment of which so much is disposed of is rewritten in the night."""


class ReminderSettings(_Section):
    """When an order is told of earlier examinations."""

    window_days: int = Field(default=30, ge=0)
    """How long a result stays good; its last day belongs to it."""
    per_modality: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Windows of single modalities, e.g. {"CT": 90}."""
    outside_window: Literal["same", "related", "none"] = "related"
    include_own_hospital: bool = False
    institution_names: dict[str, str] = {}
    """How doctors read the codes of other institutions."""
    platform_seconds: float = Field(default=0.6, gt=0, le=2)
    """How long other places may think about an order; then it goes on without them."""


class PluginSettings(_Section):
    """The doctor's plugin."""

    his_origins: tuple[
        Annotated[str, StringConstraints(to_lower=True, pattern=r"(?i)^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")], ...
    ] = ()
    """Web pages of the HIS that may show the plugin in themselves, e.g. "https://his.example"; none: no page may."""


class Hl7Settings(_Section):
    """The MLLP listener."""

    host: str = "127.0.0.1"
    port: int = 2575
    max_message_bytes: int = 4 * MIB
    idle_seconds: float = 300.0
    facilities: dict[str, str] = {}
    """Sending facility (MSH-4) → institution code; empty: every message belongs to this hospital."""
    report_status_when_absent: Literal["preliminary", "verified"] | None = None
    """How a report without any status counts; None refuses it."""


class PlatformSettings(_Section):
    """The regional platform (区域平台). None: nothing is registered, and nobody is asked about other hospitals."""

    url: HttpUrl | None = None
    key: str = ""
    """What the platform calls us (app_key)."""
    secret: SecretStr = SecretStr("")
    """Signs our wish for a token, the platform's answers and its retrieval tickets."""
    institution_code: str = ""
    """Ours on the platform; empty: that of the hospital."""
    seconds: float = Field(default=2.0, gt=0)
    """For everything a person waits for."""
    upload_seconds: float = Field(default=20.0, gt=0)
    clock_skew_seconds: float = Field(default=300.0, gt=0)
    field_names: dict[str, str] = {}
    """Field names of the reference contract → those of this province."""
    paths: dict[str, str] = {}
    """Paths of the reference contract → those of this province."""
    ticket_minutes: float = Field(default=5.0, gt=0)
    """No ticket to open a study here may last longer."""
    open_minutes: int = Field(default=30, gt=0)
    """How long another hospital's doctor sees a study once it was opened."""

    @model_validator(mode="after")
    def _refuse_half_a_connection(self) -> Self:
        if self.url is None:
            return self
        if not self.key or len(self.secret.get_secret_value()) < _LEAST_PLATFORM_SECRET:
            raise ValueError(f"a regional platform needs a key, and a secret of {_LEAST_PLATFORM_SECRET} characters")
        if self.url.scheme != "https" and self.url.host not in {"127.0.0.1", "[::1]", "localhost"}:
            raise ValueError("ID numbers leave this machine: the address of the regional platform needs https")
        return self


class LimitSettings(_Section):
    """Limits on what is taken in."""

    instance_bytes: int = 4 * GIB
    document_bytes: int = 50 * MIB
    paper_bytes: int = 20 * MIB
    question_characters: int = 1000
    json_bytes: int = 256 * 1024


class VerificationSettings(_Section):
    """How a patient proves who they are."""

    code_minutes: int = 5
    resend_seconds: int = 60
    tries: int = 5
    lock_minutes: int = 15
    grant_minutes: int = 120


class SharingSettings(_Section):
    """What patients pass on and take away."""

    longest_days: int = 30
    """No share lasts longer, whatever the page offers."""
    download_hours: int = 24
    """How long an extraction code opens its package."""
    download_tries: int = 5
    """Wrong extraction codes one after another that end a package."""
    ticket_seconds: int = 60
    """Between the right code and the beginning of the download."""


def keeps_secrets(url: str) -> bool:
    """Return whether what is sent to an address is read by nobody on the way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))


def _https(url: str) -> str:
    if not keeps_secrets(url):
        raise ValueError("ID numbers come from there: the address of a citizen platform needs https")
    return url


SecretUrl = Annotated[str, AfterValidator(_https)]


class OidcPlatformSettings(_Section):
    """A citizen platform that speaks OpenID Connect."""

    kind: Literal["oidc"]
    title: str
    """How citizens call it."""
    issuer: SecretUrl
    """Exactly as it stands in its ID tokens."""
    client_id: str
    client_secret: SecretStr
    scope: str = "openid profile"
    id_number_claim: str = "id_number"
    name_claim: str = "name"
    """Empty where the platform shortens names (张*): then the ID number decides alone."""

    @model_validator(mode="after")
    def _ask_for_an_id_token(self) -> Self:
        if "openid" not in self.scope.split():
            raise ValueError("without the scope openid no platform sends an ID token")
        return self


class TicketPlatformSettings(_Section):
    """A citizen platform that sends the browser with a one-time ticket."""

    kind: Literal["ticket"]
    title: str
    redeem_url: SecretUrl
    key: str
    """What the platform calls us (app_key)."""
    secret: Annotated[SecretStr, Field(min_length=_LEAST_PLATFORM_SECRET)]
    """Signs our calls and the platform's answers."""
    entry_url: SecretUrl | None = None
    """The platform's page that sends citizens here; without it the door shows no button."""


class CitizenSettings(_Section):
    """Outside citizen platforms (皖事通, 皖美健康) whose users come here already verified."""

    platforms: dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")],
        Annotated[OidcPlatformSettings | TicketPlatformSettings, Field(discriminator="kind")],
    ] = {}
    seconds: float = Field(default=5.0, gt=0)
    """How long a platform may take to say who somebody is."""


class SmsSettings(_Section):
    """The SMS gateway; without an address production offers verification by ID number only."""

    gateway_url: HttpUrl | None = None
    gateway_token: SecretStr | None = None
    report_ready_days: int | None = Field(default=None, ge=0)
    """Reports not older than so many days are told to the phone on record when they come; none: no message is sent,
    except to the demo's inbox."""


class LlmSettings(_Section):
    """An OpenAI-compatible server that may rephrase composed sentences. None: everything works without."""

    base_url: HttpUrl | None = None
    model: str = ""
    api_key: SecretStr = SecretStr("none")
    timeout_seconds: float = 8.0
    """How long rephrasing may delay an answer; then the composed sentences stand."""
    allow_external: bool = False
    """Text leaves the premises only when this is set; without it only loopback and private addresses are called."""


class PlaceSettings(_Section):
    """A further place for bytes: a folder on another disk, or a bucket. Neither: there is none."""

    folder: Path | None = None
    s3_bucket: str | None = None
    s3_endpoint_url: str | None = None

    @model_validator(mode="after")
    def _be_one_place(self) -> Self:
        if self.folder is not None and self.s3_bucket:
            raise ValueError("name a folder or an S3 bucket, not both")
        return self

    @property
    def is_set(self) -> bool:
        """Whether there is such a place."""
        return self.folder is not None or bool(self.s3_bucket)


class ReplicaSettings(PlaceSettings):
    """A second copy of every byte, written before an arrival is acknowledged."""

    when_down: Literal["refuse", "go_on"] = "refuse"
    """Whether arrivals are refused while it cannot be written, or kept without copy and copied later."""
    seconds: float = Field(default=30.0, gt=0)
    """How long it may take to write what arrived."""


class ColdSettings(PlaceSettings):
    """A cheaper place for segments that nobody opens any more; they are read there all the same."""

    after_days: float = Field(default=365, ge=1)
    """So long after the last image came into a segment."""
    unused_days: float = Field(default=90, ge=1)
    """So long after somebody opened one of its images."""


class BlobSettings(_Section):
    """Where received bytes are kept."""

    s3_bucket: str | None = None
    s3_endpoint_url: str | None = None
    segment_bytes: int = Field(default=GIB, ge=MIB)
    """A segment that has reached so much is not written again."""
    replica: ReplicaSettings = ReplicaSettings()
    cold: ColdSettings = ColdSettings()
    scrub_days: float = Field(default=90, gt=0)
    """Within so many days every stored byte is read again and held against its digest."""
    scrub_bytes_a_second: int = Field(default=20 * MIB, ge=MIB)
    """Never faster than that, so that nobody waits for it."""

    @model_validator(mode="after")
    def _have_segments_to_move(self) -> Self:
        if self.cold.is_set and self.s3_bucket:
            raise ValueError("a bucket moves its own objects to colder classes: set no cold place beside it")
        return self


class Settings(BaseSettings):
    """All settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix="MINGYING_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        toml_file=None,
        hide_input_in_errors=True,  # secrets among it
    )

    mode: Mode = Mode.PRODUCTION
    data: Path = Path("mingying-data")
    database_url: str = ""
    redis_url: str = ""
    hospital: HospitalSettings = HospitalSettings()
    http: HttpSettings = HttpSettings()
    dicom: DicomSettings = DicomSettings()
    hl7: Hl7Settings = Hl7Settings()
    reminders: ReminderSettings = ReminderSettings()
    retention: RetentionSettings = RetentionSettings()
    plugin: PluginSettings = PluginSettings()
    platform: PlatformSettings = PlatformSettings()
    limits: LimitSettings = LimitSettings()
    verification: VerificationSettings = VerificationSettings()
    sharing: SharingSettings = SharingSettings()
    citizen: CitizenSettings = CitizenSettings()
    sms: SmsSettings = SmsSettings()
    llm: LlmSettings = LlmSettings()
    blobs: BlobSettings = BlobSettings()
    embedder_folder: Path | None = None
    derive_quiet_seconds: float = Field(default=2.0, ge=0)
    """A study is derived once nothing arrived for this long."""

    @classmethod
    def load(cls, data: Path | None = None, **overrides: object) -> Self:
        """Read environment and `settings.toml` of the data folder."""
        if data is not None:
            overrides["data"] = data
        probe = cls(**overrides)  # type: ignore[arg-type]  # pydantic checks the values
        toml = probe.data / "settings.toml"
        if not toml.exists():
            return probe

        class WithFile(cls):  # type: ignore[valid-type, misc]  # the file's place is known only now
            model_config = SettingsConfigDict(toml_file=toml)

        loaded = WithFile(**overrides)
        return cls.model_validate(loaded.model_dump())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="after")
    def _refuse_demo_values_in_production(self) -> Self:
        if self.mode is Mode.DEMO:
            return self
        if self.http.host not in {"127.0.0.1", "::1", "localhost"} and not self.http.secure_cookies:
            raise ValueError(
                "production on a public address needs TLS: set MINGYING_HTTP__SECURE_COOKIES=true behind a TLS proxy"
            )
        return self

    @property
    def database(self) -> str:
        """The database address; by default SQLite in the data folder."""
        return self.database_url or f"sqlite:///{(self.data / 'index.sqlite').absolute()}"

    @property
    def institution_on_platform(self) -> str:
        """What the regional platform calls this hospital."""
        return self.platform.institution_code or self.hospital.institution_code

    def institution_name(self, code: str) -> str:
        """Return what an institution is called; its code where nobody told the name."""
        if code == self.hospital.institution_code:
            return self.hospital.name
        return self.reminders.institution_names.get(code, code)

    @property
    def base_url(self) -> str:
        """Address that stands in links, without a trailing slash."""
        return (self.http.public_base_url or f"http://localhost:{self.http.port}").rstrip("/")
