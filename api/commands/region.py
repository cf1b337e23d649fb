"""`mingying demo platform` and `mingying demo region`: a region in a box."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import fail


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: mingying demo platform --data platform-data --port 8090")(platform)


def platform(
    data: Annotated[Path, typer.Option("--data", help="Folder of the platform; holds institutions.json.")],
    port: Annotated[int, typer.Option("--port", help="HTTP port.", min=1, max=65535)] = 8090,
) -> None:
    """Run a simulated provincial platform alone; for demonstrations and tests."""
    from api.demo.region.platform import INSTITUTIONS
    from api.demo.region.serve_platform import serve_platform

    if not (data / INSTITUTIONS).exists():
        fail(f"{data / INSTITUTIONS} is missing: it says which hospitals take part")
    serve_platform(data, port)
