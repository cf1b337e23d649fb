"""`mingying check`: the self-test of an installation, a sentence for each fault."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import BytesIO

import httpx
import typer
from sqlalchemy import text

from api.commands.common import DataOption, JsonOption, err, out, print_json, running_services
from api.processes import private_redis
from api.routes.pages import DIST
from api.settings import GIB
from api.wiring import FONT, Services
from api.workflows.keep_storage import cold_bytes, figures_of, replicated
from api.workflows.register_study import count_registrations
from imaging_core.blobs import BlobRef, ReplicatedBlobStore
from imaging_core.errors import StoreUnavailable
from imaging_core.interop.regional import PlatformError

_LEAST_FREE_BYTES = 5 * GIB
_LEAST_DAYS = 90
_CLOCK_YEAR = 2026


@dataclass(frozen=True, slots=True)
class Finding:
    """Outcome of one check. `essential` ones make the command fail."""

    part: str
    ok: bool
    sentence: str
    essential: bool = True


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check", epilog="Example: mingying check --data /srv/mingying")(check)


def check(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Test this installation: database, blobs, Redis, models, OCR languages, language model, clock, disk, pages."""
    with running_services(data) as services:
        findings = [_guarded(name, test, services) for name, test in _CHECKS.items()]
    if as_json:
        print_json(
            {"ok": all(item.ok or not item.essential for item in findings), "parts": [asdict(f) for f in findings]}
        )
    else:
        for item in findings:
            mark = "ok  " if item.ok else "FAIL" if item.essential else "note"
            (out if item.ok or not item.essential else err).print(f"{mark} {item.part}: {item.sentence}", markup=False)
    if any(item.essential and not item.ok for item in findings):
        raise typer.Exit(1)


def _guarded(name: str, test: Callable[[Services], Finding], services: Services) -> Finding:
    try:
        return test(services)
    except Exception as error:  # noqa: BLE001  # a check that breaks is a finding, the others go on
        return Finding(name, ok=False, sentence=f"the check itself failed ({type(error).__name__}: {error})")


def _database(services: Services) -> Finding:
    with services.database.reading() as session:
        session.execute(text("SELECT 1"))
    return Finding("database", ok=True, sentence=services.database.engine.dialect.name)


def _blobs(services: Services) -> Finding:
    ref = services.blobs.put(BytesIO(b"mingying check"))
    same = b"".join(services.blobs.read(ref)) == b"mingying check"
    return Finding(
        "blobs", ok=same, sentence="written and read back" if same else "what was read is not what was written"
    )


def _kept(services: Services) -> Finding:
    figures = figures_of(services)
    faults = []
    if figures.scrub.unrepaired:
        faults.append(f"{figures.scrub.unrepaired} copies are damaged and no right one is known: mingying scrub")
    if figures.scrub_overdue:
        faults.append(
            "the scrub is behind its period: let the worker run, or raise MINGYING_BLOBS__SCRUB_BYTES_A_SECOND"
        )
    if figures.replica is not None and (blobs := replicated(services)) is not None:
        faults += _replica_faults(blobs, figures.replica.lacking)
    if figures.tiers is None and (strayed := cold_bytes(services)):
        faults.append(f"{strayed} bytes lie in a colder place that is set no more: MINGYING_BLOBS__COLD__FOLDER")
    sentence = "; ".join(faults) or f"{figures.scrub.bytes / GIB:.1f} GiB read again so far, nothing open"
    return Finding("kept bytes", ok=not faults, sentence=sentence)


def _replica_faults(blobs: ReplicatedBlobStore, lacking: int) -> list[str]:
    try:
        blobs.side("replica").exists(BlobRef("0" * 64, 1, "00/none"))
    except StoreUnavailable:
        return ["the replica cannot be reached: mount it, or mingying storage prepare"]
    return [f"{lacking} blobs have no second copy yet"] if lacking else []


def _redis(services: Services) -> Finding:
    if services.settings.redis_url:
        services.redis.ping()
        return Finding("redis", ok=True, sentence="answers")
    program = private_redis.server_program()
    return Finding("redis", ok=True, sentence=f"private, started by `mingying up` from {program}")


