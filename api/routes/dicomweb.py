"""The DICOMweb services together, and what they can do (PS3.18 8.9, in JSON)."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import Send

from api.auth.access import PUBLIC
from api.raw_routes import RawRoute
from api.routes import qido, stow, wado
from api.routes import wado_documents as documents
from api.routes import wado_instances as originals
from api.routes import wado_metadata as metadata
from api.routes import wado_pictures as rendering


def make_routes() -> list[BaseRoute]:
    """Return the routes of all services, those asked for most first."""
    capabilities = RawRoute("/dicom-web/", _capabilities, methods=["GET", "OPTIONS"], rule=PUBLIC)
    return [*wado.make_routes(), *stow.make_routes(), *qido.make_routes(), capabilities]


async def _capabilities(request: Request, send: Send) -> None:
    body = {
        "standard": "DICOM PS3.18: 10.4 (WADO-RS), 10.5 (STOW-RS), 10.6 (QIDO-RS)",
        "authorization": "Bearer, a machine's key with the scope that a resource names",
        "transferSyntaxes": ["*", *originals.SYNTAXES_MADE],
        "renderedMediaTypes": [rendering.JPEG, rendering.PNG, *documents.MEDIA_TYPES.values()],
        "metadataMediaTypes": [metadata.JSON],
        "queryParameters": ["accept", *rendering.PARAMETERS],
        "resources": [
            *_resources(wado.PATHS, wado.SCOPE, "GET", "HEAD"),
            *_resources(stow.PATHS, stow.SCOPE, "POST"),
            *_resources(qido.PATHS, qido.SCOPE, "GET", "HEAD"),
        ],
    }
    headers = {"Allow": "GET, HEAD, OPTIONS"} if request.method == "OPTIONS" else {}
    await JSONResponse(body, headers=headers)(request.scope, request.receive, send)


def _resources(paths: Iterable[str], scope: str, *methods: str) -> list[dict[str, Any]]:
    return [{"path": path.replace(":path", ""), "methods": list(methods), "scope": scope} for path in paths]
