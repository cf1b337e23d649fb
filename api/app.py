"""The HTTP application: routes, error handlers, built pages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from api import errors, http_logging
from api.auth.access import require_declared_access
from api.body_limit import BodyLimit
from api.error_table import install_package_errors
from api.raw_routes import Express, ExpressLane
from api.routes import (
    admin_accounts,
    admin_audit,
    admin_cases,
    admin_codes,
    admin_import,
    admin_institutions,
    admin_normalisation,
    admin_patients,
    admin_quality,
    admin_retention,
    admin_workstations,
    cds_hooks,
    citizen,
    comparisons,
    demo,
    dicomweb,
    document_views,
    documents,
    downloads,
    editor,
    elsewhere,
    interop,
    laboratory,
    operations,
    papers,
    patient,
    plugin,
    plugin_patients,
    qido,
    questions,
    region,
    reports,
    shares,
    slabs,
    staff,
    stow,
    studies,
    wado,
    workstations,
)
from api.routes import pages as built_pages
from api.security_headers import SecurityHeaders
from api.settings import MIB, LimitSettings, Settings
from api.wiring import Services
from api.workflows import import_accounts, import_codes

_STOW_BYTES = 64 * 1024**3
"""Of one request with many instances; each of them has its own limit."""


def build_routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes. They come from the settings alone; building them takes longest of an application."""
    router = APIRouter()
    modules = (
        operations,
        patient,
        citizen,
        studies,
        slabs,
        document_views,
        reports,
        questions,
        papers,
        shares,
        downloads,
        documents,
        elsewhere,
        interop,
        region,
        cds_hooks,
        plugin,
        plugin_patients,
        comparisons,
        laboratory,
        staff,
        editor,
        admin_accounts,
        admin_import,
        admin_audit,
        admin_cases,
        admin_codes,
        admin_normalisation,
        admin_quality,
        admin_retention,
        admin_institutions,
        admin_patients,
        admin_workstations,
        workstations,
        demo,
    )
    for module in modules:
        router.include_router(module.make_router(settings))
    # first: bytes in bulk are asked for more than all else
    return [*dicomweb.make_routes(), *router.routes]


class _Application(FastAPI):
    """The application behind its express lane, which stands outside FastAPI's own layers too."""

    def open_lane(self, express: Mapping[str, Sequence[Express]]) -> None:
        """Put the lane before the application, before its first request."""
        self._lane = ExpressLane(super().__call__, express)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or the common way."""
        await self._lane(scope, receive, send)


def create_app(services: Services, *, routes: Sequence[BaseRoute] | None = None) -> FastAPI:
    """Return the application over these services; `routes`, when those of the same settings are built already.

    Raises:
        UndeclaredRoute: a route says nothing about who may call it.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        services.live_knowledge.follow_when_used()
        yield
        services.close()

    app = _Application(
        title="Mingying",
        lifespan=lifespan,
        openapi_url=None,
        telemetry=None,
        routes=build_routes(services.settings) if routes is None else list(routes),
    )
    app.state.services = services
    script_hashes = built_pages.mount(app)
    install_package_errors()
    errors.install_error_handlers(app)
    app.add_middleware(BodyLimit, limit_of=partial(_most_bytes, services.settings.limits))
    app.add_middleware(errors.Faults)
    app.add_middleware(
        SecurityHeaders,
        script_hashes=script_hashes,
        address=services.settings.base_url,
        his_origins=services.settings.plugin.his_origins,
    )
    app.add_middleware(http_logging.RequestLog)
    app.open_lane({"GET": (wado.express(services), qido.express(services)), "POST": (stow.express(services),)})
    require_declared_access(app.routes)
    return app


def _most_bytes(limits: LimitSettings, path: str) -> int:
    if path.startswith("/dicom-web/"):
        return _STOW_BYTES
    uploads = {
        "/api/patient/papers": limits.paper_bytes,
        "/api/interop/documents": limits.document_bytes,
        "/api/admin/accounts/import": import_accounts.MOST_BYTES,
        "/api/admin/accounts/import/check": import_accounts.MOST_BYTES,
        "/api/admin/codes/import": import_codes.MOST_BYTES,
        "/api/admin/codes/import/check": import_codes.MOST_BYTES,
        "/api/admin/institutions/import": admin_institutions.MOST_BYTES,
        "/api/admin/institutions/import/check": admin_institutions.MOST_BYTES,
    }
    return uploads[path] + MIB if path in uploads else limits.json_bytes