def _embedder(services: Services) -> Finding:
    if services.embedder is None:
        return Finding("embedder", ok=False, sentence="its files are missing: run `make demo` or `make test` once")
    return Finding("embedder", ok=True, sentence=services.embedder.model_id)


def _ocr(_services: Services) -> Finding:
    from ocr.engines.rapid import RapidOcrEngine

    RapidOcrEngine()
    return Finding("ocr, first reader", ok=True, sentence="rapidocr, weights are there")


def _second_reader(_services: Services) -> Finding:
    if not shutil.which("tesseract"):
        sentence = "tesseract is not installed: sudo apt-get install -y tesseract-ocr tesseract-ocr-chi-sim"
        return Finding("ocr, second reader", ok=False, sentence=sentence, essential=False)
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False).stdout  # noqa: S607
    if "chi_sim" not in listed:
        sentence = "tesseract has no Chinese: sudo apt-get install -y tesseract-ocr-chi-sim"
        return Finding("ocr, second reader", ok=False, sentence=sentence, essential=False)
    return Finding("ocr, second reader", ok=True, sentence="tesseract with chi_sim", essential=False)


def _llm(services: Services) -> Finding:
    settings = services.settings.llm
    if settings.base_url is None:
        return Finding("language model", ok=True, sentence="not configured (fine: answers are composed from knowledge)")
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
    answer = httpx.get(f"{str(settings.base_url).rstrip('/')}/models", timeout=5, headers=headers, trust_env=False)
    return Finding(
        "language model", ok=answer.is_success, sentence=f"the server answers with status {answer.status_code}"
    )


def _region(services: Services) -> Finding:
    name, platform = "regional platform", services.platform
    if platform is None:
        return Finding(name, ok=True, sentence="not configured (fine: nothing is registered)")
    with services.database.reading() as session:
        counted = ", ".join(f"{count} {state}" for state, count in sorted(count_registrations(session).items()))
    try:
        platform.sign_in()
    except PlatformError as error:
        return Finding(name, ok=False, sentence=f"{error}; studies: {counted or 'none'}", essential=False)
    return Finding(name, ok=True, sentence=f"answers, signed; studies: {counted or 'none'}", essential=False)


def _clock(services: Services) -> Finding:
    now = services.clock()
    ok = now.year >= _CLOCK_YEAR
    return Finding(
        "clock", ok=ok, sentence=now.isoformat(timespec="seconds") if ok else f"it is not {now.year}: set the clock"
    )


def _disk(services: Services) -> Finding:
    free = shutil.disk_usage(services.settings.data).free
    if free < _LEAST_FREE_BYTES:
        return Finding("disk", ok=False, sentence=f"{free / GIB:.1f} GiB free: make room, images will be refused")
    left = figures_of(services).days_left
    if left is not None and left < _LEAST_DAYS:
        sentence = f"{free / GIB:.1f} GiB free, enough for {left:.0f} days at this growth: order more room now"
        return Finding("disk", ok=False, sentence=sentence, essential=False)
    return Finding(
        "disk", ok=True, sentence=f"{free / GIB:.1f} GiB free" + (f", enough for {left:.0f} days" if left else "")
    )


def _pages(_services: Services) -> Finding:
    ok = (DIST / "index.html").exists()
    return Finding("pages", ok=ok, sentence="built" if ok else "not built: run `make demo` once")


def _font(_services: Services) -> Finding:
    return Finding(
        "font", ok=FONT.exists(), sentence="Chinese font for printed reports" + ("" if FONT.exists() else " is missing")
    )


_CHECKS: dict[str, Callable[[Services], Finding]] = {
    "database": _database,
    "blobs": _blobs,
    "kept bytes": _kept,
    "redis": _redis,
    "embedder": _embedder,
    "ocr, first reader": _ocr,
    "ocr, second reader": _second_reader,
    "language model": _llm,
    "regional platform": _region,
    "clock": _clock,
    "disk": _disk,
    "pages": _pages,
    "font": _font,
}
