"""The demo hospital: loaded over the real protocols, then served."""

from typing import Annotated

import typer

from api.commands.common import DataOption, err, fail, out
from api.commands.processes import PortOption, run_until_stopped, settings_with_port
from api.settings import Mode, Settings

app = typer.Typer(no_args_is_help=True)

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
    stop_after = load_only

    def ready() -> None:
        _load(settings)
        _tell(settings)
        if stop_after:
            raise KeyboardInterrupt

    run_until_stopped(settings, ready=ready)


@app.command(epilog="Example: mingying demo load")
def load(data: DataOption = None, port: PortOption = None) -> None:
    """Load the demo hospital into the running demo; safe to repeat."""
    settings = _settings(data, port)
    _files(settings)
    _load(settings)
    _tell(settings)


def _settings(data: "object", port: int | None) -> Settings:
    from pathlib import Path

    folder = data if isinstance(data, Path) else Path(_DEMO_DATA)
    return settings_with_port(folder, port, mode=Mode.DEMO)


def _files(settings: Settings) -> None:
    from api.demo.load import ensure_files

    ensure_files(settings, console=err)


def _load(settings: Settings) -> None:
    from api.demo.load import DemoLoadFailed, load_demo

    try:
        load_demo(settings, console=err)
    except DemoLoadFailed as error:
        fail(str(error))


def _tell(settings: Settings) -> None:
    base = settings.base_url
    out.print("\nThe demo hospital is open. Everyone in it is invented.\n")
    out.print(f"  printed reports and their QR links   {base}/demo", markup=False)
    out.print(f"  short messages (verification codes)  {base}/demo/inbox", markup=False)
    out.print(f"  DICOM  {settings.dicom.ae_title}@{settings.dicom.host}:{settings.dicom.port}", markup=False)
    out.print(f"  HL7    {settings.hl7.host}:{settings.hl7.port} (MLLP)\n", markup=False)
