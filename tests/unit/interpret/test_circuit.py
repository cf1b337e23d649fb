"""A circuit opens after failures in a row, rests, and lets one call try."""

import pytest

from interpret.models.circuit import Circuit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(failures=3, rest_seconds=30, clock=clock)


def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.record(answered=False)


class TestOpening:
    def test_a_new_circuit_lets_calls_through(self, circuit: Circuit):
        assert circuit.lets_through()

    def test_fewer_failures_than_allowed_change_nothing(self, circuit: Circuit):
        fail(circuit, 2)
        assert circuit.lets_through()

    def test_enough_failures_in_a_row_open_it(self, circuit: Circuit):
        fail(circuit, 3)
        assert not circuit.lets_through()

    def test_an_answer_between_them_starts_the_count_anew(self, circuit: Circuit):
        fail(circuit, 2)
        circuit.record(answered=True)
        fail(circuit, 2)
        assert circuit.lets_through()


class TestResting:
    def test_lasts_until_its_time_is_over(self, circuit: Circuit, clock: Clock):
        fail(circuit, 3)
        clock.now = 29.9
        assert not circuit.lets_through()
        clock.now = 30.0
        assert circuit.lets_through()

    def test_then_lets_one_call_try_and_keeps_the_others_back(self, circuit: Circuit, clock: Clock):
        fail(circuit, 3)
        clock.now = 30.0
        assert circuit.lets_through()
        assert not circuit.lets_through()

    def test_goes_on_when_the_try_fails(self, circuit: Circuit, clock: Clock):
        fail(circuit, 3)
        clock.now = 40.0
        assert circuit.lets_through()
        fail(circuit, 1)
        clock.now = 69.9
        assert not circuit.lets_through()

    def test_ends_when_the_try_is_answered(self, circuit: Circuit, clock: Clock):
        fail(circuit, 3)
        clock.now = 30.0
        assert circuit.lets_through()
        circuit.record(answered=True)
        assert circuit.lets_through()
        assert circuit.lets_through()

    def test_a_try_given_up_half_way_does_not_close_the_door_for_ever(self, circuit: Circuit, clock: Clock):
        fail(circuit, 3)
        clock.now = 30.0
        assert circuit.lets_through()
        clock.now = 60.0
        assert circuit.lets_through()
