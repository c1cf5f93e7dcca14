import pytest

from reports.site import finnish_number


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (36370, 0, "36\u00a0370"),
        (-475, 0, "\u2212475"),
        (31.3, 1, "31,3"),
        (10, 1, "10,0"),
        (0, 0, "0"),
        (None, 0, ""),
    ],
)
def test_numbers_are_written_as_finnish_writes_them(value, decimals, shown) -> None:
    assert finnish_number(value, decimals) == shown
