"""A region in a box, as a hospital starts it: two hospitals and a platform as processes, each with its own data."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from api.demo.hospital import load_hospital
from api.demo.region.layout import PORTS, SECOND_INSTITUTION_CODE, Region
from api.demo.region.second import second_hospital
from api.processes.ports import is_free
from api.settings import Settings
from api.wiring import Services, build_services
from imaging_core.coding.kinds import ExamKind, kind_of
from imaging_core.interop.regional import History, Person
from tests.builders.servers import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("region")]

_READY_SECONDS = 300
SHARED = load_hospital().patients[0]
PERSON = Person(name=SHARED.name, id_number=SHARED.id_number)
THEIRS = second_hospital().patients[0].exams


def command(region: Region) -> list[str]:
    where = ["--data", str(region.folder), "--port", str(region.first_port)]
    return [sys.executable, "-m", "api.cli", "demo", "region", "--small", *where]


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """A running region; afterwards nothing of it listens any more."""
    place = Region(tmp_path_factory.mktemp("region"), free_ports(PORTS))
    log = place.folder / "said.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MINGYING_")}
    with log.open("wb") as output:
        process = subprocess.Popen(command(place), env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while "The region is open" not in log.read_text():
            assert process.poll() is None, said(place)
            assert time.monotonic() < deadline, said(place)
            time.sleep(0.2)
        yield place
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)
    ports = range(place.first_port, place.first_port + PORTS)
    assert [port for port in ports if not is_free("127.0.0.1", port)] == []


def said(place: Region) -> str:
    logs = sorted(place.folder.rglob("*.log"))
    return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in logs)


def in_colour(jpeg: bytes) -> bool:
    """Say whether the middle of a picture is more than grey."""
    picture = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
    rows, columns, _ = picture.shape
    middle = picture[rows // 4 : -rows // 4, columns // 4 : -columns // 4]
    return bool(np.ptp(middle, axis=-1).mean() > 10)


@pytest.fixture(scope="module")
def ours(region: Region) -> Iterator[Services]:
    services = build_services(Settings.load(region.ours.data))
    yield services
    services.close()


def until_found(services: Services, person: Person, count: int) -> History:
    """Ask until the other hospital registered what it has."""
    assert services.platform is not None
    deadline = time.monotonic() + 60
    while True:
        history = services.platform.find_history(person)
        if len(history.examinations) >= count or time.monotonic() > deadline:
            return history
        time.sleep(0.3)


@pytest.mark.clause("R6.1")
class TestRegion:
    def test_ours_finds_and_opens_what_the_other_hospital_has_of_a_patient(self, region, ours):
        history = until_found(ours, PERSON, len(THEIRS))
        assert {found.institution_code for found in history.examinations} == {SECOND_INSTITUTION_CODE}
        chest = next(found for found in history.examinations if found.modality == "CT")
        assert (chest.has_images, chest.has_report) == (True, True)

        address = ours.platform.retrieval_address(history.view_record_id, chest).url
        assert address.startswith(region.second.base_url)
        with httpx.Client(trust_env=False) as doctor:
            opened = doctor.get(address)
            assert opened.status_code == 303
            screen = doctor.get(f"{region.second.base_url}/api/patient/first-screen").json()
            assert screen["report"]["impression"] == THEIRS[0].report.impression
            study = screen["study"]["study_instance_uid"]
            manifest = doctor.get(f"{region.second.base_url}/api/patient/studies/{study}/manifest")
            assert manifest.status_code == 200
            assert manifest.json()["series"]
        with httpx.Client(trust_env=False) as somebody:
            assert somebody.get(address).status_code == 404
            assert somebody.get(f"{region.second.base_url}/api/patient/first-screen").status_code == 401

    @pytest.mark.clause("R2.10")
    def test_pictures_of_every_kind_are_found_and_opened_from_the_other_hospital(self, region, ours):
        history = until_found(ours, PERSON, len(THEIRS))
        by_kind = {kind_of([found.modality], found.item): found for found in history.examinations}
        assert by_kind.keys() == set(ExamKind) - {ExamKind.LABORATORY}
        frames = {ExamKind.ENDOSCOPY: [1, 1, 1, 1], ExamKind.PATHOLOGY: [1], ExamKind.ULTRASOUND: [5]}
        for kind, expected in frames.items():
            found = by_kind[kind]
            assert (found.has_images, found.has_report) == (True, True), kind
            with httpx.Client(base_url=region.second.base_url, trust_env=False) as doctor:
                opened = doctor.get(ours.platform.retrieval_address(history.view_record_id, found).url)
                assert opened.status_code == 303
                screen = doctor.get("/api/patient/first-screen").json()
                exam = next(exam for exam in THEIRS if exam.exam_item == found.item)
                assert screen["report"]["impression"] == exam.report.impression
                study = f"/api/patient/studies/{screen['study']['study_instance_uid']}"
                (series,) = doctor.get(f"{study}/manifest").json()["series"]
                instances = series["instances"]
                assert [instance["instance_number"] for instance in instances] == list(range(1, len(expected) + 1))
                assert [instance["frames"] for instance in instances] == expected
                for instance in instances:
                    picture = doctor.get(f"{study}/instances/{instance['sop_instance_uid']}/frames/1/preview")
                    assert in_colour(picture.content) is (kind is not ExamKind.ULTRASOUND)

    def test_what_ours_registered_is_found_by_the_other_hospital(self, region, ours):
        services = build_services(Settings.load(region.second.data))
        try:
            found = until_found(services, PERSON, len(SHARED.exams)).examinations
        finally:
            services.close()
        assert sorted(item.item for item in found) == sorted(exam.exam_item for exam in SHARED.exams)

    def test_says_what_to_open_and_who_has_what(self, region, ours):
        until_found(ours, PERSON, len(THEIRS))
        printed = (region.folder / "said.log").read_text()
        for address in (region.ours.base_url, region.second.base_url, region.platform_url):
            assert address in printed
        asked = [sys.executable, "-m", "api.cli", "demo", "elsewhere"]
        where = ["--data", str(region.folder), "--port", str(region.first_port)]
        done = subprocess.run([*asked, *where], capture_output=True, text=True, timeout=120, check=True)
        assert f"王示例：其他医院检查 {len(THEIRS)} 例" in done.stdout
        assert "李演示：其他医院检查 0 例" in done.stdout
        assert PERSON.id_number not in done.stdout

    def test_a_second_start_says_so_and_leaves_the_first_alone(self, region):
        second = subprocess.run(command(region), capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode == 1
        assert "already in use" in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(f"{region.ours.base_url}/health", trust_env=False).status_code == 200

    def test_secrets_are_in_files_that_nobody_else_reads(self, region):
        holding: list[Path] = [region.platform / "institutions.json", region.ours.data / "settings.toml"]
        assert [path.stat().st_mode & 0o077 for path in holding] == [0, 0]
