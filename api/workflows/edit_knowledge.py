"""Writing, reviewing and publishing knowledge: one step, one transaction, one audit row."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from api.accounts.sessions import Staff
from api.audit.record import record
from api.auth.access import staff_actor
from api.editorial import store
from api.errors import Problem
from api.wiring import Services
from knowledge_base import Entry, EntryKind, EntryState
from knowledge_base.editorial import (
    Checked,
    Draft,
    EntryText,
    FieldChange,
    Person,
    Published,
    check_text,
    difference,
    give_back,
    publish,
    restore,
    submit,
    text_of,
    write,
)
from knowledge_base.errors import ReviewerIsAuthor, StaleEdit, UnknownSources


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is known of an entry: what shipped, what was published, what is on its way."""

    entry_id: str
    kind: EntryKind
    shipped: Entry | None
    versions: Sequence[Published]
    draft: Draft | None

    @property
    def current(self) -> int:
        """Number of the version in force; 0 while there is none."""
        if self.versions:
            return self.versions[-1].version
        return self.shipped.version if self.shipped else 0

    @property
    def reviewed(self) -> bool:
        """Whether a person answers for the version in force."""
        return bool(self.versions) or (self.shipped is not None and self.shipped.state is EntryState.REVIEWED)

    def text(self, version: int) -> EntryText | None:
        """Return the text of a version."""
        found = next((item.text for item in self.versions if item.version == version), None)
        if found is None and self.shipped is not None and version == self.shipped.version:
            return text_of(self.shipped)
        return found

    def newest_text(self) -> EntryText:
        """Return the text in force; an empty one while there is none."""
        return self.text(self.current) or EntryText("", "", "")


def standing(services: Services, session: Session, entry_id: str) -> Standing:
    """Return how an entry stands; 404 when there is none of this id."""
    code = services.settings.hospital.institution_code
    shipped = next((entry for entry in services.live_knowledge.shipped.entries if entry.entry_id == entry_id), None)
    versions = store.versions_of(session, code, entry_id)
    draft = store.open_draft(session, code, entry_id)
    kind = shipped.kind if shipped else versions[-1].kind if versions else draft.kind if draft else None
    if kind is None:
        raise Problem(404, "not_found")
    return Standing(entry_id, kind, shipped, versions, draft)


def looked_at(services: Services, text: EntryText, *, entry_id: str, kind: EntryKind) -> Checked:
    """Return what keeps a text from review and what to look at again; refuses sources that are not on the list."""
    try:
        return check_text(text, services.live_knowledge.everything.content, entry_id=entry_id, kind=kind)
    except UnknownSources as error:
        raise Problem(422, "source_unknown", field="source_ids", sources=list(error.source_ids)) from error


def new_entry_id() -> str:
    """Return an id no shipped entry has."""
    return f"own-{uuid4().hex[:12]}"


def save_draft(
    services: Services, who: Staff, entry_id: str, text: EntryText, *, based_on: int, seen: int, new: bool = False
) -> None:
    """Keep an author's text as the entry's draft."""
    looked_at(services, text, entry_id=entry_id, kind=EntryKind.TERM)
    now = services.clock()
    with services.database.writing() as session:
        at = Standing(entry_id, EntryKind.TERM, None, (), None) if new else standing(services, session, entry_id)
        try:
            draft = write(
                at.draft,
                text,
                _person(who),
                draft_id=uuid4().hex,
                entry_id=entry_id,
                kind=at.kind,
                based_on=based_on,
                seen=seen,
                current=at.current,
                now=now,
            )
            _keep(services, session, draft)
        except StaleEdit as error:
            raise _stale(at, based_on=based_on, mine=text) from error
        _record(session, who, "kb.edited", entry_id, now, version=at.current, revision=draft.revision)


def submit_draft(services: Services, who: Staff, entry_id: str, *, seen: int) -> None:
    """Hand the draft to review; refused while it holds what no patient may read."""
    now = services.clock()
    with services.database.writing() as session:
        at = standing(services, session, entry_id)
        draft = _draft_of(at)
        unsafe = looked_at(services, draft.text, entry_id=entry_id, kind=at.kind).unsafe
        if unsafe:
            raise Problem(422, "text_unsafe", found=[problem.detail for problem in unsafe])
        try:
            _keep(services, session, submit(draft, seen=seen, current=at.current, now=now))
        except StaleEdit as error:
            raise _stale(at, based_on=draft.based_on, mine=draft.text) from error
        _record(session, who, "kb.submitted", entry_id, now, version=at.current)


