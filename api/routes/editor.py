"""The content editor: entries, drafts, review, versions, hit test, words that nobody explains."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import select

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.editorial.store import open_drafts
from api.editorial.tables import UnexplainedWordRow
from api.errors import Problem
from api.schemas import editor as schema
from api.schemas.patient import KnowledgeSource
from api.settings import Settings
from api.wiring import Services
from api.workflows.edit_knowledge import (
    Standing,
    looked_at,
    new_entry_id,
    publish_draft,
    restore_version,
    return_draft,
    save_draft,
    standing,
    submit_draft,
)
from knowledge_base import Entry, EntryKind, EntryState
from knowledge_base.editorial import Checked, Draft, DraftState, EntryText, check_text, difference
from knowledge_base.ingest import Problem as Finding

EntryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Wanted = Annotated[str, Query(max_length=60)]
_SHOWN = 100
_HITS = 10

_READ = allow(staff(Role.AUTHOR, Role.REVIEWER))
_WRITE = allow(staff(Role.AUTHOR))
_REVIEW = allow(staff(Role.REVIEWER))


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the content editor."""
    router = APIRouter(prefix="/api/editor", tags=["editor"])
    _add_reading(router)
    _add_writing(router)
    _add_reviewing(router)
    _add_tests(router)
    _add_words(router)
    return router


def _add_reading(router: APIRouter) -> None:
    @router.get("/entries", dependencies=_READ)
    def entries(
        services: CurrentServices,
        q: Wanted = "",
        kind: EntryKind | None = None,
        state: DraftState | EntryState | None = None,
    ) -> schema.EntryList:
        """List entries by word, kind and state, those with a draft first."""
        everything = services.live_knowledge.everything
        with services.database.reading() as session:
            drafts = {item.entry_id: item for item in open_drafts(session, services.settings.hospital.institution_code)}
        lines = [_line(entry, drafts.pop(entry.entry_id, None)) for entry in everything.entries()]
        lines += [_new_line(draft) for draft in drafts.values()]
        wanted = q.strip().lower()
        surfaces = {entry.entry_id: " ".join((entry.title, *entry.surfaces)).lower() for entry in everything.entries()}
        found = [
            line
            for line in lines
            if (kind is None or line.kind is kind)
            and (state is None or state in (line.state, line.draft_state))
            and wanted in surfaces.get(line.entry_id, line.title.lower())
        ]
        found.sort(key=lambda line: line.draft_state is None)
        starter = sum(line.state == EntryState.STARTER for line in lines)
        return schema.EntryList(total=len(found), starter=starter, entries=found[:_SHOWN])

    @router.get("/entries/{entry}", dependencies=_READ)
    def entry_detail(entry: EntryId, services: CurrentServices, who: CurrentStaff) -> schema.EntryDetail:
        """Return an entry with its draft and its versions."""
        return _detail(services, who, entry)

    @router.get("/entries/{entry}/versions/{version}", dependencies=_READ)
    def version_detail(
        entry: EntryId, version: Annotated[int, Path(ge=1, le=2**31 - 1)], services: CurrentServices
    ) -> schema.VersionDetail:
        """Return a version and how it differs from the one in force."""
        with services.database.reading() as session:
            at = standing(services, session, entry)
        text = at.text(version)
        if text is None:
            raise Problem(404, "not_found")
        return schema.VersionDetail(version=version, text=_text(text), changes=_changes(text, at.newest_text()))

    @router.get("/sources", dependencies=_READ)
    def sources(services: CurrentServices) -> list[KnowledgeSource]:
        """List the only sources that may be cited."""
        return [KnowledgeSource.model_validate(item) for item in services.live_knowledge.shipped.sources.values()]


