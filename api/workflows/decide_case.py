"""Deciding what waits: by the index alone, or by letting something be tried again."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.db.tables import WorkRow
from api.jobs import REGISTER, TELL_ORDER, owe
from api.patient_holdings import HOLDINGS
from api.wiring import Services
from api.workflows.waiting_cases import waiting_case
from imaging_core.blobs import BlobRef
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import QuarantineRow
from imaging_core.ingest import StoreOutcome
from imaging_core.interop.hl7v2.intake import file_for_patient, replay_quarantined
from imaging_core.normalise.tables import NormalisedStudyRow
from imaging_core.patients.decisions import By
from imaging_core.worklist.errors import ItemGone, RemedyUnsuitable
from imaging_core.worklist.items import Item, ItemKind, Remedy
from imaging_core.worklist.remedies import Choice, decide, note_decision

_HL7 = "hl7"


def decide_case(
    services: Services, *, kind: ItemKind, subject: str, state: str, remedy: Remedy, choice: Choice, by: By
) -> int:
    """Apply a remedy to an item as it was shown; return the number of the decision.

    Raises:
        ItemGone: it does not wait any more, or changed since it was shown.
        WorklistError, DecisionError: it cannot be decided so.
    """
    code = InstitutionCode(services.settings.hospital.institution_code)
    with services.database.writing() as session:
        item = _as_shown(session, services, code, kind, subject, state)
        if remedy not in item.remedies:
            raise RemedyUnsuitable("remedy")
        if kind is not ItemKind.QUARANTINE or remedy is Remedy.IGNORE:
            if remedy is Remedy.REPROCESS:
                _owe_again(session, services, code, item)
                return note_decision(session, item, remedy, institution_code=code, by=by, before={}).id
            return decide(session, item, remedy, choice, institution_code=code, by=by, holdings=HOLDINGS).id
    # bytes are read and filed outside: filing has transactions of its own
    if remedy is Remedy.ASSIGN:
        _file_for(services, item, choice)
    else:
        _read_again(services, item)
    with services.database.writing() as session:
        return note_decision(session, item, remedy, institution_code=code, by=by, before={}).id


def _as_shown(session: Session, services: Services, code: str, kind: ItemKind, subject: str, state: str) -> Item:
    item = waiting_case(session, code, services.clock(), kind=kind, subject=subject)
    if item.state != state:
        raise ItemGone
    return item


def _file_for(services: Services, item: Item, choice: Choice) -> None:
    if choice.patient is None:
        raise RemedyUnsuitable("patient")
    filed = file_for_patient(
        int(item.subject),
        choice.patient,
        profile=services.intake_profile,
        sessions=services.database.writes,
        cipher=services.cipher,
        blobs=services.blobs,
        now=services.clock(),
    )
    if not filed:
        raise ItemGone


def _read_again(services: Services, item: Item) -> None:
    with services.database.reading() as session:
        row = session.get_one(QuarantineRow, int(item.subject))
    if row.channel == _HL7:
        replay_quarantined(
            profile=services.intake_profile,
            sessions=services.database.writes,
            cipher=services.cipher,
            blobs=services.blobs,
            now=services.clock(),
        )
        return
    about = {
        "institution_code": row.institution_code,
        "received_from": f"{row.channel}:",
        "received_at": row.received_at.isoformat(),
    }
    result = services.ingestor.file_kept(BlobRef(row.blob_digest, row.blob_size, row.blob_locator), about)
    if result.outcome is not StoreOutcome.QUARANTINED:
        with services.database.writing() as session:
            session.get_one(QuarantineRow, row.id).resolved_at = services.clock()


def _owe_again(session: Session, services: Services, code: str, item: Item) -> None:
    now = services.clock()
    if item.kind is ItemKind.FAILED_WORK:
        kind, _, subject = item.subject.partition(" ")
        row = session.scalars(
            select(WorkRow)
            .where(WorkRow.kind == kind, WorkRow.institution_code == code, WorkRow.subject == subject)
            .with_for_update()
        ).one()
        row.due_at, row.attempts = now, 0
    elif item.kind is ItemKind.MISSING_ATTRIBUTE:
        session.execute(
            update(NormalisedStudyRow)
            .where(NormalisedStudyRow.institution_code == code, NormalisedStudyRow.study_instance_uid == item.subject)
            .values(version=0, requested=NormalisedStudyRow.requested + 1)
        )
    else:
        word, _, order = item.subject.partition(" ")
        owed = (TELL_ORDER, order) if word == "order" else (REGISTER, item.subject)
        owe(session, kind=owed[0], institution_code=code, subject=owed[1], due_at=now)
