"""docs/method.md tells the truth: its figures, its example, what it says of chance, and of Eurostat's method."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.catalogue import load_catalogue
from models.judge import verdict_frame
from models.movement import movement, timeline
from models.verdict import kind_of

ROOT = Path(__file__).resolve().parents[2]
METHOD = (ROOT / "docs" / "method.md").read_text("utf-8")
T = datetime(2026, 6, 19, tzinfo=UTC)


def eurostat(first, last, years, direction):
    """Growth a year in per cent and the rating without a target; None and 'not defined' where it has none."""
    if first <= 0 or last <= 0:
        return None, "not defined"
    growth = 100 * ((last / first) ** (1 / years) - 1)
    wanted = growth if direction == "up" else -growth
    if wanted >= 0:
        return growth, "significant progress" if wanted >= 1 else "moderate progress"
    return growth, "significant movement away" if wanted < -1 else "moderate movement away"


def moved(values):
    ordered = sorted(values)
    line = timeline(str(ordered[0]), str(ordered[-1]))
    figures = [values.get(int(code), float("nan")) for code in line.codes]
    return movement(figures, [False] * len(figures), line, baseline_year=2021, whole_years=False)


def line_of_table(name, values, direction):
    """The line of the table in docs/method.md for one series, year → figure."""
    found = moved(values)
    newest, baseline, since, usual = found.newest, found.baseline, found.since, found.usual
    growth, rating = eurostat(baseline.figure, newest.figure, since.years, direction)
    cells = [
        name,
        f"{baseline.figure:g} ({baseline.period})",
        f"{newest.figure:g} ({newest.period})",
        f"{round(since.change, 6):+g}",
        f"{round(usual.change, 6):g}" if usual else "–",
        f"{usual.threshold:.3g}" if usual else "–",
        kind_of(found, direction),
        f"{growth:+.1f} %" if growth is not None else "–",
        rating,
    ]
    return "| " + " | ".join(cells) + " |"


def of_kainuu(path):
    header, *lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    (row,) = [line for line in lines if line[header.index("reg_code")] == "18"]
    return {int(year): float(text) for year, text in zip(header, row, strict=True) if year.isdigit()}


def unemployment(month):
    """Kajaani in the sample, year → per cent at the end of the month."""
    found = {}
    text = (ROOT / "demo" / "sample" / "statfin" / "tyonv" / "12tf.csv").read_text("utf-8")
    header, *lines = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    time, value = header.index("timeperiod_m"), header.index("value")
    for row in lines:
        if row[time].endswith(month):
            found[int(row[time][:4])] = float(row[value])
    return found


@pytest.mark.parametrize(("month", "name"), [("M12", "December"), ("M09", "September"), ("M08", "August")])
def test_the_table_has_what_the_sample_gives(month, name):
    line = line_of_table(f"Kajaani, unemployed of the labour force, %, {name} ³", unemployment(month), "down")
    assert line in METHOD


@pytest.mark.parametrize(
    ("name", "file", "series", "direction"),
    [
        ("Kainuu, net migration, persons ¹", "kainuu-regions-mig_counts.tsv", "", "up"),
        ("Kainuu, life expectancy of women, years ⁴", "kainuu-regions-e0F.tsv", "", "up"),
        ("Kainuu, life expectancy of men, years ⁴", "kainuu-regions-e0M.tsv", "", "up"),
        (
            "Kajaani, net migration per 1,000 ²",
            "kajaani-yearly-derived.json",
            "total_net_migration_per_1000",
            "up",
        ),
        (
            "Kajaani, net migration between municipalities per 1,000 ²",
            "kajaani-yearly-derived.json",
            "intermunicipal_net_migration_per_1000",
            "up",
        ),
        (
            "Kajaani, tertiary degrees, % of adults ⁵",
            "kajaani-yearly-derived.json",
            "paavo_higher_education_pct",
            "up",
        ),
        ("Kajaani, median income, EUR ⁵", "kajaani-yearly-derived.json", "paavo_median_income_eur", "up"),
    ],
)
def test_the_table_has_what_the_recordings_give(recordings, name, file, series, direction):
    path = recordings / "kajaani" / file
    if series:
        told = json.loads(path.read_text("utf-8"))["series"][series]["values"]
        values = {int(year): value for year, value in told.items()}
    else:
        values = of_kainuu(path)
    assert line_of_table(name, values, direction) in METHOD


def test_the_worked_example_reads_as_the_product_says_it(recordings):
    values = of_kainuu(recordings / "kajaani" / "kainuu-regions-mig_counts.tsv")
    observations = pd.DataFrame(
        [("net_migration_total", "MK18", "", str(year), value, "final", T) for year, value in values.items()],
        columns=["indicator_id", "area_code", "class_code", "period", "value", "status", "recorded_at"],
    )
    (text,) = verdict_frame(observations, load_catalogue()).reason_fi
    quoted = " ".join(line.removeprefix("> ") for line in METHOD.splitlines() if line.startswith("> "))
    assert quoted == text
    assert ", ".join(f"{values[year]:.0f}".replace("-", "−") for year in range(2011, 2022)) in METHOD.replace(
        "\n", " "
    )


@pytest.mark.parametrize(("wanders", "low", "high"), [(True, 0.42, 0.56), (False, 0.13, 0.23)])
def test_how_often_chance_alone_is_clear_after_four_years(wanders, low, high):
    chance = np.random.default_rng(2021)
    line = timeline("2011", "2025")
    clear = 0
    for _ in range(2000):
        level, figures = 0.0, []
        for _ in line.codes:
            step = float(chance.normal())
            level = level + step if wanders else step
            figures.append(level)
        found = movement(figures, [False] * 15, line, baseline_year=2021, whole_years=False)
        clear += found.is_clear
    assert low < clear / 2000 < high


def test_a_steady_trend_is_clear_after_its_second_year():
    for years, verdict in ((1, "no_clear_change"), (2, "improved")):
        assert kind_of(moved({year: float(year) for year in range(2011, 2022 + years)}), "up") == verdict
