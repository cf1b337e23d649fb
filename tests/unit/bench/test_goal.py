import pytest

from bench.goal import Goal


class TestJudging:
    def test_a_time_above_its_goal_is_missed(self):
        assert not Goal(61, "ms", goal=60).met

    def test_a_time_at_its_goal_is_met(self):
        assert Goal(60, "ms", goal=60).met

    def test_a_share_below_its_goal_is_missed(self):
        assert not Goal(0.8, "", goal=0.9, higher_is_better=True).met

    def test_a_figure_without_a_goal_is_told_not_judged(self):
        assert Goal(10_000, "ms", peer=1).met


class TestJson:
    def test_holds_exactly_the_public_fields(self):
        assert Goal(20.12345, "ms", goal=60, peer=10, ratio=2.01234).as_json() == {
            "ours": 20.12,
            "peer": 10,
            "ratio": 2.012,
            "goal": 60,
            "met": True,
        }

    def test_what_was_not_measured_is_null(self):
        assert Goal(1, "s").as_json() == {"ours": 1, "peer": None, "ratio": None, "goal": None, "met": True}


class TestSentence:
    @pytest.mark.parametrize(
        ("goal", "said"),
        [
            (Goal(1234.5, "ms", goal=1500), "1,234 ms, goal ≤ 1,500"),
            (
                Goal(0.934, "", peer=0.86, ratio=1.09, higher_is_better=True, peer_name="keywords"),
                "0.934, keywords 0.86, ratio 1.09",
            ),
        ],
    )
    def test_says_figure_goal_and_peer(self, goal, said):
        assert goal.sentence() == said
