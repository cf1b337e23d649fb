"""The command line as an administrator and as a program use it."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator

import pytest
import typer
from sqlalchemy import delete, select, update
from typer.testing import Result

from api.audit.anchor import AuditAnchor
from api.audit.chain import seal_pending
from api.cli import command_line
from api.db.engine import Database
from api.db.tables import AuditEventRow, AuditLinkRow, MachineKeyRow
from api.secrets import load_or_create_keys
from tests.builders.command_line import invoke
from tests.builders.dicom import ct_series
from tests.builders.hl7 import FINDINGS, IMPRESSION
from tests.builders.senders import write_instances

pytestmark = pytest.mark.integration


@pytest.fixture
def cli(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run commands on a data folder of their own."""
    for name in [name for name in os.environ if name.startswith("MINGYING_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MINGYING_DATA", str(tmp_path / "data"))

    def run(*arguments: object, code: int = 0):
        result = invoke([str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == code, f"{result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return run


def commands(group=None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command as it is typed."""
    group = group or typer.main.get_command(command_line())
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(path, *rows: dict) -> object:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def database(tmp_path) -> Database:
    return Database.open(f"sqlite:///{tmp_path}/data/index.sqlite")


class TestHelp:
    @pytest.mark.parametrize("command", list(commands()), ids=" ".join)
    def test_of_every_command_shows_an_example_of_that_command(self, cli, command):
        text = " ".join(cli(*command, "--help").stdout.split())
        assert f"Example: mingying {' '.join(command)}" in text

    def test_names_the_public_calls(self):
        public = {("up",), ("import",), ("check",), ("demo", "load"), ("audit", "verify"), ("acceptance",), ("bench",)}
        public |= {("kb", "lint"), *[("eval", name) for name in ("report", "retrieve", "consult", "guard", "ocr")]}
        assert public <= set(commands())


class TestWrongUse:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("no-such-command",),
            ("import",),
            ("import", "/no/such/folder"),
            ("key", "issue", "--name", "pacs", "--scope", "everything"),
            ("eval", "retrieve", "--in", "/no/such/file", "--out", "x"),
            ("up", "--port", "0"),
            ("bench", "no-such-workload"),
        ],
    )
    def test_ends_with_two_and_a_sentence(self, cli, arguments):
        result = cli(*arguments, code=2)
        assert result.stderr.strip()
        assert "Traceback" not in result.stderr

    def test_of_a_setting_is_named_as_it_is_written(self, cli, monkeypatch):
        monkeypatch.setenv("MINGYING_HTTP__PORT", "no number")
        assert "MINGYING_HTTP__PORT" in cli("migrate", code=2).stderr

    def test_of_a_settings_file_is_said_too(self, cli, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "settings.toml").write_text("[http\nport = ")
        assert "wrong setting" in cli("migrate", code=2).stderr


class TestSentences:
    """Run as a program: what reaches the very end must be a sentence too."""

    def run(self, tmp_path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MINGYING_")}
        return subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments, "--data", str(tmp_path / "data")],
            env={**environment, **{f"MINGYING_{name}": value for name, value in settings.items()}},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def test_damaged_keys_are_named_and_nothing_is_made_anew(self, tmp_path):
        (tmp_path / "data").mkdir()
        keys = tmp_path / "data" / "keys.json"
        keys.touch(0o600)
        done = self.run(tmp_path, "check")
        assert done.returncode == 1
        assert "restore it from the backup" in done.stderr
        assert "Traceback" not in done.stderr
        assert keys.read_text() == ""

    def test_a_model_outside_the_premises_is_refused_at_the_start(self, tmp_path):
        self.run(tmp_path, "migrate")
        done = self.run(tmp_path, "serve", LLM__BASE_URL="http://93.184.216.34/v1", HTTP__PORT="0")
        assert done.returncode == 1
        assert "MINGYING_LLM__ALLOW_EXTERNAL" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_database_that_is_not_there_is_named(self, tmp_path):
        done = self.run(tmp_path, "migrate", DATABASE_URL=f"postgresql+psycopg://nobody@/none?host={tmp_path}")
        assert done.returncode == 1
        assert "database cannot be used" in done.stderr
        assert "Traceback" not in done.stderr


class TestImport:
    def test_counts_what_it_stored_and_repeating_it_is_harmless(self, cli, tmp_path):
        folder = write_instances(tmp_path / "cd", ct_series(4))
        first = json.loads(cli("import", folder, "--json").stdout)
        assert (first["files"], first["stored"], first["failed"]) == (4, 4, [])
        again = json.loads(cli("import", folder, "--json").stdout)
        assert (again["stored"], again["already"]) == (0, 4)
        assert "4 already here" in cli("import", folder).stdout

    def test_stands_in_the_audit(self, cli, tmp_path):
        cli("import", write_instances(tmp_path / "cd", ct_series(2)))
        with database(tmp_path).reading() as session:
            event = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "import")).one()
        assert event.detail == {"files": 2, "stored": 2, "failed": 0}

    def test_of_a_zip_bomb_is_refused_with_a_reason_and_the_rest_is_taken(self, cli, tmp_path):
        folder = write_instances(tmp_path / "cd", ct_series(2))
        with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
            bomb.writestr("zeros.dcm", bytes(200 * 1024 * 1024))
        report = json.loads(cli("import", folder, "--json", code=1).stdout)
        assert report["stored"] == 2
        (failed,) = report["failed"]
        assert "bomb.zip" in failed["file"]
        assert failed["reason"]

    def test_of_a_name_that_reads_like_an_emoji_gives_it_back_unchanged(self, cli, tmp_path):
        folder = tmp_path / "cd"
        folder.mkdir()
        (folder / ":smile:.zip").write_bytes(b"PK\x03\x04 broken")
        report = json.loads(cli("import", folder, "--json", code=1).stdout)
        assert report["failed"][0]["file"].endswith(":smile:.zip")

    def test_of_malformed_files_crashes_on_none_and_keeps_what_it_cannot_file(self, cli, shared_data):
        report = json.loads(cli("import", shared_data / "dicom" / "malformed", "--json", code=1).stdout)
        outcomes = ("stored", "already", "conflicts", "quarantined")
        assert report["files"] == sum(report[name] for name in outcomes) + len(report["failed"])
        assert report["quarantined"] >= 1
        assert report["stored"] >= 1
        assert all(item["reason"] for item in report["failed"])


class TestCheck:
    def test_says_of_every_part_whether_it_works(self, cli, monkeypatch):
        monkeypatch.setenv("MINGYING_REDIS_URL", "unix:///no/such/socket")
        report = json.loads(cli("check", "--json", code=1).stdout)
        parts = {part["part"]: part for part in report["parts"]}
        assert {"database", "blobs", "redis", "embedder", "language model", "clock", "disk", "pages"} <= set(parts)
        assert (parts["database"]["ok"], parts["blobs"]["ok"], parts["language model"]["ok"]) == (True, True, True)
        assert "not configured" in parts["language model"]["sentence"]
        assert (parts["redis"]["ok"], report["ok"]) == (False, False)
        assert all(part["sentence"] for part in report["parts"])


class TestKeys:
    def test_are_shown_once_and_only_their_hash_is_kept(self, cli, tmp_path):
        issued = json.loads(
            cli("key", "issue", "--name", "pacs", "--scope", "stow", "--scope", "print", "--json").stdout
        )
        assert issued["scopes"] == ["print", "stow"]
        with database(tmp_path).reading() as session:
            row = session.get_one(MachineKeyRow, issued["id"])
        assert issued["key"] not in row.key_hash
        assert issued["key"].encode() not in (tmp_path / "data" / "index.sqlite").read_bytes()

    def test_are_revoked_once(self, cli, tmp_path):
        number = json.loads(cli("key", "issue", "--name", "pacs", "--scope", "stow", "--json").stdout)["id"]
        cli("key", "revoke", number)
        assert "no key" in cli("key", "revoke", number, code=1).stderr
        with database(tmp_path).reading() as session:
            assert session.get_one(MachineKeyRow, number).revoked_at is not None
            actions = session.scalars(select(AuditEventRow.action)).all()
        assert sorted(actions) == ["key.issued", "key.revoked"]


@pytest.mark.clause("R4.3")
class TestAuditVerify:
    @pytest.fixture
    def sealed(self, cli, tmp_path) -> Database:
        """Five events, sealed and anchored as the worker does."""
        for number in range(5):
            cli("key", "issue", "--name", f"m{number}", "--scope", "stow")
        opened = database(tmp_path)
        keys = load_or_create_keys(tmp_path / "data")
        with opened.writing() as session:
            _, head = seal_pending(session, keys.audit)
        AuditAnchor(tmp_path / "data" / "audit-anchor", keys.audit).remember(head)
        return opened

    def test_proves_an_untouched_chain(self, cli, sealed):
        report = json.loads(cli("audit", "verify", "--json").stdout)
        assert (report["intact"], report["sealed"], report["open"], report["anchored_at"]) == (True, 5, 0, 5)
        assert "intact" in cli("audit", "verify").stdout

    def test_names_the_link_of_a_changed_row(self, cli, sealed):
        with sealed.writing() as session:
            changed = session.scalars(select(AuditLinkRow).where(AuditLinkRow.sequence == 3)).one()
            session.execute(update(AuditEventRow).where(AuditEventRow.id == changed.event_id).values(outcome="refused"))
        assert "link 3" in cli("audit", "verify", code=1).stdout
        assert json.loads(cli("audit", "verify", "--json", code=1).stdout)["intact"] is False

    def test_notices_a_cut_off_end(self, cli, sealed):
        with sealed.writing() as session:
            last = session.scalars(select(AuditLinkRow).where(AuditLinkRow.sequence == 5)).one()
            session.execute(delete(AuditEventRow).where(AuditEventRow.id == last.event_id))
            session.delete(last)
        assert "ends at 4, it had 5" in cli("audit", "verify", code=1).stdout

    def test_notices_a_forged_anchor_and_a_missing_one(self, cli, sealed, tmp_path):
        anchor = tmp_path / "data" / "audit-anchor"
        anchor.write_text("4 " + anchor.read_text().split()[1])
        assert "does not carry our signature" in cli("audit", "verify", code=1).stderr
        anchor.unlink()
        assert "no anchor" in cli("audit", "verify").stderr


class TestEval:
    """Formats of the public interface; needs no service and no data folder."""

    def run(self, cli, tmp_path, name: str, *rows: dict, **options: object) -> list[dict]:
        source, to = written(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
        extra = [item for key, value in options.items() for item in (f"--{key}", value)]
        cli("eval", name, "--in", source, "--out", to, *extra)
        assert not (tmp_path / "data").exists()
        return lines(to)

    def test_report(self, cli, tmp_path):
        rows: list[dict] = [
            {"id": "b", "findings": FINDINGS, "impression": IMPRESSION, "modality": "CT"},
            {"id": 7, "findings": "双肺未见异常。", "impression": ""},
        ]
        out = self.run(cli, tmp_path, "report", *rows)
        assert [row["id"] for row in out] == ["b", 7]
        for row, given in zip(out, rows, strict=True):
            assert {"terms", "findings", "critical", "critical_reasons", "urgency", "explanation"} <= set(row)
            for item in [*row["terms"], *row["findings"]]:
                assert given[item["section"]][item["start"] : item["end"]] == item["text"]
            for sentence in row["explanation"]:
                assert all(len(span) == 3 for span in sentence["source_spans"])
                assert isinstance(sentence["citations"], list)
            assert row["urgency"] in {1, 2, 3, 4}
        assert {finding["status"] for finding in out[1]["findings"]} == {"normal"}

    @pytest.mark.usefixtures("words_alone")
    def test_retrieve(self, cli, tmp_path):
        rows = [{"id": 1, "question": "磨玻璃结节是什么"}, {"id": 2, "question": "明天股票会涨吗"}]
        known, unknown = self.run(cli, tmp_path, "retrieve", *rows, k=3)
        assert (known["known"], unknown["known"]) == (True, False)
        assert 1 <= len(known["hits"]) <= 3
        assert set(known["hits"][0]) >= {"entry_id", "chunk_id", "score", "title", "text"}
        scores = [hit["score"] for hit in known["hits"]]
        assert scores == sorted(scores, reverse=True)

    @pytest.mark.usefixtures("words_alone")
    def test_consult(self, cli, tmp_path):
        report = {"findings": FINDINGS, "impression": IMPRESSION}
        rows = [
            {"id": 1, "report": report, "patient": {"sex": "女", "age": 46}, "turns": ["结节严重吗", "要怎么复查"]},
            {"id": 2, "turns": ["我现在胸痛喘不上气"]},
        ]
        first, second = self.run(cli, tmp_path, "consult", *rows)
        assert [len(first["answers"]), len(second["answers"])] == [2, 1]
        for answer in first["answers"]:
            assert answer["text"] == "".join(sentence["text"] for sentence in answer["sentences"])
            assert answer["triage"] in {"emergency", "urgent", "routine", "self_care", "none"}
        assert second["answers"][0]["triage"] == "emergency"

    def test_guard(self, cli, tmp_path):
        report = {"findings": FINDINGS, "impression": IMPRESSION}
        rows = [
            {"id": 1, "report": report, "sentence": "右肺上叶有一个磨玻璃结节，大小约6mm×5mm。"},
            {"id": 2, "report": report, "sentence": "左肺上叶有一个磨玻璃结节，大小约6mm×5mm。"},
        ]
        right, wrong = self.run(cli, tmp_path, "guard", *rows)
        assert (right["verdict"], wrong["verdict"]) == ("pass", "block")
        assert wrong["reason"]

    @pytest.mark.parametrize(
        ("name", "line", "words"),
        [
            ("report", '{"id": 1, "findings": 5}', "line 2: findings"),
            ("retrieve", '{"id": 1}', "line 2: question"),
            ("consult", '{"id": 1}', "line 2: turns"),
            ("guard", '{"id": 1}', "line 2: report"),
            ("report", "no json", "line 2 is not JSON"),
            ("report", '{"findings": ""}', "line 2 is not an object with an id"),
        ],
    )
    @pytest.mark.usefixtures("words_alone")
    def test_a_wrong_line_is_named(self, cli, tmp_path, name, line, words):
        good = {
            "report": '{"id": 0, "findings": "", "impression": ""}',
            "retrieve": '{"id": 0, "question": "结节"}',
            "consult": '{"id": 0, "turns": []}',
            "guard": '{"id": 0, "report": {"findings": "", "impression": ""}, "sentence": "好。"}',
        }[name]
        source = tmp_path / "in.jsonl"
        source.write_text(f"{good}\n{line}\n", encoding="utf-8")
        result = cli("eval", name, "--in", source, "--out", tmp_path / "out.jsonl", code=1)
        assert words in result.stderr

    def test_a_byte_order_mark_and_empty_lines_do_no_harm(self, cli, tmp_path):
        source, to = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        source.write_bytes(b"\xef\xbb\xbf" + b'{"id": 1, "findings": "", "impression": ""}\r\n\r\n')
        cli("eval", "report", "--in", source, "--out", to)
        assert [row["id"] for row in lines(to)] == [1]

    def test_a_place_that_cannot_be_written_is_said(self, cli, tmp_path):
        source = written(tmp_path / "in.jsonl", {"id": 1, "findings": "", "impression": ""})
        result = cli("eval", "report", "--in", source, "--out", tmp_path / "none" / "out.jsonl", code=1)
        assert "cannot be written" in result.stderr


@pytest.fixture
def words_alone(cli, monkeypatch, tmp_path):
    """Search by words alone: the vectors of changed content take a minute."""
    monkeypatch.setenv("MINGYING_EMBEDDER_FOLDER", str(tmp_path / "no-embedder"))


class TestKnowledge:
    def test_lint_of_the_shipped_content_finds_nothing(self, cli):
        assert json.loads(cli("kb", "lint", "--json").stdout) == []


class TestPrintReport:
    def test_of_an_unknown_number_is_a_sentence(self, cli, tmp_path):
        result = cli("print-report", "ACC9999", "--out", tmp_path / "r.pdf", code=1)
        assert "no verified report" in result.stderr
        assert not (tmp_path / "r.pdf").exists()


class TestUsers:
    ROLE = ("--name", "王丽", "--role", "doctor")

    @pytest.mark.parametrize("login", ["a b", "1abc", "x", "名字", "wang/li", "x" * 33])
    def test_a_login_nobody_could_sign_in_with_is_wrong_use(self, cli, login):
        assert repr(login) in cli("user", "add", login, *self.ROLE, code=2).stderr
        assert json.loads(cli("user", "list", "--json").stdout) == []

    def test_an_account_is_added_once_listed_reset_and_disabled(self, cli):
        made = json.loads(cli("user", "add", "Wang.Li", *self.ROLE, "--json").stdout)
        assert (made["login"], made["roles"]) == ("wang.li", ["doctor"])
        assert "already" in cli("user", "add", "wang.li", *self.ROLE, code=1).stderr
        again = json.loads(cli("user", "reset", "wang.li", "--json").stdout)
        assert again["initial_password"] != made["initial_password"]
        cli("user", "disable", "wang.li")
        (listed,) = json.loads(cli("user", "list", "--json").stdout)
        assert (listed["login"], listed["disabled"]) == ("wang.li", True)

    def test_duties_that_exclude_each_other_and_unknown_accounts_are_refused(self, cli):
        roles = ("--role", "auditor", "--role", "system_administrator")
        assert "different people" in cli("user", "add", "both", "--name", "x", *roles, code=1).stderr
        assert "no account" in cli("user", "disable", "nobody", code=1).stderr


@pytest.mark.clause("R4.4")
class TestNormalise:
    def test_all_again_or_those_that_wait(self, cli, tmp_path):
        write_instances(tmp_path / "files", ct_series(2))
        cli("migrate")
        cli("import", tmp_path / "files")
        assert json.loads(cli("normalise", "--json").stdout) == {"normalised": 0, "waiting": 0}
        assert json.loads(cli("normalise", "--all", "--json").stdout) == {"normalised": 1, "waiting": 0}
        assert json.loads(cli("normalise", "--all", "--json").stdout) == {"normalised": 1, "waiting": 0}
