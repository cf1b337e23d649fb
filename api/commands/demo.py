"""The demo hospital: loaded over the real protocols, then served."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands import region
from api.commands.common import DataOption, err, fail, out
from api.commands.processes import PortOption, run_until_stopped, settings_with_port
from api.settings import Mode, Settings

app = typer.Typer(no_args_is_help=True)
region.register(app)

_DEMO_DATA = "demo-data"


@app.callback()
def _demo() -> None:
    """The demo hospital: generated, plainly invented people."""


@app.command(epilog="Example: mingying demo run --port 8080")
def run(
    data: DataOption = None,
    port: PortOption = None,
    load_only: Annotated[bool, typer.Option("--load-only", help="Load, print what to open, and stop.")] = False,
) -> None:
    """Start everything in demo mode, load the demo hospital if it is not there, and print what to open."""
    settings = _settings(data, port)
    _files(settings)

    def ready() -> bool:
        _load(settings)
        _tell(settings)
        return not load_only

    run_until_stopped(settings, ready=ready)


@app.command(epilog="Example: mingying demo load")
def load(data: DataOption = None, port: PortOption = None) -> None:
    """Load the demo hospital into the running demo; safe to repeat."""
    settings = _settings(data, port)
    _files(settings)
    _load(settings)
    _tell(settings)


@app.command(epilog="Example: mingying demo accounts")
def accounts(data: DataOption = None, port: PortOption = None) -> None:
    """Make the demo's staff accounts, which /demo shows; safe to repeat."""
    from api.demo.load import make_accounts

    settings = _settings(data, port)
    make_accounts(settings)
    out.print(f"accounts and passwords: {settings.base_url}/demo", markup=False)


def _settings(data: Path | None, port: int | None) -> Settings:
    settings = settings_with_port(data, port, mode=Mode.DEMO)
    if data is None and "data" not in Settings().model_fields_set:
        return settings_with_port(Path(_DEMO_DATA), port, mode=Mode.DEMO)
    return settings


def _files(settings: Settings) -> None:
    from api.demo.errors import DemoError
    from api.demo.load import ensure_files

    try:
        ensure_files(settings, console=err)
    except DemoError as error:
        fail(str(error))


def _load(settings: Settings) -> None:
    from api.demo.errors import DemoError
    from api.demo.load import load_demo

    try:
        load_demo(settings, console=err)
    except DemoError as error:
        fail(str(error))


def _tell(settings: Settings) -> None:
    base = settings.base_url
    out.print("\nThe demo hospital is open. Everyone in it is invented.\n")
    out.print(f"  printed reports and their QR links   {base}/demo", markup=False)
    out.print(f"  content editor (accounts on /demo)   {base}/editor", markup=False)
    out.print(f"  administration (accounts on /demo)   {base}/admin", markup=False)
    out.print(f"  short messages (verification codes)  {base}/demo/inbox", markup=False)
    out.print(f"  DICOM  {settings.dicom.ae_title}@{settings.dicom.host}:{settings.dicom.port}", markup=False)
    out.print(f"  HL7    {settings.hl7.host}:{settings.hl7.port} (MLLP)\n", markup=False)
