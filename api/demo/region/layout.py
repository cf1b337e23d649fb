"""The folder of a demo region: one data folder for the platform and one for each hospital, with the ports of each."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from api.demo.region.platform import INSTITUTIONS
from api.settings import DEMO_INSTITUTION_CODE

SECOND_INSTITUTION_CODE = "12340000DEMO000002"
PORTS = 7
"""So many in a row."""


@dataclass(frozen=True, slots=True)
class Place:
    """One hospital of the region."""

    data: Path
    code: str
    name: str
    http_port: int
    dicom_port: int
    hl7_port: int

    @property
    def base_url(self) -> str:
        """Address of its pages."""
        return f"http://localhost:{self.http_port}"

    @property
    def key(self) -> str:
        """What the platform calls it."""
        return f"demo-{self.code}"


@dataclass(frozen=True, slots=True)
class Region:
    """Where everything of a region is."""

    folder: Path
    first_port: int

    @property
    def ours(self) -> Place:
        """Our demo hospital."""
        return self._place("ours", DEMO_INSTITUTION_CODE, "演示县人民医院", 0)

    @property
    def second(self) -> Place:
        """The other hospital."""
        return self._place("second", SECOND_INSTITUTION_CODE, "演示市第二医院", 1)

    @property
    def platform(self) -> Path:
        """Folder of the platform."""
        return self.folder / "platform"

    @property
    def platform_port(self) -> int:
        """Port of the platform."""
        return self.first_port + 2

    @property
    def platform_url(self) -> str:
        """Address of the platform."""
        return f"http://127.0.0.1:{self.platform_port}"

    def write(self) -> None:
        """Write who takes part and the settings of both hospitals; secrets that are there already stay."""
        kept = self._secrets()
        places = {place.code: place for place in (self.ours, self.second)}
        institutions = [
            {
                "code": code,
                "name": place.name,
                "key": place.key,
                "secret": kept.get(code) or secrets.token_urlsafe(32),
                "door": f"{place.base_url}/region/open",
            }
            for code, place in places.items()
        ]
        _write(self.platform / INSTITUTIONS, json.dumps(institutions, ensure_ascii=False, indent=2))
        for item in institutions:
            place = places[item["code"]]
            _write(place.data / "settings.toml", self._settings(place, item["secret"]))

    def _settings(self, place: Place, secret: str) -> str:
        return (
            f'mode = "demo"\n'
            f'[hospital]\ninstitution_code = "{place.code}"\nname = "{place.name}"\n'
            f"[http]\nport = {place.http_port}\n"
            f"[dicom]\nport = {place.dicom_port}\n"
            f"[hl7]\nport = {place.hl7_port}\n"
            f'[platform]\nurl = "{self.platform_url}"\nkey = "{place.key}"\nsecret = "{secret}"\n'
        )

    def _secrets(self) -> dict[str, str]:
        path = self.platform / INSTITUTIONS
        if not path.exists():
            return {}
        return {item["code"]: item["secret"] for item in json.loads(path.read_text(encoding="utf-8"))}

    def _place(self, folder: str, code: str, name: str, number: int) -> Place:
        return Place(
            data=self.folder / folder,
            code=code,
            name=name,
            http_port=self.first_port + number,
            dicom_port=self.first_port + 3 + number,
            hl7_port=self.first_port + 5 + number,
        )


def _write(path: Path, text: str) -> None:
    """Write a file that holds secrets: nobody else reads it, and it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.touch(0o600)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
