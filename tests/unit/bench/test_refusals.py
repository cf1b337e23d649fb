import pytest

from bench.errors import NeedMissing, PeerUnknown, check_peer
from bench.options import folder, rounds
from bench.workloads import WORKLOADS


class TestPeers:
    @pytest.mark.parametrize("name", sorted(WORKLOADS))
    def test_every_workload_refuses_a_peer_it_does_not_know_before_it_starts(self, name):
        with pytest.raises(PeerUnknown, match="no peer nobody"):
            WORKLOADS[name]("nobody")

    def test_names_those_there_are(self):
        with pytest.raises(PeerUnknown, match="there is: orthanc"):
            check_peer("ohif", {"orthanc"})


class TestOptions:
    def test_a_folder_that_is_none_is_said_by_the_name_of_its_variable(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MINGYING_BENCH_OCR", str(tmp_path / "absent"))
        with pytest.raises(NeedMissing, match="MINGYING_BENCH_OCR"):
            folder("MINGYING_BENCH_OCR")

    def test_at_least_one_round_is_run(self, monkeypatch):
        monkeypatch.setenv("MINGYING_BENCH_ROUNDS", "0")
        assert rounds(5) == 1
