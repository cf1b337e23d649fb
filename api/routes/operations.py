"""Health, metrics and the OpenAPI document."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from api.auth.access import OPERATIONS, PUBLIC, CurrentServices, allow
from api.settings import Settings
from api.storage_metrics import storage_metrics


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of operations."""
    router = APIRouter(tags=["operations"])

    @router.get("/health", dependencies=allow(PUBLIC))
    def health(services: CurrentServices, response: Response) -> dict[str, str]:
        """Say whether the service can work; each part by name, no details."""
        parts = {"database": _database(services), "redis": _redis(services)}
        if any(state != "ok" for state in parts.values()):
            response.status_code = 503
        return {"status": "ok" if response.status_code != 503 else "failing", **parts}

    @router.get("/metrics", dependencies=allow(OPERATIONS), include_in_schema=False)
    def metrics(services: CurrentServices) -> Response:
        """Return counters of this process and figures of the store in the Prometheus text format."""
        return Response(generate_latest() + storage_metrics(services), media_type=CONTENT_TYPE_LATEST)

    @router.get("/api/openapi.json", dependencies=allow(PUBLIC), include_in_schema=False)
    def openapi(request: Request) -> dict[str, object]:
        """Return the OpenAPI document."""
        document: dict[str, object] = request.app.openapi()
        return document

    return router


def _database(services: CurrentServices) -> str:
    try:
        with services.database.reading() as session:
            session.execute(text("SELECT 1"))
    except Exception:  # noqa: BLE001  # whatever is wrong, the answer is "not working"
        return "failing"
    return "ok"


def _redis(services: CurrentServices) -> str:
    try:
        services.redis.ping()
    except Exception:  # noqa: BLE001  # whatever is wrong, the answer is "not working"
        return "failing"
    return "ok"
