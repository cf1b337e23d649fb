import pytest

from bench.errors import BenchError
from bench.goal import Goal
from bench.record import BEGIN, END, filled, result_of

DOCUMENT = f"# Measurements\n\nbefore\n\n{BEGIN}\nold\n{END}\n\nafter\n"


@pytest.fixture(scope="module")
def result():
    return result_of({"query_p50_ms": Goal(70, "ms", goal=60, peer=7, ratio=10, peer_name="keywords")})


class TestFilling:
    def test_replaces_what_stands_between_the_marks_and_nothing_else(self, result):
        document = filled(DOCUMENT, {"retrieval": result})
        assert "old" not in document
        assert document.startswith("# Measurements\n\nbefore\n")
        assert document.endswith(f"{END}\n\nafter\n")

    def test_says_machine_command_figure_and_that_the_goal_was_missed(self, result):
        document = filled(DOCUMENT, {"retrieval": result})
        assert "`mingying bench retrieval`" in document
        assert f"{result['machine']['cores']} cores" in document
        assert "| query p50 | ≤ 60 ms | 70 ms, **missed** | keywords: 7 | 10.00 |" in document

    def test_filling_twice_changes_nothing(self, result):
        once = filled(DOCUMENT, {"retrieval": result})
        assert filled(once, {"retrieval": result}) == once

    def test_refuses_a_document_without_marks(self, result):
        with pytest.raises(BenchError, match="no part for measured figures"):
            filled("# Measurements\n", {"retrieval": result})
