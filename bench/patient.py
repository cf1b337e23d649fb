"""A patient over HTTP: scans the link, proves who they are, agrees, and holds a grant."""

import re
from typing import Any

import httpx

from api.demo.hospital import DemoPatient
from bench.errors import BenchError

_LINK = re.compile(r'href="([^"]+)/r#([^"]+)"')
NOTICE_VERSION = "2026-11"
"""As in the page; another one only makes the page ask again."""


class PatientVisit:
    """A verified patient. `client` carries the grant's cookie."""

    def __init__(self, base_url: str, patient: DemoPatient) -> None:
        self.client = httpx.Client(base_url=base_url, timeout=60, trust_env=False)
        self._enter(patient)
        self.first_screen: dict[str, Any] = self.get_json("/api/patient/first-screen")

    def __enter__(self) -> "PatientVisit":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @property
    def study(self) -> str:
        """The study the link leads to."""
        return str(self.first_screen["study"]["study_instance_uid"])

    @property
    def report(self) -> str:
        """The report of that study."""
        return str(self.first_screen["report"]["report_id"])

    def get_json(self, path: str) -> dict[str, Any]:
        """Return an answer, which must be a success."""
        answer = self.client.get(path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def cookies(self) -> list[dict[str, Any]]:
        """Return the cookies as a browser context takes them."""
        url = str(self.client.base_url)
        return [
            {"name": item.name, "value": item.value, "url": f"{url.rstrip('/')}{item.path}"}
            for item in self.client.cookies.jar
        ]

    def _enter(self, patient: DemoPatient) -> None:
        found = _LINK.search(self.client.get("/demo").text)
        if found is None:
            raise BenchError("the demo page lists no report")
        steps: list[tuple[str, dict[str, Any]]] = [
            ("link", {"token": found[2]}),
            ("verification", {"method": "id_number", "id_number": patient.id_number}),
            *(
                ("consents", {"purpose": item, "version": NOTICE_VERSION, "given": True})
                for item in ("view", "interpret")
            ),
        ]
        for path, body in steps:
            self.client.post(f"/api/patient/{path}", json=body).raise_for_status()
