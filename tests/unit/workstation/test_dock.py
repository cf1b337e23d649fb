"""The panel at the edge: comes when called or touched, goes when left, stays while it is used."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation import dock as docking
from workstation.dock import CALLED_SECONDS, LEFT_SECONDS, PANEL_WIDTH, STRIP_WIDTH, Dock, Edge, Rect, Shown

pytestmark = pytest.mark.clause("R2.1")

SCREEN = Rect(0, 0, 1920, 1040)
AT_EDGE = Dock(Edge.RIGHT)

Step = Callable[[Dock, float], Dock]
STEPS: list[Step] = [
    lambda dock, now: docking.called(dock, now, slides=True),
    lambda dock, now: docking.called(dock, now, slides=False),
    docking.opened,
    lambda dock, now: docking.pointed(dock, now, inside=True),
    lambda dock, now: docking.pointed(dock, now, inside=False),
    lambda dock, now: docking.focused(dock, now, inside=True),
    lambda dock, now: docking.focused(dock, now, inside=False),
    docking.passed,
    lambda dock, now: docking.put_away(dock, completely=False),
    lambda dock, now: docking.put_away(dock, completely=True),
    docking.across,
]
LIVES = st.lists(st.tuples(st.sampled_from(STEPS), st.floats(0, 30)), max_size=40)


def lived(steps: list[tuple[Step, float]], edge: Edge = Edge.RIGHT) -> tuple[Dock, float]:
    dock, now = Dock(edge), 0.0
    for step, seconds in steps:
        now += seconds
        dock = step(dock, now)
    return dock, now


class TestSlides:
    def test_out_at_the_touch_of_the_strip_and_back_soon_after_the_mouse_left(self):
        out = docking.pointed(AT_EDGE, 100, inside=True)
        assert (out.shown, docking.passed(out, 10_000).shown) == (Shown.OUT, Shown.OUT)
        left = docking.pointed(out, 200, inside=False)
        assert docking.passed(left, 200 + LEFT_SECONDS / 2).shown is Shown.OUT
        assert docking.passed(left, 200 + LEFT_SECONDS).shown is Shown.STRIP

    def test_back_by_itself_when_nobody_touches_what_was_called(self):
        out = docking.called(AT_EDGE, 100, slides=True)
        assert docking.passed(out, 99 + CALLED_SECONDS).shown is Shown.OUT
        assert docking.passed(out, 100 + CALLED_SECONDS).shown is Shown.STRIP

    def test_not_back_while_somebody_types_with_the_mouse_elsewhere(self):
        typing = docking.focused(docking.pointed(AT_EDGE, 0, inside=True), 1, inside=True)
        typing = docking.pointed(typing, 2, inside=False)
        assert docking.passed(typing, 10_000).shown is Shown.OUT
        done = docking.focused(typing, 10_000, inside=False)
        assert docking.passed(done, 10_000 + LEFT_SECONDS).shown is Shown.STRIP

    @pytest.mark.clause("R4.5")
    def test_not_by_itself_when_that_is_switched_off_but_the_strip_is_marked(self):
        for place in (AT_EDGE, docking.put_away(AT_EDGE, completely=True)):
            told = docking.called(place, 0, slides=False)
            assert (told.shown, told.marked) == (Shown.STRIP, True)
            assert docking.pointed(told, 1, inside=True).marked is False

    def test_completely_out_of_sight_and_comes_when_called(self):
        hidden = docking.put_away(docking.opened(AT_EDGE, 0), completely=True)
        assert docking.passed(docking.pointed(hidden, 1, inside=True), 2).shown is Shown.HIDDEN
        assert docking.called(hidden, 3, slides=True).shown is Shown.OUT


class TestAlways:
    @given(LIVES)
    def test_only_who_is_out_and_held_by_nobody_goes_back_and_then_surely(self, steps):
        dock, now = lived(steps)
        free = dock.shown is Shown.OUT and not dock.pointer and not dock.focused
        assert (dock.back_at is not None) == free
        assert docking.passed(dock, now + 1000).shown is (Shown.STRIP if free else dock.shown)

    @given(LIVES)
    def test_a_mark_is_on_a_strip(self, steps):
        dock, _ = lived(steps)
        assert not dock.marked or dock.shown is Shown.STRIP

    @given(LIVES, st.sampled_from(Edge))
    def test_the_edge_changes_by_the_doctor_alone(self, steps, edge):
        dock, _ = lived(steps, edge)
        moves = sum(step is docking.across for step, _ in steps)
        assert dock.edge is (edge.other if moves % 2 else edge)

    @given(
        LIVES,
        st.sampled_from(Edge),
        st.builds(
            Rect, st.integers(-4000, 4000), st.integers(-900, 900), st.integers(200, 4000), st.integers(200, 3000)
        ),
    )
    def test_the_window_keeps_to_its_edge_of_its_own_screen(self, steps, edge, area):
        dock, _ = lived(steps, edge)
        window = docking.frame(dock, area)
        assert area.left <= window.left
        assert window.left + window.width <= area.left + area.width
        assert (window.top, window.height) == (area.top, area.height)
        at_left, at_right = window.left == area.left, window.left + window.width == area.left + area.width
        assert at_left if dock.edge is Edge.LEFT else at_right

    def test_it_is_as_wide_as_said(self):
        out = docking.opened(AT_EDGE, 0)
        assert docking.frame(out, SCREEN) == Rect(1920 - STRIP_WIDTH - PANEL_WIDTH, 0, STRIP_WIDTH + PANEL_WIDTH, 1040)
        assert docking.frame(AT_EDGE, SCREEN) == Rect(1920 - STRIP_WIDTH, 0, STRIP_WIDTH, 1040)