def _add_writing(router: APIRouter) -> None:
    @router.post("/entries", status_code=201, dependencies=_WRITE)
    def begin(body: schema.NewEntry, services: CurrentServices, who: CurrentStaff) -> schema.EntryDetail:
        """Begin an entry for a term that has none."""
        entry_id = new_entry_id()
        save_draft(services, who, entry_id, body.text.entry_text(), based_on=0, seen=0, new=True)
        return _detail(services, who, entry_id)

    @router.put("/entries/{entry}/draft", dependencies=_WRITE)
    def save(entry: EntryId, body: schema.DraftIn, services: CurrentServices, who: CurrentStaff) -> schema.EntryDetail:
        """Keep a text as the entry's draft."""
        save_draft(services, who, entry, body.text.entry_text(), based_on=body.based_on, seen=body.seen)
        return _detail(services, who, entry)

    @router.post("/entries/{entry}/draft/submit", dependencies=_WRITE)
    def hand_in(entry: EntryId, body: schema.Seen, services: CurrentServices, who: CurrentStaff) -> schema.EntryDetail:
        """Hand the draft to review."""
        submit_draft(services, who, entry, seen=body.seen)
        return _detail(services, who, entry)

    @router.post("/preview", dependencies=_READ)
    def preview(body: schema.PreviewIn, services: CurrentServices) -> schema.Preview:
        """Return a text as patients would see it, with what to look at again."""
        everything = services.live_knowledge.everything
        entry = everything.entry(body.entry_id) if body.entry_id else None
        text = body.text.entry_text()
        kind = entry.kind if entry else EntryKind.TERM
        checked = looked_at(services, text, entry_id=body.entry_id or "new", kind=kind)
        known = everything.content.sources
        return schema.Preview(
            title=text.title,
            plain=text.plain,
            body_html=everything.html(text.body),
            sources=[KnowledgeSource.model_validate(known[source_id]) for source_id in text.source_ids],
            unsafe=_problems(checked.unsafe),
            warnings=_problems(checked.warnings),
        )


def _add_reviewing(router: APIRouter) -> None:
    @router.post("/entries/{entry}/draft/publish", dependencies=_REVIEW)
    def accept(entry: EntryId, body: schema.Seen, services: CurrentServices, who: CurrentStaff) -> schema.EntryDetail:
        """Publish the draft; whoever wrote in it may not."""
        publish_draft(services, who, entry, seen=body.seen)
        return _detail(services, who, entry)

    @router.post("/entries/{entry}/draft/return", dependencies=_REVIEW)
    def give_back(
        entry: EntryId, body: schema.Returned, services: CurrentServices, who: CurrentStaff
    ) -> schema.EntryDetail:
        """Return the draft to its author with a reason."""
        return_draft(services, who, entry, body.reason, seen=body.seen)
        return _detail(services, who, entry)

    @router.post("/entries/{entry}/restore", dependencies=_REVIEW)
    def restore(
        entry: EntryId, body: schema.Restore, services: CurrentServices, who: CurrentStaff
    ) -> schema.EntryDetail:
        """Put an earlier text in force again, or accept what shipped as it is."""
        restore_version(services, who, entry, body.version, seen=body.seen)
        return _detail(services, who, entry)


def _add_tests(router: APIRouter) -> None:
    @router.post("/hit-test", dependencies=_READ)
    def hit_test(body: schema.HitTest, services: CurrentServices) -> schema.HitTestOut:
        """Search as an answer would, also in what nobody has reviewed, and say why."""
        live = services.live_knowledge
        everything, told = live.everything, live.told
        explained = everything.explain(body.question, _HITS)
        hits = []
        for item in explained.hits:
            chunk, signals = item.hit.chunk, item.hit.signals
            entry = everything.entry(chunk.entry_id)
            assert entry is not None  # noqa: S101  # it was found in this very base
            hits.append(
                schema.HitOut(
                    entry_id=chunk.entry_id,
                    title=chunk.title,
                    text=chunk.text,
                    state=entry.state,
                    told=told.entry(chunk.entry_id) is not None,
                    score=item.hit.score,
                    keyword=signals["bm25"],
                    keyword_rank=item.keyword_rank,
                    vector=signals.get("cosine"),
                    vector_rank=item.vector_rank,
                    name=signals["name"],
                    names=list(item.names),
                    shared=list(item.shared),
                    asked_exactly=item.asked_exactly,
                )
            )
        return schema.HitTestOut(
            known=explained.known,
            probability=explained.probability,
            threshold=explained.threshold,
            knowledge_version=everything.version,
            hits=hits,
        )


