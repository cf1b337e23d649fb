"""What is ours of a proposed association, and what becomes of each context (PS3.8 7.1.1, PS3.7 D.3)."""

import re
from dataclasses import dataclass
from typing import Final

from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RECEIVED
from imaging_core.network.storage.pdu import (
    DICOM_APPLICATION,
    AssociateRequest,
    ContextAnswer,
    ProposedContext,
    Role,
)

VERIFICATION: Final = "1.2.840.10008.1.1"

_STANDARD: Final = "1.2.840.10008."
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
# PS3.4 B.5: storage classes that lie elsewhere, and other services that lie among them
_STORAGE_ELSEWHERE: Final = frozenset({"1.2.840.10008.5.1.4.34.7", "1.2.840.10008.5.1.4.34.10"})
_OTHER_SERVICES: Final = ("1.2.840.10008.5.1.4.1.1.200.", "1.2.840.10008.5.1.4.1.1.201.")
_STORED_AMONG_THEM: Final = frozenset({"1.2.840.10008.5.1.4.1.1.200.2", "1.2.840.10008.5.1.4.1.1.200.8"})
_UID: Final = re.compile(r"[0-9.]{1,64}")
_RECEIVED: Final = frozenset(RECEIVED)
_PLAIN: Final = frozenset({EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN})

ACCEPTED: Final = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int


UNKNOWN_APPLICATION: Final = Rejection(1, 1, 2)
UNKNOWN_CALLER: Final = Rejection(1, 1, 3)
UNKNOWN_VERSION: Final = Rejection(1, 2, 2)
TOO_MANY: Final = Rejection(2, 3, 2)


def is_storage(abstract_syntax: str) -> bool:
    """Return whether instances of this class are kept: all of the standard's storage classes, and private ones.

    >>> is_storage("1.2.840.10008.5.1.4.1.1.2"), is_storage("1.2.840.10008.5.1.4.1.2.2.1"), is_storage("1.3.12.2")
    (True, False, True)
    """
    if not abstract_syntax.startswith(_STANDARD):
        return True
    if abstract_syntax.startswith(_OTHER_SERVICES):
        return abstract_syntax in _STORED_AMONG_THEM
    return abstract_syntax.startswith(_STORAGE) or abstract_syntax in _STORAGE_ELSEWHERE


def is_ours(request: AssociateRequest) -> bool:
    """Return whether nothing but storage and verification is proposed, the other side being the one that asks."""
    only_storage = all(
        context.abstract_syntax == VERIFICATION or is_storage(context.abstract_syntax) for context in request.contexts
    )
    return only_storage and not any(role.scp for role in request.roles)


def objection(request: AssociateRequest) -> Rejection | None:
    """Return why no association of this kind can be, whoever asks."""
    if not request.protocol_version & 1:
        return UNKNOWN_VERSION
    return UNKNOWN_APPLICATION if request.application_context != DICOM_APPLICATION else None


def answer_contexts(request: AssociateRequest) -> list[ContextAnswer]:
    """Return an answer to each context: of the transfer syntaxes we know, the one the sender named first.

    An instance that can only be had in one we do not know is kept in that: the archive keeps bytes.
    """
    return [_answer(context) for context in request.contexts]


def answer_roles(request: AssociateRequest) -> list[Role]:
    """Return an answer to each role selection: the other side asks, we serve."""
    return [Role(role.sop_class_uid, role.scu, scp=False) for role in request.roles]


def _answer(context: ProposedContext) -> ContextAnswer:
    if _UID.fullmatch(context.abstract_syntax) is None:
        return ContextAnswer(context.context_id, ABSTRACT_SYNTAX_NOT_SUPPORTED, IMPLICIT_VR_LITTLE_ENDIAN)
    proposed = [syntax for syntax in context.transfer_syntaxes if _UID.fullmatch(syntax)]
    if context.abstract_syntax == VERIFICATION:
        taken = [syntax for syntax in proposed if syntax in _PLAIN]
    else:
        taken = sorted(proposed, key=lambda syntax: syntax not in _RECEIVED)  # otherwise in the sender's order
    if not taken:
        return ContextAnswer(context.context_id, TRANSFER_SYNTAXES_NOT_SUPPORTED, IMPLICIT_VR_LITTLE_ENDIAN)
    return ContextAnswer(context.context_id, ACCEPTED, taken[0])
