"""When a migration may fetch, by a clock that is told the time."""

from datetime import UTC, datetime, timedelta

import pytest

from imaging_core.network.throttle import Hours, Throttle


class Wall:
    """A clock that moves only when somebody sleeps."""

    def __init__(self, hour: int, minute: int = 0) -> None:
        self.now = datetime(2026, 3, 1, hour, minute, tzinfo=UTC)

    def local_time(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 60
        self.now += timedelta(seconds=seconds)

    def throttle(self, hours: Hours | None = None, per_hour: int | None = None) -> Throttle:
        return Throttle(hours, per_hour, local_time=self.local_time, sleep=self.sleep)


class TestHours:
    @pytest.mark.parametrize(
        ("hours", "now", "begins"),
        [
            (Hours(20, 6), (19, 30), (1, 20)),
            (Hours(20, 6), (6, 0), (1, 20)),
            (Hours(1, 5), (12, 0), (2, 1)),
            (Hours(8, 12), (12, 0), (2, 8)),
        ],
    )
    def test_outside_it_waits_for_the_next_beginning(self, hours: Hours, now: tuple[int, int], begins: tuple[int, int]):
        wall = Wall(*now)
        wall.throttle(hours).wait()
        assert (wall.now.day, wall.now.hour, wall.now.minute) == (*begins, 0)

    @pytest.mark.parametrize("hour", [20, 23, 0, 5])
    def test_within_it_does_not_wait(self, hour: int):
        wall = Wall(hour)
        wall.throttle(Hours(20, 6)).wait()
        assert wall.now.hour == hour


class TestPerHour:
    def test_so_many_pass_an_hour(self):
        wall = Wall(12)
        throttle = wall.throttle(per_hour=4)
        for _ in range(5):
            throttle.wait()
        assert wall.now == datetime(2026, 3, 1, 13, 0, tzinfo=UTC)

    def test_a_clock_set_back_costs_no_more_than_one_turn(self):
        wall = Wall(12)
        throttle = wall.throttle(per_hour=4)
        throttle.wait()
        wall.now -= timedelta(days=3)
        throttle.wait()
        assert wall.now == datetime(2026, 2, 26, 12, 15, tzinfo=UTC)
