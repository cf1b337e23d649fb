"""What the simulated platform keeps: uploads, tokens, view records and receipts, in one SQLite file of its own."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
  data_type TEXT, row_key TEXT, exam_key TEXT, hash_id TEXT, disabled INTEGER, cardno TEXT, content TEXT,
  PRIMARY KEY (data_type, row_key));
CREATE INDEX IF NOT EXISTS uploads_exam ON uploads (exam_key);
CREATE INDEX IF NOT EXISTS uploads_person ON uploads (cardno);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, organ_code TEXT, ends REAL);
CREATE TABLE IF NOT EXISTS records (view_record_id TEXT PRIMARY KEY, organ_code TEXT, cardno TEXT, at REAL);
CREATE TABLE IF NOT EXISTS notices (view_record_id TEXT PRIMARY KEY, organ_code TEXT, projects TEXT);
CREATE TABLE IF NOT EXISTS receipts (view_record_id TEXT PRIMARY KEY, organ_code TEXT, projects TEXT);
"""


class PlatformStore:
    """The platform's memory; one writer at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._guard = threading.Lock()
        self._connection = sqlite3.connect(folder / "platform.sqlite", check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def keep(self, data_type: str, index_fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> int:
        """Keep rows under their business key; return how many were new or other than before."""
        stored = 0
        with self._transaction() as connection:
            for row in rows:
                row_key = _key(row, index_fields)
                known = connection.execute(
                    "SELECT hash_id FROM uploads WHERE data_type = ? AND row_key = ?", (data_type, row_key)
                ).fetchone()
                if known is not None and known["hash_id"] == row["hash_id"]:
                    continue
                connection.execute(
                    "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        data_type,
                        row_key,
                        exam_key(row["organ_code"], row["ris_study_id"]),
                        row["hash_id"],
                        int(row["disable_flag"]),
                        row.get("cardno"),
                        json.dumps(row, ensure_ascii=False),
                    ),
                )
                stored += 1
        return stored

    def exams_of(self, cardno: str, *, not_of: str) -> list[dict[str, Any]]:
        """Return a person's examinations, those of one institution left out."""
        rows = self._rows(
            "SELECT content FROM uploads WHERE data_type = 'examInfo' AND disabled = 0 AND cardno = ?", cardno
        )
        exams = [json.loads(row["content"]) for row in rows]
        return [exam for exam in exams if exam["organ_code"] != not_of]

    def exams(self) -> list[dict[str, Any]]:
        """Return every registered examination."""
        rows = self._rows("SELECT content FROM uploads WHERE data_type = 'examInfo' AND disabled = 0")
        return [json.loads(row["content"]) for row in rows]

    def has(self, data_type: str, exam: Mapping[str, Any]) -> bool:
        """Return whether an examination has rows of a kind."""
        key = exam_key(exam["organ_code"], exam["ris_study_id"])
        question = "SELECT 1 FROM uploads WHERE data_type = ? AND exam_key = ? AND disabled = 0 LIMIT 1"
        return bool(self._rows(question, data_type, key))

    def new_token(self, organ_code: str, ends: float) -> str:
        """Return a new token of an institution."""
        token = secrets.token_urlsafe(24)
        with self._transaction() as connection:
            connection.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, organ_code, ends))
        return token

    def token_is_good(self, token: str, organ_code: str, now: float) -> bool:
        """Return whether a token is this institution's and has not ended."""
        return bool(
            self._rows("SELECT 1 FROM tokens WHERE token = ? AND organ_code = ? AND ends > ?", token, organ_code, now)
        )

    def forget_tokens(self) -> None:
        """End every token."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM tokens")

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction() as connection:
            for table in ("uploads", "tokens", "records", "notices", "receipts"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  # one of the words above

    def open_record(self, organ_code: str, cardno: str, now: float, wanted: str) -> str | None:
        """Return the `view_record_id` of one look of an institution at a person: the wanted one, or a new one.

        None when the wanted one is of another look.
        """
        record = wanted or secrets.token_hex(16)
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?)", (record, organ_code, cardno, now))
        return record if self.person_of(record, organ_code) == cardno else None

    def records(self) -> list[dict[str, Any]]:
        """Return every look at a person, without the person."""
        return [dict(row) for row in self._rows("SELECT view_record_id, organ_code, at FROM records")]

    def person_of(self, record: str, organ_code: str) -> str | None:
        """Return the person an institution looked at under this record."""
        rows = self._rows("SELECT cardno FROM records WHERE view_record_id = ? AND organ_code = ?", record, organ_code)
        return str(rows[0]["cardno"]) if rows else None

    def keep_notice(self, record: str, organ_code: str, projects: object) -> None:
        """Keep the notice of an order; again, it replaces the first."""
        self._keep_order("notices", record, organ_code, projects)

    def keep_receipt(self, record: str, organ_code: str, projects: object) -> None:
        """Keep the receipt of an order; again, it replaces the first."""
        self._keep_order("receipts", record, organ_code, projects)

    def _keep_order(self, table: str, record: str, organ_code: str, projects: object) -> None:
        with self._transaction() as connection:
            connection.execute(
                f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)",  # noqa: S608  # one of the two words above
                (record, organ_code, json.dumps(projects, ensure_ascii=False)),
            )

    def notices(self) -> list[dict[str, Any]]:
        """Return every notice of an order."""
        return [dict(row) for row in self._rows("SELECT * FROM notices")]

    def receipts(self) -> list[dict[str, Any]]:
        """Return every receipt."""
        return [dict(row) for row in self._rows("SELECT * FROM receipts")]

    def _rows(self, question: str, *values: object) -> list[sqlite3.Row]:
        with self._guard:
            return self._connection.execute(question, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guard, self._connection:
            yield self._connection


def exam_key(organ_code: str, ris_study_id: str) -> str:
    """Return what ties the rows of one examination together."""
    return f"{organ_code}\0{ris_study_id}"


def _key(row: Mapping[str, Any], fields: Sequence[str]) -> str:
    return "\0".join(str(row[field]) for field in fields)