def _add_words(router: APIRouter) -> None:
    @router.get("/words", dependencies=_READ)
    def words(services: CurrentServices) -> list[schema.UnexplainedWord]:
        """List hard words without an entry, most wanted first; what has got one since is left out."""
        rows = (
            select(UnexplainedWordRow)
            .where(
                UnexplainedWordRow.institution_code == services.settings.hospital.institution_code,
                UnexplainedWordRow.dismissed_at.is_(None),
            )
            .order_by((UnexplainedWordRow.in_reports + UnexplainedWordRow.in_questions).desc(), UnexplainedWordRow.id)
        )
        everything = services.live_knowledge.everything
        with services.database.reading() as session:
            found = [row for row in session.scalars(rows) if everything.entry_for(row.word) is None]
        return [schema.UnexplainedWord.model_validate(row) for row in found[:_SHOWN]]

    @router.post("/words/dismiss", status_code=204, dependencies=_WRITE)
    def dismiss(body: schema.Word, services: CurrentServices, who: CurrentStaff) -> Response:
        """Take a word off the queue: it needs no explanation."""
        now = services.clock()
        with services.database.writing() as session:
            row = session.scalars(
                select(UnexplainedWordRow).where(
                    UnexplainedWordRow.institution_code == services.settings.hospital.institution_code,
                    UnexplainedWordRow.word == body.word,
                )
            ).one_or_none()
            if row is None:
                raise Problem(404, "not_found")
            row.dismissed_at = now
            record(session, staff_actor(who), "kb.word_dismissed", object_kind="word", object_id=str(row.id), now=now)
        return Response(status_code=204)


def _detail(services: Services, who: Staff, entry_id: str) -> schema.EntryDetail:
    with services.database.reading() as session:
        at = standing(services, session, entry_id)
    current = at.text(at.current)
    guide = at.shipped.guide if at.shipped else None
    versions = [
        schema.VersionOut(
            version=item.version,
            author=item.author,
            reviewer=item.reviewer.name,
            published_at=item.published_at,
            restored_from=item.restored_from,
            mine=who.account_id in item.writers,
        )
        for item in reversed(at.versions)
    ]
    if at.shipped:
        versions.append(
            schema.VersionOut(
                version=at.shipped.version, author="", reviewer=None, published_at=None, restored_from=None, mine=False
            )
        )
    return schema.EntryDetail(
        entry_id=entry_id,
        kind=at.kind,
        state=EntryState.REVIEWED if at.reviewed else EntryState.STARTER,
        version=at.current,
        text=_text(current) if current else None,
        guide=schema.GuideOut(
            concepts=list(guide.concepts),
            plain_name=guide.plain_name,
            meaning=guide.meaning,
            next_step=guide.next_step,
        )
        if guide
        else None,
        draft=_draft(services, who, at, at.draft) if at.draft else None,
        versions=versions,
    )


def _draft(services: Services, who: Staff, at: Standing, draft: Draft) -> schema.DraftOut:
    content = services.live_knowledge.everything.content
    # a source that left the list since then must not keep the draft from being opened
    kept = [source for source in draft.text.source_ids if source in content.sources]
    text = EntryText(**{**asdict(draft.text), "source_ids": tuple(kept)})
    checked: Checked = check_text(text, content, entry_id=draft.entry_id, kind=draft.kind)
    return schema.DraftOut(
        text=_text(draft.text),
        state=draft.state,
        revision=draft.revision,
        based_on=draft.based_on,
        author=draft.author,
        mine=who.account_id in draft.writers,
        changed_at=draft.changed_at,
        reason=draft.reason,
        stale=draft.based_on != at.current,
        changes=_changes(at.newest_text(), draft.text),
        unsafe=_problems(checked.unsafe),
        warnings=_problems(checked.warnings),
    )


def _line(entry: Entry, draft: Draft | None) -> schema.EntryLine:
    return schema.EntryLine(
        entry_id=entry.entry_id,
        kind=entry.kind,
        title=entry.title,
        plain=entry.plain,
        state=entry.state,
        version=entry.version,
        reviewer=entry.review.reviewer if entry.review else None,
        reviewed_at=entry.review.reviewed_at if entry.review else None,
        draft_state=draft.state if draft else None,
        draft_author=draft.author if draft else None,
    )


def _new_line(draft: Draft) -> schema.EntryLine:
    return schema.EntryLine(
        entry_id=draft.entry_id,
        kind=draft.kind,
        title=draft.text.title,
        plain=draft.text.plain,
        state="new",
        version=0,
        reviewer=None,
        reviewed_at=None,
        draft_state=draft.state,
        draft_author=draft.author,
    )


def _text(text: EntryText) -> schema.Text:
    # built without checks: shipped texts may be longer than what an author may write
    return schema.Text.model_construct(
        title=text.title,
        plain=text.plain,
        body=text.body,
        surfaces=list(text.surfaces),
        questions=list(text.questions),
        source_ids=list(text.source_ids),
    )


def _changes(before: EntryText, after: EntryText) -> list[schema.ChangeOut]:
    return [schema.ChangeOut.model_validate(change) for change in difference(before, after)]


def _problems(found: tuple[Finding, ...]) -> list[schema.ProblemOut]:
    return [schema.ProblemOut(rule=item.rule, detail=item.detail) for item in found]
