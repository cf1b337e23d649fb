"""C-FIND (PS3.4 C.4.1): who may ask is looked at here; what matches is found by `network.find`."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from imaging_core.network.find import Finder
from imaging_core.network.matching import BadIdentifier
from imaging_core.network.operations import CANCELLED, Operation
from imaging_core.network.peers import Peer, Right
from imaging_core.network.retrieval import PATIENT_ROOT_FIND
from imaging_core.network.statuses import BAD_IDENTIFIER, NOT_AUTHORISED, SUCCESS

log = logging.getLogger(__name__)


class QueryService:
    """Answers C-FIND of peers that may query.

    Args:
        finder: Finds what matches an identifier.
        audit: Notes that a peer asked, at which level and by which keys; when it fails nothing is answered.
    """

    def __init__(self, finder: Finder, audit: Callable[[Peer, str, Sequence[str]], None]) -> None:
        self._finder = finder
        self._audit = audit

    def find(self, operation: Operation) -> None:
        """Answer one C-FIND."""
        if not operation.peer.may(Right.QUERY):
            operation.respond(NOT_AUTHORISED, comment="this AE title may not query")
            return
        try:
            identifier = operation.identifier()
            matches = self._finder.find(
                identifier,
                institution_code=operation.peer.institution_code,
                patient_root=operation.sop_class_uid == PATIENT_ROOT_FIND,
            )
        except (BadIdentifier, ValueError) as error:
            operation.respond(BAD_IDENTIFIER, comment=str(error))
            return
        keys = sorted(element.keyword for element in identifier if element.value)
        self._audit(operation.peer, str(identifier.QueryRetrieveLevel), keys)
        self._answer(operation, matches)

    def _answer(self, operation: Operation, matches: Iterator[tuple[int, Any]]) -> None:
        found = 0
        for status, match in matches:
            if not operation.connected:
                return
            if operation.cancelled:
                operation.respond(CANCELLED)
                return
            operation.respond(status, identifier=match)
            found += 1
        operation.respond(SUCCESS)
        log.info("query answered", extra={"calling_ae_title": operation.peer.ae_title, "found": found})
