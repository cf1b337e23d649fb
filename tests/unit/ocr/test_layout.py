from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.layout.columns import Column, place
from ocr.layout.paragraphs import join_pieces, join_rows
from ocr.layout.rows import rows_of
from ocr.layout.spans import Span, whole, words
from ocr.types import Box, Line

boxes = st.builds(
    Box,
    left=st.integers(0, 1500),
    top=st.integers(0, 2000),
    width=st.integers(5, 900),
    height=st.integers(10, 60),
)
lines = st.lists(
    st.builds(
        Line, text=st.text("双肺未见异常，左右123.:", min_size=1, max_size=20), box=boxes, confidence=st.just(1.0)
    ),
    max_size=25,
)


def line(text: str, left: int, top: int, width: int | None = None) -> Line:
    return Line(text, Box(left, top, width or 25 * len(text), 26), 1.0)


class TestRows:
    @settings(deadline=None)
    @given(lines)
    def test_no_character_is_lost_or_doubled(self, pieces):
        read = [piece for row in rows_of(pieces) for piece in row]
        assert Counter("".join(piece.text for piece in read)) == Counter("".join(piece.text for piece in pieces))

    @settings(deadline=None)
    @given(lines, st.randoms(use_true_random=False))
    def test_the_order_does_not_depend_on_the_order_of_arrival(self, pieces, random):
        shuffled = list(pieces)
        random.shuffle(shuffled)
        texts = [[piece.text for piece in row] for row in rows_of(pieces)]
        assert [[piece.text for piece in row] for row in rows_of(shuffled)] == texts

    @settings(deadline=None)
    @given(lines)
    def test_each_row_runs_from_left_to_right(self, pieces):
        for row in rows_of(pieces):
            lefts = [piece.box.left for piece in row]
            assert lefts == sorted(lefts)

    def test_rows_follow_a_tilted_page(self):
        def tilted(text: str, left: float, top: float) -> Line:
            fall = 0.1
            y = top + fall * left
            corners = ((left, y), (left + 200, y + 20), (left + 200, y + 46), (left, y + 26))
            return Line(text, Box(round(left), round(y), 200, 46), 1.0, corners)

        pieces = [
            tilted(f"{row}{column}", 100 + 400 * column, 100 + 40 * row) for row in range(3) for column in range(3)
        ]
        texts = [[piece.text for piece in row] for row in rows_of(pieces)]
        assert texts == [["00", "01", "02"], ["10", "11", "12"], ["20", "21", "22"]]

    def test_a_column_of_single_characters_read_as_one_word_is_taken_apart(self):
        stack = Line("钾钠氯", Box(50, 100, 26, 150), 1.0)
        values = [line(value, 200, 112 + 50 * index) for index, value in enumerate(("3.41", "139", "103"))]
        assert [[piece.text for piece in row] for row in rows_of([stack, *values])] == [
            ["钾", "3.41"],
            ["钠", "139"],
            ["氯", "103"],
        ]


class TestParagraphs:
    def test_a_line_wrap_leaves_no_trace(self):
        wide, short = Box(0, 0, 800, 26), Box(0, 40, 300, 26)
        assert (
            join_rows([("见一结节，大小约8mm×", wide), ("6mm，边界清。", short)]) == "见一结节，大小约8mm×6mm，边界清。"
        )

    def test_numbered_points_stay_apart(self):
        wide = Box(0, 0, 800, 26)
        assert join_rows([("1.右肺结节。", wide), ("2、左肺清晰。", wide)]) == "1.右肺结节。\n2、左肺清晰。"

    def test_a_wrapped_measurement_is_no_numbered_point(self):
        wide = Box(0, 0, 800, 26)
        assert join_rows([("大小约", wide), ("2.5cm，边界清。", wide)]) == "大小约2.5cm，边界清。"

    def test_a_sentence_that_ends_early_ends_its_paragraph(self):
        rows = [("双肺清晰。", Box(0, 0, 120, 26)), ("心影不大，膈面光整，余未见明显异常。", Box(0, 40, 800, 26))]
        assert join_rows(rows).count("\n") == 1

    def test_latin_words_keep_their_space(self):
        wide = Box(0, 0, 800, 26)
        assert join_rows([("Hepatic", wide), ("hemangioma", wide)]) == "Hepatic hemangioma"

    def test_a_wide_gap_in_a_row_becomes_a_space(self):
        assert join_pieces([("左侧", Box(0, 0, 50, 26)), ("右侧", Box(200, 0, 50, 26))]) == "左侧 右侧"


class TestSpans:
    def test_confidence_is_that_of_the_weakest_letter_and_not_of_a_comma(self):
        text = Line("左肺，8mm", Box(0, 0, 100, 20), 0.9, (), (0.99, 0.98, 0.3, 0.97, 0.96, 0.95))
        assert whole(text).confidence == 0.95

    def test_a_part_lies_inside_its_line(self):
        text = line("姓名：测试", 100, 0, 100)
        box = Span(text, 3, 5).box
        assert (box.left, box.right) == (160, 200)

    def test_words_are_split_at_any_white_space(self):
        assert [span.text for span in words(whole(line("128 g/L　115", 0, 0)))] == ["128", "g/L", "115"]


class TestColumns:
    COLUMNS = (
        Column("item", Box(60, 0, 60, 26)),
        Column("value", Box(380, 0, 60, 26)),
        Column("unit", Box(540, 0, 60, 26)),
    )

    def test_pieces_go_to_the_heading_they_line_up_with(self):
        pieces = [whole(line("糖类抗原十九", 60, 40, 260)), whole(line("41.2", 384, 40, 50))]
        assert [column.kind for column, _ in place(pieces, self.COLUMNS)] == ["item", "value"]

    def test_a_piece_read_across_two_columns_is_split(self):
        piece = whole(Line("11.82 10^9/L", Box(380, 40, 240, 26), 1.0))
        assert [(column.kind, span.text) for column, span in place([piece], self.COLUMNS)] == [
            ("value", "11.82"),
            ("unit", "10^9/L"),
        ]
