"""Drawings that stand inside a page: without styles, colours or a language of their own."""

import re

from hypothesis import given
from hypothesis import strategies as st

from models.borders import packaged_borders
from reports.charts import Band, Line, coloured_map, localised, map_of, series_chart, spark
from reports.pages import MAP_STEPS, map_steps

POINTS = [(str(year), 1000 + 12.5 * (year % 7)) for year in range(2005, 2026)]


def test_a_chart_has_no_style_no_colour_and_nothing_from_elsewhere() -> None:
    svg = series_chart(
        "a", [Line("focus", POINTS), Line("region", POINTS)], Band([("2020", 1.0, 2.0)]), "2021"
    )
    assert not re.search(r"style|#[0-9a-f]{6}|http|<metadata|clip-path", svg)
    assert "s-focus" in svg and "s-region" in svg and "f-band" in svg


def test_the_same_figures_give_the_same_drawing() -> None:
    assert series_chart("a", [Line("focus", POINTS)]) == series_chart("a", [Line("focus", POINTS)])


def test_two_charts_of_one_page_share_no_id() -> None:
    first, second = (set(re.findall(r'id="([^"]+)"', spark(key, POINTS))) for key in ("a", "b"))
    assert first and not first & second


def test_numbers_at_the_axis_are_written_in_the_reader_s_language() -> None:
    svg = series_chart("a", [Line("focus", [("2020", 1000.5), ("2021", 1001.0), ("2022", 1002.0)])])
    assert "1\u00a0001,0" in localised(svg, "fi")
    assert "1,001.0" in localised(svg, "en")
    assert "@" not in localised(svg, "sv")


def test_lines_differ_by_dash_and_marker_and_not_only_by_colour() -> None:
    svg = series_chart("a", [Line("focus", POINTS), Line("region", POINTS), Line("country", POINTS)])
    dashes = {
        tuple(re.findall(r'stroke-dasharray="([^"]+)"', one))
        for one in re.findall(r"<path[^>]*s-(?:focus|region|country)\"[^>]*>", svg)
    }
    assert len(dashes) == 3


def test_a_gap_in_a_series_is_a_gap_in_its_line() -> None:
    whole = series_chart("a", [Line("focus", POINTS)])
    holed = series_chart("a", [Line("focus", [(p, None if p == "2015" else v) for p, v in POINTS])])
    lines = [re.search(r'd="(M[^"]*)" [^>]*s-focus', one.replace("\n", " ")) for one in (whole, holed)]
    assert [found and found[1].count("M") for found in lines] == [1, 2]


def test_the_map_colours_the_municipalities_that_have_figures() -> None:
    svg = map_of(packaged_borders())
    shown = coloured_map(
        svg, {"KU205": 4, "KU765": 0}, {"KU205": "Kajaani: 1 <", "KU765": "Sotkamo: 0"}, "KU205"
    )
    assert shown.count("<title>") == 2
    assert "Kajaani: 1 &lt;" in shown
    assert "id=" not in shown
    assert shown.count('class="f-land') == len(packaged_borders().rings) - 2
    assert shown.count("<g") == shown.count("</g>")


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_steps_of_a_map_never_put_a_higher_figure_below_a_lower_one(figures: dict[str, float]) -> None:
    steps = map_steps(figures)
    ordered = [steps[code] for code in sorted(figures, key=lambda code: figures[code])]
    assert ordered == sorted(ordered)
    assert set(ordered) <= set(range(MAP_STEPS))
    for one, other in zip(figures, figures, strict=True):
        assert figures[one] != figures[other] or steps[one] == steps[other]
