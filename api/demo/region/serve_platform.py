"""Running the simulated platform as a process: `mingying demo platform`."""

from pathlib import Path

import uvicorn

from api.demo.region.platform import create_platform


def serve_platform(folder: Path, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        create_platform(folder),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()
