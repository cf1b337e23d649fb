"""Keeping one instance that came by C-STORE, whichever layer received it."""

import logging
from contextlib import AbstractContextManager
from typing import BinaryIO

from sqlalchemy.exc import DBAPIError

from imaging_core.errors import ImagingError
from imaging_core.ingest import Channel, Ingestor, Origin
from imaging_core.network.peers import Peer
from imaging_core.network.statuses import OUT_OF_RESOURCES, PROCESSING_FAILURE, status_of_error, status_of_outcome

log = logging.getLogger(__name__)


def store_received(ingestor: Ingestor, received: AbstractContextManager[BinaryIO], peer: Peer) -> int:
    """Keep a whole file; return the status its sender hears. Success: the instance is durable."""
    calling = peer.ae_title
    try:
        with received as content:
            result = ingestor.store_instance(
                content, institution_code=peer.institution_code, origin=Origin(Channel.CSTORE, calling)
            )
    except ImagingError as error:
        log.warning("c-store refused", extra={"calling_ae_title": calling, "error": type(error).__name__})
        return status_of_error(error)
    except DBAPIError as error:
        # the database is away or full: that passes, and the sender comes again
        log.error("c-store without database", extra={"calling_ae_title": calling, "error": type(error).__name__})
        return OUT_OF_RESOURCES
    except Exception:
        # whatever happened, the sender must keep the image and hear so
        log.exception("c-store failed", extra={"calling_ae_title": calling})
        return PROCESSING_FAILURE
    return status_of_outcome(result.outcome)
