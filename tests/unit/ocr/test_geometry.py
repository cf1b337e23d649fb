import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.image.slope import lies_on_its_side, line_height, measure
from ocr.image.straighten import straighten, turned
from ocr.types import Box, Corners


def line_at(x: float, y: float, *, width: float = 400, height: float = 30, angle: float = 0.0) -> Corners:
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-np.sin(angle), np.cos(angle)])
    start = np.array([x, y])
    points = (start, start + width * along, start + width * along + height * across, start + height * across)
    a, b, c, d = ((float(point[0]), float(point[1])) for point in points)
    return a, b, c, d


def page_of_lines(angle: float, count: int = 8) -> list[Corners]:
    return [line_at(100, 100 + 60 * number, angle=angle) for number in range(count)]


class TestMeasure:
    @pytest.mark.parametrize("angle", [-0.2, -0.05, 0.0, 0.08, 0.2])
    def test_finds_the_tilt_of_the_lines(self, angle):
        slope = measure(page_of_lines(angle))
        assert slope.angle == pytest.approx(angle, abs=1e-6)
        assert slope.convergence == 0

    def test_one_line_at_another_angle_does_not_turn_the_page(self):
        assert measure([*page_of_lines(0.05), line_at(100, 700, width=150, angle=0.9)]).angle == pytest.approx(0.05)

    def test_short_pieces_alone_give_no_tilt(self):
        assert measure([line_at(0, 0, width=40, angle=0.5)]).angle == 0

    def test_lines_that_run_together_are_seen(self):
        fan = [line_at(100, 100 + 90 * number, angle=0.02 * (number - 4)) for number in range(9)]
        assert measure(fan).convergence == pytest.approx(0.02 / 90, rel=0.2)

    @pytest.mark.parametrize(("angle", "expected"), [(0.1, False), (np.pi / 2 + 0.1, True), (-np.pi / 2, True)])
    def test_a_page_on_its_side_is_recognised(self, angle, expected):
        assert lies_on_its_side(page_of_lines(angle)) is expected

    def test_line_height_is_measured_across_the_line(self):
        assert line_height(page_of_lines(np.pi / 2)) == pytest.approx(30)


class TestStraighten:
    @settings(deadline=None, max_examples=25)
    @given(st.floats(-0.25, 0.25), st.sampled_from([0, 90, 180, 270]))
    def test_a_box_comes_back_to_where_it_was(self, angle, turn):
        image = np.full((900, 800, 3), 255, dtype=np.uint8)
        level = straighten(image, page_of_lines(angle if turn in (0, 180) else angle + np.pi / 2), turn)
        place = Box(40, 30, 60, 20)
        back = level.back(place)
        forward = np.linalg.inv(level.to_picture) @ np.array([*back.center, 1.0])
        assert forward[:2] / forward[2] == pytest.approx(place.center, abs=6)

    def test_lines_become_level_and_get_the_reading_height(self):
        image = np.full((900, 900, 3), 255, dtype=np.uint8)
        corners = page_of_lines(0.12)
        level = straighten(image, corners)
        matrix = np.linalg.inv(level.to_picture)
        mapped = np.array([[*point, 1.0] for point in corners[3]]) @ matrix.T
        mapped = mapped[:, :2] / mapped[:, 2:]
        assert mapped[0][1] == pytest.approx(mapped[1][1], abs=0.5)
        assert mapped[3][1] - mapped[0][1] == pytest.approx(36, abs=1)

    @pytest.mark.parametrize("turn", [0, 90, 180, 270])
    def test_a_quarter_turn_moves_no_pixel(self, turn):
        image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
        level = turned(image, turn)
        for y in range(level.image.shape[0]):
            for x in range(level.image.shape[1]):
                column, row, _ = np.rint(level.to_picture @ np.array([x, y, 1.0])).astype(int)
                assert (level.image[y, x] == image[row, column]).all()