def return_draft(services: Services, who: Staff, entry_id: str, reason: str, *, seen: int) -> None:
    """Give the draft back to its author."""
    now = services.clock()
    with services.database.writing() as session:
        at = standing(services, session, entry_id)
        draft = _draft_of(at)
        try:
            _keep(services, session, give_back(draft, reason, seen=seen, now=now))
        except StaleEdit as error:
            raise _stale(at, based_on=draft.based_on, mine=draft.text) from error
        _record(session, who, "kb.returned", entry_id, now, version=at.current)


def publish_draft(services: Services, who: Staff, entry_id: str, *, seen: int) -> None:
    """Publish the draft; this process answers from it when this returns, the others a second later."""
    now = services.clock()
    try:
        with services.database.writing() as session:
            at = standing(services, session, entry_id)
            draft = _draft_of(at)
            try:
                done, version = publish(draft, _person(who), seen=seen, current=at.current, now=now)
                _keep(services, session, done)
                store.add_version(session, who.institution_code, version)
            except StaleEdit as error:
                raise _stale(at, based_on=draft.based_on, mine=draft.text) from error
            _record(session, who, "kb.published", entry_id, now, version=version.version)
    except ReviewerIsAuthor:
        _record_refusal(services, who, "kb.published", entry_id, now)
        raise
    services.live_knowledge.refresh()


def restore_version(services: Services, who: Staff, entry_id: str, version: int, *, seen: int) -> None:
    """Publish an earlier text again, or accept the shipped one as it is."""
    now = services.clock()
    try:
        with services.database.writing() as session:
            at = standing(services, session, entry_id)
            accepting = version == at.current
            if accepting and at.reviewed:
                raise Problem(409, "version_in_force")
            try:
                made = restore(_version(at, version), _person(who), seen=seen, current=at.current, now=now)
                store.add_version(session, who.institution_code, made)
            except StaleEdit as error:
                raise _stale(at, based_on=seen, mine=None) from error
            action = "kb.published" if accepting else "kb.rolled_back"
            _record(session, who, action, entry_id, now, version=made.version, text_of=version)
    except ReviewerIsAuthor:
        _record_refusal(services, who, "kb.rolled_back", entry_id, now)
        raise
    services.live_knowledge.refresh()


def _version(at: Standing, version: int) -> Published:
    found = next((item for item in at.versions if item.version == version), None)
    if found is not None:
        return found
    text = at.text(version)
    if text is None:
        raise Problem(404, "not_found")
    nobody = Person(0, "")
    return Published(at.entry_id, at.kind, version, text, (), "", nobody, datetime.min)  # noqa: DTZ901  # replaced


def _stale(at: Standing, *, based_on: int, mine: EntryText | None) -> Problem:
    """Say what changed meanwhile: the version in force, or else the draft."""
    before = at.text(based_on)
    changes: list[FieldChange] = []
    if before is not None and based_on != at.current:
        changes = difference(before, at.newest_text())
    elif at.draft is not None and mine is not None:
        changes = difference(mine, at.draft.text)
    return Problem(
        409,
        "edit_stale",
        changes=[asdict(change) for change in changes],
        current=at.current,
        draft_revision=at.draft.revision if at.draft else 0,
    )


def _draft_of(at: Standing) -> Draft:
    if at.draft is None:
        raise Problem(404, "not_found")
    return at.draft


def _keep(services: Services, session: Session, draft: Draft) -> None:
    store.keep_draft(session, services.settings.hospital.institution_code, draft)


def _person(who: Staff) -> Person:
    return Person(who.account_id, who.name)


def _record(session: Session, who: Staff, action: str, entry_id: str, now: datetime, **detail: int) -> None:
    record(session, staff_actor(who), action, object_kind="knowledge", object_id=entry_id, now=now, detail=detail)


def _record_refusal(services: Services, who: Staff, action: str, entry_id: str, now: datetime) -> None:
    with services.database.writing() as session:
        actor = staff_actor(who)
        record(session, actor, action, object_kind="knowledge", object_id=entry_id, now=now, outcome="refused")
