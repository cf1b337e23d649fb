"""How names are read, and the keys by which they are found."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.patients.name_search import can_be_searched, keys_of
from imaging_core.patients.readings import readings_of
from imaging_core.patients.tables import NAME_KEY_LENGTH

NAMES = st.text(st.characters(max_codepoint=0x2FFFF, exclude_categories=["Cs"]), max_size=60) | st.text(
    st.sampled_from("王李张单曾仇解查区任华欧阳单于覃乐盖吕小明伟丽三 ·^aZ9"), max_size=12
)


def whole(name: str) -> set[str]:
    return {item.key for item in keys_of(name) if not item.inner}


def anywhere(name: str) -> set[str]:
    return {item.key for item in keys_of(name)}


@pytest.mark.clause("R2.4")
class TestSurnames:
    @pytest.mark.parametrize(
        ("name", "pinyin"),
        [
            ("单雄信", "shanxiongxin"),
            ("曾国藩", "zengguofan"),
            ("仇英", "qiuying"),
            ("解缙", "xiejin"),
            ("查良镛", "zhaliangyong"),
            ("区小明", "ouxiaoming"),
            ("任达华", "rendahua"),
            ("华罗庚", "hualuogeng"),
            ("朴树", "piaoshu"),
            ("缪昌文", "miaochangwen"),
            ("尉迟恭", "yuchigong"),
            ("万俟卨", "moqixie"),
            ("单于婉", "chanyuwan"),
            ("欧阳修", "ouyangxiu"),
            ("吕布", "lvbu"),
        ],
    )
    def test_are_read_as_surnames(self, name, pinyin):
        assert "".join(syllable.read for syllable in readings_of(name)[0]) == pinyin
        assert pinyin in whole(name)

    @pytest.mark.parametrize(
        ("name", "both"), [("覃建国", {"qinjianguo", "tanjianguo"}), ("翟志刚", {"zhaizhigang", "dizhigang"})]
    )
    def test_that_families_read_differently_are_found_either_way(self, name, both):
        assert both <= whole(name)

    def test_are_found_by_the_reading_of_the_word_too(self):
        """Whoever reads the name off a slip may not know better."""
        assert {"zengguofan", "cengguofan", "zgf", "cgf"} <= whole("曾国藩")

    def test_are_surnames_at_the_beginning_alone(self):
        assert whole("李解") == {"李解", "lijie", "lj"}


@pytest.mark.clause("R2.4")
class TestKeys:
    @pytest.mark.parametrize(
        ("name", "inner"),
        [
            ("张三丰", {"三丰", "丰", "sanfeng", "feng", "sf"}),
            ("Zhang San", {"san"}),
            ("阿依·买买", {"依买买", "买买", "买", "yimaimai", "maimai", "mai", "ymm", "mm"}),
        ],
    )
    def test_begin_at_every_syllable(self, name, inner):
        assert anywhere(name) - whole(name) == inner

    @pytest.mark.parametrize("name", ["Zhāng Sān", "ＺＨＡＮＧ　ＳＡＮ", "zhang^san", "zhang-san"])
    def test_are_the_same_however_a_name_is_written(self, name):
        assert {"zhangsan", "zs"} <= whole(name)

    def test_of_a_rare_character_leave_its_reading_out(self):
        assert whole("\U00030000三") == {"\U00030000三", "san"}

    @pytest.mark.parametrize("name", ["", " ", "·^·", "%_*", "😀"])
    def test_are_none_where_there_is_no_name(self, name):
        assert keys_of(name) == frozenset()

    @given(NAMES)
    def test_fit_the_column_and_say_enough(self, name):
        for item in keys_of(name):
            assert 0 < len(item.key) <= NAME_KEY_LENGTH
            assert can_be_searched(item.key)
            assert "\0" not in item.key

    @given(NAMES)
    def test_stay_the_same_when_a_name_is_written_in_another_form(self, name):
        assert keys_of(unicodedata.normalize("NFD", name)) == keys_of(name)

    @given(NAMES)
    def test_hold_every_reading_in_full_and_by_initials(self, name):
        for reading in readings_of(name)[:1]:
            for key in ("".join(s.read for s in reading), "".join(s.read[:1] for s in reading)):
                if len(reading) and can_be_searched(key):
                    assert key[:NAME_KEY_LENGTH] in whole(name)

    @given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=16), st.data())
    def test_begin_with_any_part_of_a_chinese_name(self, name, data):
        start = data.draw(st.integers(0, len(name) - 1))
        end = data.draw(st.integers(start + 1, len(name)))
        assert any(key.startswith(name[start:end]) for key in anywhere(name))


@pytest.mark.clause("R2.4")
@pytest.mark.parametrize(
    ("text", "enough"),
    [("张", True), ("zs", True), ("张s", True), ("z", False), ("%", False), (" ", False), ("", False), ("_%", False)],
)
def test_one_character_or_two_letters_can_be_searched(text, enough):
    assert can_be_searched(text) is enough
