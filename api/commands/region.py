"""`mingying demo region`, and the processes it is made of."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import err, fail, out
from api.commands.processes import on_signals, run_until_stopped, settings_with_port
from api.settings import Mode

if TYPE_CHECKING:
    from api.demo.region.layout import Region

_REGION_DATA = Path("region-data")
_FIRST_PORT = 8080

RegionData = Annotated[Path, typer.Option("--data", help="Folder of the region, made when absent.")]
FirstPort = Annotated[int, typer.Option("--port", help="First of seven ports in a row.", min=1, max=65528)]
Small = Annotated[bool, typer.Option("--small", help="Coarse images, made in seconds.", hidden=True)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: mingying demo region --port 8080")(region)
    app.command(epilog="Example: mingying demo elsewhere")(elsewhere)
    app.command(epilog="Example: mingying demo platform --data platform-data --port 8090")(platform)
    app.command(hidden=True, epilog="Example: mingying demo hospital second --data region-data/second")(hospital)


def region(data: RegionData = _REGION_DATA, port: FirstPort = _FIRST_PORT, small: Small = False) -> None:
    """Run a region in a box: a simulated provincial platform, a second hospital and ours; Ctrl-C stops all."""
    from api.demo.region.layout import PORTS, Region
    from api.demo.region.run import RegionFailed, RunningRegion
    from api.processes.data_lock import DataFolderInUse, hold
    from api.processes.ports import is_free

    try:
        held = hold(data)
    except DataFolderInUse as error:
        fail(str(error))
    with held:
        taken = [number for number in range(port, port + PORTS) if not is_free("127.0.0.1", number)]
        if taken:
            fail(f"already in use: ports {taken}. To choose others: --port, the first of {PORTS} in a row")
        place = Region(data, port)
        place.write()
        running = RunningRegion(place, small=small)
        on_signals(running.ask_to_stop)
        out.print("Starting. The first start draws the images, which takes minutes.")
        try:
            running.start(lambda name: out.print(f"{name} is there", markup=False))
            _tell(place)
            running.watch()
        except RegionFailed as error:
            fail(str(error))
        finally:
            running.stop()
    out.print("Stopped.")


def elsewhere(data: RegionData = _REGION_DATA, port: FirstPort = _FIRST_PORT) -> None:
    """Ask the platform, as our hospital, what the second hospital has of our patients; addresses open once."""
    from api.demo.hospital import load_hospital
    from api.demo.region.layout import Region
    from api.wiring import build_services
    from imaging_core.interop.regional import Person, PlatformError

    services = build_services(settings_with_port(Region(data, port).ours.data, None, mode=Mode.DEMO))
    try:
        if services.platform is None:
            fail("no platform is configured: run `mingying demo region` first")
        for patient in load_hospital().patients:
            history = services.platform.find_history(Person(name=patient.name, id_number=patient.id_number))
            out.print(f"{patient.name}：其他医院检查 {len(history.examinations)} 例", markup=False)
            for found in history.examinations:
                address = services.platform.retrieval_address(history.view_record_id, found)
                out.print(f"  {found.examined_at:%Y-%m-%d} {found.institution_name} {found.item}", markup=False)
                out.print(f"  {address.url}", markup=False)
    except PlatformError as error:
        fail(str(error))
    finally:
        services.close()


def platform(
    data: Annotated[Path, typer.Option("--data", help="Folder of the platform; holds institutions.json.")],
    port: Annotated[int, typer.Option("--port", help="HTTP port.", min=1, max=65535)] = 8090,
) -> None:
    """Run a simulated provincial platform alone; for demonstrations and tests."""
    from api.demo.region.platform import INSTITUTIONS
    from api.demo.region.serve_platform import serve_platform
    from api.processes.parent import end_with_supervisor

    if not (data / INSTITUTIONS).exists():
        fail(f"{data / INSTITUTIONS} is missing: it says which hospitals take part")
    end_with_supervisor()
    serve_platform(data, port)


def hospital(
    which: Annotated[str, typer.Argument(help="ours or second.")],
    data: Annotated[Path, typer.Option("--data", help="Its data folder, with settings.toml.")],
    small: Small = False,
) -> None:
    """Run one hospital of a region, with its invented people."""
    from api.demo.hospital import load_hospital
    from api.demo.load import ensure_files, load_demo
    from api.demo.recipes import Scale
    from api.demo.region.run import READY
    from api.demo.region.second import second_hospital
    from api.processes.parent import end_with_supervisor
    from api.processes.ready import tell_ready

    end_with_supervisor()
    settings = settings_with_port(data, None, mode=Mode.DEMO)
    people = second_hospital() if which == "second" else load_hospital()
    scale = Scale.TEST if small else Scale.FULL
    ensure_files(settings, console=err, scale=scale, hospital=people)

    def ready() -> bool:
        load_demo(settings, console=err, scale=scale, hospital=people)
        tell_ready(data, READY)
        return True

    run_until_stopped(settings, ready=ready)


def _tell(place: "Region") -> None:
    out.print("\nThe region is open. Everyone in it is invented.\n")
    out.print(f"  our hospital         {place.ours.base_url}/demo", markup=False)
    out.print(f"  the second hospital  {place.second.base_url}/demo", markup=False)
    out.print(f"  simulated platform   {place.platform_url}/", markup=False)
    where = f"--data {place.folder} --port {place.first_port}"
    out.print(f"  what the other hospital has of our patients: mingying demo elsewhere {where}\n", markup=False)
