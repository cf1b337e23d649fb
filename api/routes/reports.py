"""A patient's reports: printed form, e-reports as uploaded, 智能解读, and the knowledge behind it."""

import re
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import StreamingResponse

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, patient
from api.errors import Problem
from api.messages.patient import AI_LABEL
from api.schemas.patient import KnowledgeOut, KnowledgeSource
from api.settings import Settings
from api.workflows.consent import require_consent
from api.workflows.print_report import as_pdf, report_to_print
from api.workflows.report_text import load_report
from api.workflows.unexplained_words import note_report
from imaging_core.documents.store import find_document
from imaging_core.domain.grants import Holder, Right
from imaging_core.domain.identifiers import ReportKey
from imaging_core.index.tables import StudyRow
from imaging_core.reports.reading import find_report
from imaging_core.sharing.grants import visible_studies
from interpret.interpretation import interpret_report
from interpret.types import ExplainedSentence, Finding, Interpretation, Span, TermMark

Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of a patient's reports."""
    router = APIRouter(prefix="/api/patient", tags=["patient: reports"])
    _add_documents(router)
    _add_interpretation(router)
    return router


def _add_documents(router: APIRouter) -> None:
    @router.get("/reports/{report}/pdf", dependencies=allow(patient(Right.REPORT)), response_model=None)
    def pdf(report: Key, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return the printed report with its QR."""
        now = services.clock()
        with services.database.writing() as session:
            visible = visible_studies(grant, now)
            found = find_report(session, visible, ReportKey(report))
            if found is None:
                raise Problem(404, "not_found")
            study = session.scalars(visible.where(StudyRow.study_instance_uid == found.study_instance_uid)).one()
            shared = grant.holder is not Holder.PATIENT
            sheet = report_to_print(services, session, study, found, shared=shared)
            record(session, actor_of(grant), "report.printed", object_kind="report", object_id=report, now=now)
        content = as_pdf(services, sheet)
        return Response(content, media_type="application/pdf", headers={"Content-Disposition": "inline"})

    @router.get("/documents/{document}", dependencies=allow(patient(Right.REPORT)), response_model=None)
    def uploaded(
        document: Key,
        grant: CurrentGrant,
        services: CurrentServices,
        wanted: Annotated[str, Header(alias="Range", max_length=64)] = "",
    ) -> Response:
        """Return an e-report as it was uploaded, or a part of it: phones play no video otherwise."""
        now = services.clock()
        with services.database.writing() as session:
            found = find_document(session, visible_studies(grant, now), document)
            if found is None:
                raise Problem(404, "not_found")
            start, end = _part(wanted, found.bytes)
            if start == 0:  # what is played on is the same viewing
                record(session, actor_of(grant), "document.viewed", object_kind="document", object_id=document, now=now)
        # whatever slipped into an uploaded file can run nothing
        headers = {
            "Content-Length": str(end - start),
            "Accept-Ranges": "bytes",
            "Content-Disposition": "inline",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        status = 200
        if (start, end) != (0, found.bytes):
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.bytes}"
        content = services.blobs.read(found.blob, start=start, length=end - start)
        return StreamingResponse(content, status, headers, media_type=found.media_type)


def _part(wanted: str, size: int) -> tuple[int, int]:
    """Return where the wanted bytes begin and end; all of them unless one range is asked for (RFC 9110 14.2)."""
    match = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", wanted)
    if match is None:
        return 0, size
    start, end = int(match[1]), min(int(match[2]) + 1 if match[2] else size, size)
    return (start, end) if start < end else (0, size)


def _add_interpretation(router: APIRouter) -> None:
    @router.get("/reports/{report}/interpretation", dependencies=allow(patient(Right.INTERPRET)))
    def interpretation(report: Key, grant: CurrentGrant, services: CurrentServices) -> dict[str, Any]:
        """Explain a report: marked terms, findings, plain sentences with what they rest on."""
        now = services.clock()
        with services.database.writing() as session:
            require_consent(session, grant, "interpret")
            loaded = load_report(session, grant, report, now)
            record(session, actor_of(grant), "report.interpreted", object_kind="report", object_id=report, now=now)
        knowledge = services.knowledge
        explained = interpret_report(loaded.text, knowledge)
        note_report(services, loaded.text, report_id=report, version=loaded.version, knowledge=knowledge)
        return {
            "report_id": report,
            "report_version": loaded.version,
            "from_paper": loaded.from_paper,
            "findings_text": loaded.text.findings,
            "impression_text": loaded.text.impression,
            "ai_label": AI_LABEL,
            "knowledge_version": knowledge.version,
            **_interpretation_out(explained),
        }

    @router.get("/knowledge/{entry}", dependencies=allow(patient(Right.INTERPRET)))
    def knowledge(entry: Key, services: CurrentServices) -> KnowledgeOut:
        """Return one entry of the knowledge base with its sources."""
        told = services.knowledge
        found = told.entry(entry)
        if found is None:
            raise Problem(404, "not_found")
        return KnowledgeOut(
            entry_id=found.entry_id,
            kind=found.kind,
            title=found.title,
            plain=found.plain,
            body_html=told.body_html(found),
            state=found.state,
            reviewer=found.review.reviewer if found.review else None,
            reviewed_at=found.review.reviewed_at if found.review else None,
            sources=[KnowledgeSource.model_validate(item) for item in found.sources],
        )


def _interpretation_out(explained: Interpretation) -> dict[str, Any]:
    return {
        "critical": explained.critical,
        "critical_reasons": list(explained.critical_reasons),
        "urgency": int(explained.urgency),
        "terms": [_term(item) for item in explained.terms],
        "findings": [_finding(item) for item in explained.findings],
        "explanation": [_sentence(item, explained) for item in explained.explanation],
    }


def _span(span: Span) -> dict[str, Any]:
    return {"section": span.section, "start": span.start, "end": span.end}


def _term(term: TermMark) -> dict[str, Any]:
    return {"text": term.text, **_span(term.span), "entry_id": term.entry_id, "negated": term.negated}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "text": finding.text,
        **_span(finding.span),
        "status": finding.status,
        "side": finding.side,
        "level": finding.level,
        "measurements": [asdict(item) for item in finding.measurements],
        "uncertain": finding.uncertain,
    }


def _sentence(sentence: ExplainedSentence, explained: Interpretation) -> dict[str, Any]:
    spans = sentence.source_spans
    index = next((i for i, finding in enumerate(explained.findings) if finding.span in spans), None)
    return {
        "text": sentence.text,
        "source_spans": [[span.section, span.start, span.end] for span in spans],
        "citations": list(sentence.citations),
        "finding_index": index,
    }
