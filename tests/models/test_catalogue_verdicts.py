"""What the catalogue says of an indicator for its verdict: target, breaks, reasons in Swedish."""

from pathlib import Path

import pytest

from models.catalogue import load_catalogue
from models.catalogue.load import PACKAGED
from models.errors import CatalogueError


@pytest.fixture
def with_lines(tmp_path):
    """The catalogue with lines added to the entry of `population`."""

    def load(*lines):
        for path in PACKAGED.rglob("*"):
            if path.is_file() and path.suffix in (".yaml", ".csv"):
                copy = tmp_path / path.relative_to(PACKAGED)
                copy.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text("utf-8")
                if path.name == "population.yaml":
                    text = text.replace(
                        "\npopulation:\n", "\npopulation:\n" + "".join(f"  {line}\n" for line in lines)
                    )
                copy.write_text(text, "utf-8")
        return load_catalogue(Path(tmp_path)).indicators["population"]

    return load


def test_an_indicator_says_nothing_of_targets_and_breaks_unless_the_city_does(with_lines):
    one = with_lines()
    assert (one.target, one.target_year, one.breaks, one.breaks_reason_fi) == (None, "", (), "")


def test_a_target_and_its_year_may_be_set(with_lines):
    one = with_lines("target: 37000", "target_year: '2029'")
    assert (one.target, one.target_year) == (37000.0, "2029")


def test_a_target_below_zero_or_zero_is_a_target(with_lines):
    assert with_lines("target: 0", "transform: yoy_change").target == 0.0


def test_breaks_come_oldest_first_with_their_reason(with_lines):
    one = with_lines(
        "breaks: ['2020', '2011']",
        "breaks_reason_fi: Tilastointitapa muuttui.",
        "breaks_reason_sv: Statistikföringen ändrades.",
        "breaks_reason_en: The way of counting changed.",
    )
    assert one.breaks == ("2011", "2020")
    assert (one.breaks_reason_fi, one.breaks_reason_en) == (
        "Tilastointitapa muuttui.",
        "The way of counting changed.",
    )
    assert one.breaks_reason_sv == "Statistikföringen ändrades."


def test_a_baseline_of_its_own_may_have_its_reason_in_swedish():
    indicators = load_catalogue().indicators
    with_reason = [one for one in indicators.values() if one.baseline]
    assert with_reason
    assert all(one.baseline_reason_sv for one in with_reason)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["target: many"], "'target' must be a number"),
        (["target: -5"], "'target' -5 is outside 'valid_range'"),
        (["target_year: '2029'"], "'target_year' without a 'target'"),
        (["target: 37000", "target_year: soon"], "'target_year' is 'soon'; write a year"),
        (["breaks: ['2020']"], "'breaks_reason_en' is missing"),
        (
            ["breaks: [early]", "breaks_reason_fi: a", "breaks_reason_en: b"],
            "'breaks': 'early' is no period",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(with_lines, lines, said):
    with pytest.raises(CatalogueError) as caught:
        with_lines(*lines)
    assert len(caught.value.problems) <= 2
    assert said in caught.value.problems[0]
    assert "population.yaml:" in caught.value.problems[0]
