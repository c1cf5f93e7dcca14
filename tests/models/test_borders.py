"""Borders for the map: real ones of 2020, on a grid on which neighbours share their border exactly."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.borders import STEP, Borders, borders_from_json, borders_to_json, packaged_borders, simplified
from models.divisions import load_divisions
from models.errors import SourceError


@pytest.fixture(scope="module")
def real() -> Borders:
    return packaged_borders()


def mean(borders: Borders, code: str) -> tuple[float, float]:
    points = borders.rings[code][0]
    return sum(one[0] for one in points) / len(points), sum(one[1] for one in points) / len(points)


def test_the_packaged_borders_are_those_of_the_municipalities_of_2020_with_source_and_licence(
    real: Borders,
) -> None:
    assert set(real.rings) == set(load_divisions().division(2020).municipalities)
    assert (real.year, real.licence) == (2020, "CC BY 4.0")
    assert "Tilastokeskus" in real.source


def test_kajaani_is_where_it_is(real: Borders) -> None:
    east, north = mean(real, "KU205")
    assert (abs(east - 27.7) < 0.5, abs(north - 64.2) < 0.3) == (True, True)
    (west, south), (most_east, most_north) = real.bounds()
    assert 19 < west < 21 < 31 < most_east < 32
    assert 59.5 < south < 60 < 70 < most_north < 70.2


def sides_of(borders: Borders, codes: Iterable[str]) -> list[tuple[object, object]]:
    return [
        (ring[place - 1], point)
        for code in codes
        for ring in borders.rings[code]
        for place, point in enumerate(ring)
    ]


def test_neighbours_share_their_border_point_for_point(real: Borders) -> None:
    """Kainuu's inland municipalities are bounded by others all around; each side is drawn twice, in opposite ways."""
    everywhere = set(sides_of(real, real.rings))
    assert len(everywhere) == len(sides_of(real, real.rings)), "none is drawn twice in the same way"
    inland = sides_of(real, ["KU205", "KU578", "KU620", "KU697", "KU765"])
    assert {(b, a) for a, b in inland} <= everywhere


def test_the_file_is_small_and_says_where_it_comes_from() -> None:
    path = Path(__file__).resolve().parents[2] / "models" / "borders_2020.json"
    assert path.stat().st_size < 100_000
    head = json.loads(path.read_text(encoding="utf-8"))
    assert {"year", "source", "licence", "step", "areas"} == set(head)


def test_the_packaged_borders_are_within_a_step_of_the_recorded_ones(real: Borders, recordings: Path) -> None:
    recorded = json.loads(
        (recordings / "geodata" / "finland-munis-2020.topo.json").read_text(encoding="utf-8")
    )
    (scale_x, scale_y), (east, north) = recorded["transform"]["scale"], recorded["transform"]["translate"]
    points = set()
    for arc in recorded["arcs"]:
        x = y = 0
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.add((round((x * scale_x + east) / STEP), round((y * scale_y + north) / STEP)))
    ours = {
        (round(e / STEP), round(n / STEP)) for rings in real.rings.values() for ring in rings for e, n in ring
    }
    assert ours <= points
    assert len(ours) > 0.9 * len(points)


def test_points_that_fall_together_and_rings_that_enclose_nothing_are_left_out() -> None:
    square = [(20.0, 60.0), (22.0, 60.0), (22.1, 60.1), (22.0, 61.0), (20.0, 61.0), (20.0, 60.0)]
    speck = [(20.0, 60.0), (20.0001, 60.0), (20.0, 60.0001)]
    line = [(20.0, 60.0), (21.0, 60.0), (20.5, 60.0)]
    assert simplified([square, speck, line], 1.0) == (
        ((20.0, 60.0), (22.0, 60.0), (22.0, 61.0), (20.0, 61.0)),
    )


def test_the_text_gives_the_same_borders_again(real: Borders) -> None:
    assert borders_from_json(borders_to_json(real), "x") == real


@given(
    st.lists(
        st.lists(st.tuples(st.floats(20, 31), st.floats(60, 70)), min_size=3, max_size=8),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_is_simplified_is_written_and_read_as_it_is(rings: list[list[tuple[float, float]]]) -> None:
    found = simplified(rings)
    if not found:
        return
    borders = Borders(2026, "x", "y", {"KU205": found})
    assert borders_from_json(borders_to_json(borders), "x") == borders
    assert simplified(found) == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"areas": {}}, "are not all there"),
        ({"step": 0}, "are not all there"),
        ({"areas": {"205": [[10000, 32000, 1, 0, 0, 1]]}}, "'205' is no code of a municipality"),
        ({"areas": {"KU205": []}}, "KU205 has no ring"),
        ({"areas": {"KU205": [[10000, 32000, 1, 0]]}}, "one of less than three points"),
        ({"areas": {"KU205": [[10000, 32000, 1]]}}, "no list of pairs"),
        ({"areas": {"KU205": [[10000, 32000, 1, 0.5, 0, 1]]}}, "no list of pairs"),
        ({"areas": {"KU205": [[32000, 10000, 1, 0, 0, 1]]}}, "the axes are swapped"),
        ({"areas": {"KU205": [[0, 0, 1, 0, 0, 1]]}}, "that is not in Finland"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused_in_one_line(
    change: dict[str, object], said: str
) -> None:
    good = {
        "year": 2026,
        "source": "x",
        "licence": "y",
        "step": 0.002,
        "areas": {"KU205": [[10000, 32000, 1, 0, 0, 1]]},
    }
    assert borders_from_json(json.dumps(good), "f").year == 2026
    with pytest.raises(SourceError, match=said) as error:
        borders_from_json(json.dumps(good | change), "f")
    assert str(error.value).startswith("f: ")


@given(st.text(max_size=50) | st.dictionaries(st.text(max_size=5), st.integers(), max_size=3).map(json.dumps))
def test_any_text_is_borders_or_one_line(text: str) -> None:
    with pytest.raises(SourceError) as error:
        borders_from_json(text, "f")
    assert "\n" not in str(error.value)
