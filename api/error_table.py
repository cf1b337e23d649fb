"""Which errors of the packages become which answers."""

from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from api.accounts.errors import LoginTaken, RolesConflict, WeakPassword
from api.errors import map_error
from imaging_core.documents.errors import DocumentTooLarge, DocumentTypeRefused
from imaging_core.errors import (
    BlobMissing,
    FrameNotFound,
    IndexBusy,
    InstanceTooLarge,
    RendererUnavailable,
    StorageFull,
    StoreUnavailable,
    StudyNotFound,
    WaveformNotReadable,
)
from imaging_core.interop.hl7v2.errors import MessageError
from imaging_core.patients.errors import (
    AlreadyUndone,
    DecisionNotFound,
    HeldByBoth,
    NothingToMove,
    PatientMerged,
    PatientNotFound,
    PatientNumberTaken,
    SamePatient,
)
from imaging_core.retention.errors import (
    HoldNotFound,
    NothingPastTerm,
    NothingToHold,
    PlanChanged,
    PlanClosed,
    PlanNotFound,
    SamePerson,
)
from imaging_core.sharing.errors import LinkEnded, PasscodeUnsuitable
from imaging_core.worklist.errors import CannotUndo, ItemGone
from knowledge_base.errors import ReviewerIsAuthor, WrongState


def install_package_errors() -> None:
    """Fill the table."""
    map_error(InstanceTooLarge, 413, "too_large")
    map_error(DocumentTooLarge, 413, "too_large")
    map_error(DocumentTypeRefused, 415, "document_type")
    map_error(StudyNotFound, 404, "not_found")
    map_error(FrameNotFound, 404, "no_frame")
    map_error(BlobMissing, 404, "no_frame")
    map_error(WaveformNotReadable, 404, "no_waveform")
    map_error(RendererUnavailable, 503, "busy")
    map_error(StorageFull, 507, "busy")
    map_error(IndexBusy, 503, "busy")
    map_error(StoreUnavailable, 503, "busy")
    map_error(ItemGone, 409, "case_gone")
    map_error(MessageError, 422, "remedy_unsuitable")
    map_error(CannotUndo, 409, "cannot_undo")
    map_error(AlreadyUndone, 409, "cannot_undo")
    map_error(DecisionNotFound, 404, "not_found")
    map_error(HeldByBoth, 409, "held_by_both")
    map_error(NothingToMove, 409, "nothing_to_move")
    map_error(PatientMerged, 409, "patient_merged")
    map_error(PatientNotFound, 404, "patient_unknown")
    map_error(PatientNumberTaken, 409, "patient_number_taken")
    map_error(SamePatient, 422, "same_patient")
    map_error(LoginTaken, 409, "login_taken")
    map_error(RolesConflict, 422, "roles_conflict")
    map_error(WeakPassword, 422, "password_weak")
    map_error(LinkEnded, 401, "link_needed")
    map_error(PasscodeUnsuitable, 422, "passcode_unsuitable")
    map_error(PlanNotFound, 404, "not_found")
    map_error(HoldNotFound, 404, "not_found")
    map_error(PlanClosed, 409, "plan_closed")
    map_error(PlanChanged, 409, "plan_changed")
    map_error(NothingPastTerm, 409, "nothing_past_term")
    map_error(SamePerson, 403, "same_person")
    map_error(NothingToHold, 422, "nothing_to_hold")
    map_error(ReviewerIsAuthor, 403, "reviewer_is_author")
    map_error(WrongState, 409, "draft_state")
    map_error(RedisError, 503, "busy")
    map_error(OperationalError, 503, "busy")
    map_error(NoConnectionFree, 503, "busy")
