"""The reading process may die; its owner may not."""

import os
import signal
import sys
import threading

import psutil
import pytest

from ocr.errors import PictureRefused, WorkerUnavailable
from ocr.limits import MEBIBYTE, PictureLimits, WorkerLimits
from ocr.types import Progress, Refusal
from ocr.worker import ReadingWorker
from tests.builders.report_pictures import encoded, imaging_page, texture

pytestmark = [pytest.mark.integration, pytest.mark.model]


class TestLimits:
    def test_too_much_time_ends_the_reading_and_not_the_service(self):
        with ReadingWorker(WorkerLimits(seconds=0.2)) as worker:
            worker.start()
            first = worker.process_id
            reading = worker.read(encoded(imaging_page()))
            assert (reading.accepted, reading.refusal) == (False, Refusal.TOO_SLOW)
            assert first is not None
            assert not psutil.pid_exists(first)

    def test_too_much_processor_time_ends_the_reading(self):
        with ReadingWorker(WorkerLimits(cpu_seconds=0.1)) as worker:
            assert worker.read(encoded(imaging_page())).refusal is Refusal.TOO_SLOW

    def test_too_much_memory_ends_the_reading(self):
        with ReadingWorker(WorkerLimits(memory=330 * MEBIBYTE)) as worker:
            assert worker.read(encoded(texture(side=4000))).refusal in {Refusal.TOO_MUCH_MEMORY, Refusal.READER_DIED}

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's data limit is Linux's")
    def test_the_kernel_holds_the_process_to_its_memory_between_two_looks(self):
        with ReadingWorker(WorkerLimits(memory=600 * MEBIBYTE)) as worker:
            worker.start()
            limits = psutil.Process(worker.process_id).rlimit(psutil.RLIMIT_DATA)
            assert limits == (1200 * MEBIBYTE, 1200 * MEBIBYTE)

    def test_too_many_bytes_never_reach_the_process(self, tmp_path):
        path = tmp_path / "large.jpg"
        path.write_bytes(b"\xff\xd8\xff" + b"0" * 5000)
        with ReadingWorker(pictures=PictureLimits(bytes=1000)) as worker:
            assert worker.read(path).refusal is Refusal.TOO_MANY_BYTES
            assert worker.process_id is None
            with pytest.raises(PictureRefused):
                worker.clean_pictures(path)


class TestDeath:
    def test_a_killed_process_costs_one_reading_and_is_replaced(self):
        page = encoded(imaging_page())
        with ReadingWorker() as worker:
            worker.start()
            first = worker.process_id
            assert first is not None

            def kill_while_reading(step: Progress) -> None:
                if step.stage == "reading":
                    os.kill(first, signal.SIGKILL)

            assert worker.read(page, kill_while_reading).refusal is Refusal.READER_DIED
            assert worker.read(page).accepted
            assert worker.process_id != first

    def test_the_process_is_replaced_after_its_share_of_readings(self):
        with ReadingWorker(WorkerLimits(readings_per_process=1)) as worker:
            worker.start()
            first = worker.process_id
            assert worker.read(b"nothing").refusal is Refusal.NOT_A_PICTURE
            assert worker.process_id != first

    def test_closing_leaves_no_process(self):
        worker = ReadingWorker()
        worker.start()
        child = worker.process_id
        worker.close()
        assert child is not None
        assert not psutil.pid_exists(child)

    def test_a_process_that_never_gets_ready_is_an_error_and_no_refusal(self):
        with ReadingWorker(WorkerLimits(start_seconds=0.01)) as worker, pytest.raises(WorkerUnavailable):
            worker.read(encoded(texture()))


class TestSecrets:
    @pytest.mark.skipif(sys.platform != "linux", reason="reads the environment from /proc")
    def test_the_process_gets_no_settings(self, worker, monkeypatch):
        monkeypatch.setenv("MINGYING_SECRET_KEY", "do-not-pass-on")
        with ReadingWorker() as fresh:
            fresh.start()
            assert "MINGYING_SECRET_KEY" not in psutil.Process(fresh.process_id).environ()

    def test_callers_take_turns(self, worker):
        readings = []
        threads = [threading.Thread(target=lambda: readings.append(worker.read(b"nothing").refusal)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert readings == [Refusal.NOT_A_PICTURE] * 4
