"""The simulated provincial platform as a process of its own, and registrations to send to it."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from api.clock import utc_now
from api.demo.region.platform import FIELD_NAMES, INSTITUTIONS
from imaging_core.domain.identifiers import InstitutionCode, StudyInstanceUid
from imaging_core.interop.regional import Person, ProvincialPlatform, ProvincialSettings, Registration, Series
from tests.builders.servers import free_port, running

OURS = InstitutionCode("12340000TEST000001")
THEIRS = InstitutionCode("12340000TEST000002")
NAMES = {OURS: "测试一院", THEIRS: "测试二院"}
PERSON = Person(name="测试患者", id_number="990000196203150014")
STRANGER = Person(name="测试邻居", id_number="990000199106180039")
EXAMINED = datetime(2026, 1, 10, 2, 0, tzinfo=UTC)


def secret_of(institution: str) -> str:
    return f"secret-of-{institution}-not-for-use"


@dataclass(frozen=True)
class RunningPlatform:
    """A platform's address and folder."""

    url: str
    folder: Path
    field_names: Mapping[str, str]
    opened: list[ProvincialPlatform] = field(default_factory=list)

    def misbehave(self, kind: str, seconds: float = 0.0) -> None:
        answer = httpx.post(f"{self.url}/control/fault", json={"kind": kind, "seconds": seconds}, trust_env=False)
        assert answer.status_code == 200, answer.text

    def forget_tokens(self) -> None:
        assert httpx.post(f"{self.url}/control/forget-tokens", trust_env=False).status_code == 200

    def clear(self) -> None:
        """Let it know nothing and behave."""
        assert httpx.post(f"{self.url}/control/clear", trust_env=False).status_code == 200

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(f"{self.url}/control/state", trust_env=False).json()
        return state

    def seen_by(
        self, institution: InstitutionCode = OURS, *, clock_behind: float = 0.0, **settings: Any
    ) -> ProvincialPlatform:
        """Return the port as one hospital has it."""
        wanted = {
            "url": self.url,
            "key": f"key-{institution}",
            "secret": secret_of(institution).encode(),
            "institution_code": institution,
            "institution_name": NAMES[institution],
            "field_names": self.field_names,
            **settings,
        }
        port = ProvincialPlatform(ProvincialSettings(**wanted), lambda: utc_now() - timedelta(seconds=clock_behind))
        self.opened.append(port)
        return port


def write_platform(
    folder: Path, doors: Mapping[str, str] | None = None, field_names: Mapping[str, str] | None = None
) -> None:
    """Write a platform's folder: both hospitals take part."""
    folder.mkdir(parents=True, exist_ok=True)
    institutions = [
        {
            "code": code,
            "name": name,
            "key": f"key-{code}",
            "secret": secret_of(code),
            "door": (doors or {}).get(code, "http://127.0.0.1:1/region/open"),
        }
        for code, name in NAMES.items()
    ]
    (folder / INSTITUTIONS).write_text(json.dumps(institutions, ensure_ascii=False), encoding="utf-8")
    if field_names:
        (folder / FIELD_NAMES).write_text(json.dumps(field_names), encoding="utf-8")


@contextlib.contextmanager
def running_platform(
    folder: Path, doors: Mapping[str, str] | None = None, field_names: Mapping[str, str] | None = None
) -> Iterator[RunningPlatform]:
    """Run a platform until the block ends."""
    write_platform(folder, doors, field_names)
    port = free_port()
    command = [sys.executable, "-m", "api.cli", "demo", "platform", "--data", str(folder), "--port", str(port)]
    with running(command, port=port, log=folder / "platform.log"):
        platform = RunningPlatform(f"http://127.0.0.1:{port}", folder, field_names or {})
        yield platform
        for opened in platform.opened:
            opened.close()


def registration(examination_id: str = "exam-1", person: Person = PERSON, **changed: Any) -> Registration:
    """Return a registration of a chest CT."""
    content: dict[str, Any] = {
        "examination_id": examination_id,
        "study_instance_uid": StudyInstanceUid(f"1.2.3.{int.from_bytes(examination_id.encode()[:12])}"),
        "person": person,
        "sex": "M",
        "birth_date": None,
        "local_patient_id": "TEST0001",
        "modality": "CT",
        "item": "胸部CT平扫",
        "item_code": "CT-CHEST",
        "accession_number": "ACC0001",
        "encounter_class": "outpatient",
        "examined_at": EXAMINED,
        "report_id": "report-1",
        "report_version": 1,
        "findings": "双肺野清晰。",
        "impression": "未见明显异常。",
        "reporting_physician": "陈演示",
        "verifying_physician": "林审核",
        "reported_at": EXAMINED + timedelta(hours=1),
        "critical": None,
        "series": (Series("1.2.3.4", "CT", "CHEST", 3),),
        **changed,
    }
    return Registration(**content)
