"""Starting the processes of an installation."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import DataOption, JsonOption, err, fail, load_settings, out, wrong_use
from api.processes.parent import end_with_supervisor
from api.processes.ports import is_free
from api.processes.ready import tell_ready
from api.processes.system import when_asked_to_end
from api.settings import Settings

PortOption = Annotated[int | None, typer.Option("--port", help="HTTP port.", min=1, max=65535)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: mingying up --data /srv/mingying --port 8080")(up)
    app.command(epilog="Example: mingying migrate --from OLDPACS@10.1.2.3:104 --dates 2015-01-01..2020-12-31")(migrate)
    app.command(epilog="Example: mingying serve --data /srv/mingying")(serve)
    app.command(epilog="Example: mingying scp --data /srv/mingying")(scp)
    app.command(epilog="Example: mingying worker --data /srv/mingying")(worker)


def up(data: DataOption = None, port: PortOption = None) -> None:
    """Migrate and start all: web, DICOM and HL7 receivers, worker, and a private Redis when none is configured."""

    def ready() -> bool:
        out.print("Ready. Ctrl-C stops.")
        return True

    run_until_stopped(settings_with_port(data, port), ready=ready)


def settings_with_port(data: Path | None, port: int | None, **overrides: object) -> Settings:
    """Return the settings, with another HTTP port when one was asked for."""
    settings = load_settings(data, **overrides)
    if port is None:
        return settings
    return settings.model_copy(update={"http": settings.http.model_copy(update={"port": port})})


def run_until_stopped(settings: Settings, *, ready: Callable[[], bool]) -> None:
    """Run all processes until Ctrl-C or SIGTERM; `ready` is called once all answer and says whether to go on."""
    from api.processes.data_lock import DataFolderInUse, hold

    try:
        held = hold(settings.data)
    except DataFolderInUse as error:
        fail(str(error))
    with held:
        _run(settings, ready)


def _run(settings: Settings, ready: Callable[[], bool]) -> None:
    from api.processes.private_redis import RedisUnavailable
    from api.processes.supervisor import NotReady, Supervisor

    _require_free_ports(settings)
    with ProcessPoolExecutor(1) as apart:  # this process stays for years, and has no other use for a database
        apart.submit(_migrate, settings.database).result()
    supervisor = Supervisor(settings, lambda line: out.print(line, markup=False))
    stop = on_signals(supervisor.ask_to_stop)
    try:
        supervisor.start()
        if not stop.is_set() and ready():
            supervisor.watch()
    except (NotReady, RedisUnavailable) as error:
        fail(str(error))
    finally:
        supervisor.stop()  # whatever happened: nothing is left running
    out.print("Stopped.")


def _migrate(database: str) -> None:
    from api.db.migrate import migrate as migrate_database

    migrate_database(database)


def migrate(
    data: DataOption = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="AE@HOST:PORT", help="Instead, bring in the studies of an old PACS.")
    ] = None,
    dates: Annotated[
        str | None, typer.Option(metavar="FIRST..LAST", help="Study dates, e.g. 2015-01-01..2020-12-31; none: all.")
    ] = None,
    hours: Annotated[str | None, typer.Option(metavar="FROM-TO", help="Fetch only then, e.g. 20-06.")] = None,
    per_hour: Annotated[int | None, typer.Option(help="Fetch at most so many studies an hour.", min=1)] = None,
    get: Annotated[bool, typer.Option("--get", help="Fetch by C-GET; else by C-MOVE to our listener.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Folder of the report; none: migration in the data folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the database to this version's tables; with --from, move an old PACS in (safe to repeat)."""
    if source is None:
        if dates or hours or per_hour or get or report:
            wrong_use("--dates, --hours, --per-hour, --get and --report belong to --from")
        from api.db.migrate import migrate as migrate_database

        migrate_database(load_settings(data).database)
        out.print("The database is up to date.")
        return
    from api.commands.migrate_pacs import Asked, migrate_pacs

    migrate_pacs(data, Asked(source, dates, hours, per_hour, get, report), as_json=as_json)


def serve(data: DataOption = None, port: PortOption = None) -> None:
    """Run the HTTP service alone."""
    import uvicorn

    from api.app import create_app
    from api.http_logging import configure_logging
    from api.wiring import build_services

    end_with_supervisor()
    configure_logging()
    settings = settings_with_port(data, port)
    services = build_services(settings)
    _ = services.model  # a model that may not be called is refused now, not in a patient's answer
    app = create_app(services)
    config = uvicorn.Config(
        app,
        host=settings.http.host,
        port=settings.http.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",
        timeout_graceful_shutdown=15,
        timeout_keep_alive=30,
    )
    uvicorn.Server(config).run()


def scp(data: DataOption = None) -> None:
    """Run the receivers alone: DICOM storage and HL7 over MLLP."""
    from api.http_logging import configure_logging
    from api.receivers import Receivers
    from api.wiring import build_services

    end_with_supervisor()
    configure_logging()
    services = build_services(load_settings(data))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Receivers(services).run())
    services.close()


def worker(
    data: DataOption = None,
    alone: Annotated[bool, typer.Option("--alone", help="No other worker shares this database.")] = False,
) -> None:
    """Run the worker alone: follows the change feed, makes pictures, reads paper, seals the audit."""
    from api.http_logging import configure_logging
    from api.wiring import build_services
    from api.worker import WorkerProcess

    end_with_supervisor()
    configure_logging()
    settings = load_settings(data)
    process = WorkerProcess(build_services(settings), alone=alone)
    stop = on_signals(lambda: None)
    process.start()
    tell_ready(settings.data, "worker")
    stop.wait()
    process.stop()


def _require_free_ports(settings: Settings) -> None:
    taken = [
        f"{name} port {port}"
        for name, host, port in (
            ("HTTP", settings.http.host, settings.http.port),
            ("DICOM", settings.dicom.host, settings.dicom.port),
            *([("DICOM TLS", settings.dicom.host, settings.dicom.tls.port)] if settings.dicom.tls.certificate else []),
            ("HL7", settings.hl7.host, settings.hl7.port),
        )
        if not is_free(host, port)
    ]
    if taken:
        err.print("To choose others: --port, MINGYING_DICOM__PORT, MINGYING_HL7__PORT", markup=False)
        fail(f"already in use: {', '.join(taken)}. Is Mingying running already?")


def on_signals(act: Callable[[], None]) -> threading.Event:
    """Do this when asked to end; return what is set then."""
    event = threading.Event()

    def end() -> None:
        event.set()
        act()

    when_asked_to_end(end)
    return event
