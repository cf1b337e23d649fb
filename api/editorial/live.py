"""The knowledge that a running process answers from, exchanged as a whole when somebody publishes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from api.db.engine import Database
from api.editorial.store import last_revision, newest_versions
from api.errors import describe
from interpret.report.reading import reader_for
from knowledge_base import KnowledgeBase
from knowledge_base.editorial import merge, without_starter
from knowledge_base.ingest import Content

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _State:
    revision: int
    everything: KnowledgeBase
    """What editors see, also what nobody reviewed."""
    told: KnowledgeBase
    """What patients are told."""


class LiveKnowledge:
    """Loads once, follows what is published. Whoever took a knowledge base keeps a whole one of one version."""

    def __init__(
        self,
        load: Callable[[], KnowledgeBase],
        database: Database,
        institution_code: str,
        *,
        withhold_starter: bool,
    ) -> None:
        self._load = load
        self._database = database
        self._institution_code = institution_code
        self._withhold_starter = withhold_starter
        self._building = threading.Lock()
        self._beginning = threading.Lock()
        self._follows = False
        self._stop = threading.Event()
        self._shipped: KnowledgeBase | None = None
        self._state: _State | None = None

    @property
    def told(self) -> KnowledgeBase:
        """What patients are told now."""
        return self._now().told

    @property
    def everything(self) -> KnowledgeBase:
        """The same with what nobody has reviewed."""
        return self._now().everything

    @property
    def shipped(self) -> Content:
        """The content of the files, without what staff published."""
        self._now()
        assert self._shipped is not None  # noqa: S101  # loaded by the line above
        return self._shipped.content

    def refresh(self) -> None:
        """Take over what was published since; answers go on from the old version until the new one is ready."""
        with self._building:
            with self._database.reading() as session:
                revision = last_revision(session, self._institution_code)
                if self._state is not None and revision == self._state.revision:
                    return
                published = newest_versions(session, self._institution_code)
            if self._shipped is None:
                self._shipped = self._load()
            content = merge(self._shipped.content, published, revision=revision)
            before = self._state.everything if self._state else self._shipped
            everything = before.over(content) if revision else self._shipped
            told = everything.over(without_starter(content)) if self._withhold_starter else everything
            # what compiles or loads at its first use does so before anybody waits for it
            reader_for(told)
            told.search("肺结节")
            self._state = _State(revision, everything, told)
        log.info("knowledge in use", version=told.version, entries=len(told.entries()))

    def follow_when_used(self) -> None:
        """Look for publications from the first use on: for a process that goes on answering."""
        self._follows = True

    def prepare(self) -> None:
        """Begin to load what somebody will soon ask for; returns at once."""
        with self._beginning:
            if self._follows:
                self._follows = False
                threading.Thread(target=self._follow, name="knowledge", daemon=True).start()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001  # a passing fault must not leave a process with old knowledge
                log.warning("knowledge not refreshed", **describe(error))
            self._stop.wait(_LOOK_EVERY_SECONDS)

    def stop(self) -> None:
        """Look for publications no more."""
        self._stop.set()

    def _now(self) -> _State:
        self.prepare()
        if self._state is None:
            self.refresh()
        assert self._state is not None  # noqa: S101  # made by the line above
        return self._state
