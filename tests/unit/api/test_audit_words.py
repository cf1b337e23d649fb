"""Whatever is recorded can be read by an auditor: every action and every kind of actor has its Chinese words."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

import api
from api.audit.record import Actor, WithoutWords, record
from api.messages.audit import ACTIONS, ACTORS
from imaging_core.documents.store import DOCUMENT_ATTACHED
from imaging_core.domain.grants import Holder
from imaging_core.index.feed import INSTANCE_CONFLICT, INSTANCE_STORED
from imaging_core.patients.decisions import MOVED
from imaging_core.patients.matching import CONFLICT, MATCHED
from imaging_core.reports.types import ReportStatus

pytestmark = pytest.mark.clause("R4.3")

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def calls_of(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the service of a function so named, with where it stands."""
    for path in sorted(Path(api.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in names:
                yield f"{path.name}:{node.lineno}", node


def written(node: ast.expr) -> list[str]:
    """Return the texts that stand in an argument, both of an `a if b else c`."""
    found = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return [item.value for item in found if isinstance(item, ast.Constant) and isinstance(item.value, str)]


class TestWords:
    def test_stand_for_every_action_that_the_code_names(self):
        names = {
            (where, text)
            for where, call in calls_of("record", "_record", "record_account", "_record_refusal")
            for argument in call.args
            for text in written(argument)
            if "." in text
        }
        assert len(names) > 60
        assert sorted((where, name) for where, name in names if name not in ACTIONS) == []

    def test_stand_for_every_kind_of_actor_that_the_code_names(self):
        kinds = {text for _, call in calls_of("Actor") for text in written(call.args[0])} | set(Holder)
        assert kinds >= {"machine", "system", "region"}
        assert sorted(kinds - set(ACTORS)) == []

    def test_stand_for_everything_that_arrives(self):
        kinds = {INSTANCE_STORED, INSTANCE_CONFLICT, DOCUMENT_ATTACHED, MATCHED, CONFLICT, MOVED, "report_matched"}
        kinds |= {f"report_{status}" for status in ReportStatus}
        kinds |= {f"patient_{what}" for what in ("registered", "updated", "discharged")}
        assert sorted(kind for kind in kinds if f"archive.{kind}" not in ACTIONS) == []

    def test_are_chinese(self):
        assert [name for name, words in {**ACTIONS, **ACTORS}.items() if words.isascii()] == []


class TestRecord:
    @pytest.mark.parametrize(("kind", "action"), [("system", "study.vanished"), ("ghost", "study.viewed")])
    def test_refuses_what_has_no_words(self, kind, action):
        with pytest.raises(WithoutWords), Session() as session:
            record(session, Actor(kind, "1", "TEST"), action, object_kind="study", object_id="1", now=NOW)
