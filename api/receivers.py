"""The receiving process: DICOM and HL7 MLLP listeners, until a signal ends it."""

import asyncio

import structlog

from api.dicom_listener import build_scp
from api.processes.ready import tell_ready
from api.processes.system import when_asked_to_end
from api.wiring import Services
from api.workflows.check_order_hl7 import answer_order
from imaging_core.interop.hl7v2.intake import handle_message, refuse_oversize
from imaging_core.interop.hl7v2.mllp import MllpServer

log = structlog.get_logger(__name__)


class Receivers:
    """Both receivers of one installation."""

    def __init__(self, services: Services) -> None:
        self._services = services
        hl7 = services.settings.hl7
        self._scp = build_scp(services)
        self._profile = services.intake_profile
        self._mllp = MllpServer(
            lambda raw: answer_hl7(services, raw),
            hl7.host,
            hl7.port,
            refuse_oversize=lambda head: refuse_oversize(head, profile=self._profile, now=services.clock()),
            max_message_bytes=hl7.max_message_bytes,
            idle_timeout=hl7.idle_seconds,
        )

    async def run(self) -> None:
        """Receive until asked to end; associations that run may finish."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        when_asked_to_end(lambda: loop.call_soon_threadsafe(stop.set))  # wakes a loop that waits
        self._scp.start()
        await self._mllp.start()
        tell_ready(self._services.settings.data, "scp")
        log.info("receivers ready")
        await stop.wait()
        await self._mllp.stop()
        await asyncio.to_thread(self._scp.stop)


def answer_hl7(services: Services, raw: bytes) -> bytes:
    """Answer one message: orders are checked, everything else is filed."""
    return answer_order(services, raw) or handle_message(
        raw,
        profile=services.intake_profile,
        sessions=services.database.writes,
        cipher=services.cipher,
        blobs=services.blobs,
        now=services.clock(),
    )
