"""Area codes and the level each bears."""

import pytest

from models.area import level_of_code


@pytest.mark.parametrize(
    ("code", "level"),
    [("KU205", "municipality"), ("SK182", "subregion"), ("MK18", "region"), ("SSS", "country")],
)
def test_a_statistical_code_tells_its_level(code, level):
    assert level_of_code(code) == level


@pytest.mark.parametrize("code", ["MKJO", "KUJOU", "MK91", "KU199", "ELYJO", "SKJOU"])
def test_elsewhere_and_unknown_are_no_area(code):
    assert level_of_code(code) is None


@pytest.mark.parametrize("code", ["205", "KU2050", "ku205", "KAJAANI", "", "SSS2"])
def test_other_codes_tell_nothing(code):
    assert level_of_code(code) is None
