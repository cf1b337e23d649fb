"""The short message that says a report is ready: a link of its own, which opens nothing before verification.

The message names neither the person nor the examination: phones are shared and lie open.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.jobs import NOTIFY, Work, owe
from api.wiring import Services
from imaging_core.domain.identifiers import PatientKey
from imaging_core.index import queries
from imaging_core.index.tables import StudyRow
from imaging_core.patients.registry import phone_of
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.reading import current_report
from imaging_core.sharing.links import LinkIssuer, LinkKind, new_link
from imaging_core.sharing.tables import LinkRow

LINK_LASTS = timedelta(days=30)


def owe_notice(
    session: Session,
    issuer: LinkIssuer,
    institution_code: str,
    study_instance_uid: str,
    now: datetime,
    *,
    newest: timedelta,
) -> None:
    """Owe one message for the study a report came for.

    Once a study, however often its report is corrected; never for a report older than `newest`, so that an archive
    that is taken over does not write to everybody it ever examined.
    """
    study = queries.study(session, institution_code, study_instance_uid)
    if study is None or study.patient_key is None or _link_of(session, study) is not None:
        return
    report = current_report(session, study)
    patient = session.get_one(PatientRow, study.patient_key)
    if report is None or report.reported_at is None or now - report.reported_at > newest or not patient.phone_sealed:
        return
    new_link(session, issuer, study, LinkKind.SMS, now, now + LINK_LASTS)
    owe(
        session,
        kind=NOTIFY,
        institution_code=study.institution_code,
        subject=study.study_instance_uid,
        due_at=now,
    )


def send_notice(services: Services, work: Work) -> None:
    """Send what is owed. A worker that dies after the gateway took the message sends the same link once more.

    Raises:
        SmsUnreachable: the gateway did not take it; the message stays owed.
    """
    with services.database.reading() as session:
        study = queries.study(session, work.institution_code, work.subject)
        link = _link_of(session, study) if study is not None else None
        phone = phone_of(session, services.cipher, PatientKey(link.patient_key)) if link is not None else None
        # Withdrawn, revoked or moved to another patient meanwhile: nothing is ready any more.
        gone = study is None or link is None or link.revoked_at is not None or current_report(session, study) is None
        token = "" if link is None else services.link_issuer.token(link.link_id)
    if gone or phone is None or services.sms is None:
        return
    services.sms.send_report_ready(phone, f"{services.settings.base_url}/r#{token}", days=LINK_LASTS.days)


def _link_of(session: Session, study: StudyRow) -> LinkRow | None:
    return session.scalars(
        select(LinkRow)
        .where(
            LinkRow.kind == LinkKind.SMS,
            LinkRow.institution_code == study.institution_code,
            LinkRow.study_instance_uid == study.study_instance_uid,
            LinkRow.patient_key == study.patient_key,
        )
        .limit(1)
    ).first()
