"""One dataset from the source to the dashboard views, on SQLite and PostgreSQL, against the stand-in."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from demo import changes
from demo.stand_in import StandIn
from flows.adopt import adopt
from models.errors import ConfigurationError
from warehouse import read
from warehouse.engine import reading

EDUCATION = "statfin/vkour/12bs"
MIGRATION = "statfin/ssaaty/121w"
INCOME = "statfin/tjt/14ww"
POPULATION = "statfin/vaerak/11ra"
RATE = "statfin/tyonv/12tf"


def value(bench, indicator: str, area: str, period: str):
    with reading(bench.pipeline.engine) as connection:
        rows = connection.execute(
            text(
                "SELECT value, symbol, status FROM dashboard_series"
                " WHERE indicator_id = :i AND area_code = :a AND period = :p"
            ),
            {"i": indicator, "a": area, "p": period},
        ).all()
    assert len(rows) <= 1, "one row per indicator, area and period"
    return rows[0][0] if rows else None


def vintages(bench) -> int:
    with reading(bench.pipeline.engine) as connection:
        return connection.execute(text("SELECT count(*) FROM vintage")).scalar_one()


def state(bench, dataset_id: str) -> str:
    with reading(bench.pipeline.engine) as connection:
        frame = read.freshness(connection).set_index("dataset_id")
    return str(frame.loc[dataset_id, "state"])


def test_published_figures_reach_the_dashboard_as_published(bench) -> None:
    rows = bench.begin(EDUCATION, MIGRATION, POPULATION, RATE, INCOME)
    assert {row.state for row in rows.values()} == {"fetched"}
    assert value(bench, "population", "KU205", "2025") == 36370
    assert value(bench, "population", "MK18", "2025") == 69193
    assert value(bench, "population", "SSS", "2025") == 5652881
    assert value(bench, "net_migration_total", "KU205", "2025") == 113
    assert value(bench, "net_migration_domestic", "KU205", "2025") == -475
    assert value(bench, "net_immigration", "KU205", "2025") == 588
    assert value(bench, "tertiary_share", "KU205", "2025") == 31.3
    assert value(bench, "tertiary_share", "MK18", "2025") == 27.3
    assert value(bench, "unemployment_rate", "KU205", "2026M06") == 12.2
    assert value(bench, "median_income", "KU205", "2024") == 29128


def test_the_region_is_summed_from_its_municipalities_where_the_table_has_no_regions(bench) -> None:
    bench.begin(MIGRATION)
    assert value(bench, "net_migration_total", "MK18", "2025") == 245


def test_the_same_again_asks_once_and_stores_nothing(bench) -> None:
    bench.begin(EDUCATION)
    before = vintages(bench)
    asked = len(bench.stand_in.requests)
    row = bench.collect(EDUCATION)[EDUCATION]
    assert row.state == "unchanged"
    assert row.calls == 1
    assert len(bench.stand_in.requests) - asked == 2, "the limits and one release check"
    assert vintages(bench) == before


def test_a_new_date_over_the_same_figures_stores_nothing(bench) -> None:
    bench.begin(EDUCATION)
    before = vintages(bench)
    table = bench.stand_in.tables["vkour/12bs"]
    bench.stand_in.tables["vkour/12bs"] = changes.set_updated(table, table.updated.replace(month=9))
    row = bench.collect(EDUCATION)[EDUCATION]
    assert row.state == "unchanged"
    assert row.released_at.month == 9
    assert vintages(bench) == before
    assert bench.collect(EDUCATION)[EDUCATION].calls == 1


def test_a_revised_figure_becomes_a_vintage_and_the_indicator_follows(bench) -> None:
    bench.begin(INCOME)
    table = bench.stand_in.tables["tjt/14ww"]
    code = next(code for code in table.variables[0].values if code == "KU205")
    revised = changes.revise(
        table,
        {table.variables[0].code: [code], "contentscode": ["tjt-ekvikturaha_med"]},
        value=29_200,
    )
    bench.stand_in.tables["tjt/14ww"] = changes.set_updated(revised, table.updated.replace(year=2026))
    row = bench.collect(INCOME)[INCOME]
    assert (row.state, row.counts.new, row.counts.revised) == ("fetched", 0, 1)
    assert value(bench, "median_income", "KU205", "2024") == 29200
    with reading(bench.pipeline.engine) as connection:
        change = connection.execute(
            text("SELECT old, new, change_class FROM dashboard_changes WHERE change_class = 'revised'")
        ).all()
    assert change == [(29128, 29200, "revised")]


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("403_page", "failed"),
        ("html_200", "failed"),
        ("empty_values", "failed quarantined"),
        ("other_table", "failed quarantined"),
        ("invalid_utf8", "failed"),
        ("redirect", "failed"),
        pytest.param("429", "failed", marks=pytest.mark.long),
        pytest.param("500", "failed", marks=pytest.mark.long),
        pytest.param("cut_body", "failed", marks=pytest.mark.long),
        pytest.param("wrong_content_type", "failed", marks=pytest.mark.long),
    ],
)
def test_a_bad_answer_stops_that_dataset_alone_and_the_last_good_figures_are_served(
    bench, kind, ends
) -> None:
    bench.begin(EDUCATION)
    bench.stand_in.misbehave(kind, table="vkour/12bs", times=None)
    rows = bench.collect(EDUCATION, POPULATION, force=True)
    assert rows[EDUCATION].state in ends.split()
    assert "\n" not in rows[EDUCATION].message
    assert rows[POPULATION].state == "fetched"
    assert value(bench, "tertiary_share", "KU205", "2025") == 31.3
    bench.stand_in.behave()
    assert bench.collect(EDUCATION)[EDUCATION].state in ("unchanged", "fetched")
    assert state(bench, EDUCATION) == "current"


def test_the_bad_answer_is_kept_as_it_came(bench) -> None:
    bench.stand_in.misbehave("html_200", table="vkour/12bs", times=None)
    row = bench.collect(EDUCATION)[EDUCATION]
    assert row.state == "failed"
    kept = list(bench.pipeline.raw.documents(dataset_id=EDUCATION))
    assert kept
    assert b"<" in bench.pipeline.raw.read(kept[-1].sha256)


def test_a_content_that_is_gone_fails_its_indicator_and_never_the_others(bench) -> None:
    table = bench.stand_in.tables["vkour/12bs"]
    contents = next(one for one in table.variables if one.code == "contentscode")
    at = contents.values.index("vktm")
    gone = changes.rename_contents(table, {"vktm": "zzz"})
    variables = []
    for one in gone.variables:
        if one.code == "contentscode":
            texts = list(one.texts)
            texts[at] = "Aivan toinen luku"
            one = type(one)(one.code, one.text, one.values, tuple(texts), one.elimination, one.time, one.map)
        variables.append(one)
    import dataclasses

    bench.stand_in.tables["vkour/12bs"] = dataclasses.replace(gone, variables=tuple(variables))
    row = bench.collect(EDUCATION)[EDUCATION]
    assert row.state == "failed"
    assert row.missing_indicators == ("education_level_index",)
    assert value(bench, "tertiary_share", "KU205", "2025") == 31.3
    assert value(bench, "education_level_index", "KU205", "2025") is None
    assert bench.collect(EDUCATION)[EDUCATION].state == "failed", "it stays red until somebody looks"


def test_suppressed_cells_have_their_symbol_and_no_value(bench) -> None:
    bench.begin(INCOME)
    with reading(bench.pipeline.engine) as connection:
        rows = connection.execute(text("SELECT o.value FROM observation o WHERE o.symbol = '...'")).all()
        zeros = connection.execute(
            text("SELECT count(*) FROM observation WHERE symbol = '...' AND value = 0")
        ).scalar_one()
    assert all(one[0] is None for one in rows)
    assert zeros == 0


def test_a_dataset_outside_the_sample_is_never_called(bench) -> None:
    outside = "statfin/matk/11iz"
    row = bench.collect(outside)[outside]
    assert row.state == "not_in_sample"
    assert not [call for call in bench.stand_in.requests if "11iz" in call.path]
    assert state(bench, outside) == "not_in_sample"


@pytest.mark.parametrize(("calls", "window", "cells"), [(5, 0.5, 2_000), (7, 0.4, 300)])
def test_other_limits_give_the_same_figures_and_are_never_exceeded(
    bench, sample, calls: int, window: float, cells: int
) -> None:
    bench.begin(POPULATION)
    expected = value(bench, "population", "KU205", "2025")
    with StandIn(sample, calls=calls, window=window, max_cells=cells) as other:
        bench.ask(other)
        row = bench.collect(POPULATION, EDUCATION, force=True)
        assert row[POPULATION].state in ("fetched", "unchanged")
        assert row[EDUCATION].state == "fetched"
        assert other.max_in_window <= calls
        assert not [call for call in other.requests if call.status == 429]
    assert value(bench, "population", "KU205", "2025") == expected


def test_the_bounds_of_a_total_are_not_those_of_its_parts(ages_bench) -> None:
    """The population of one age in a small municipality lies under the bounds of the whole population."""
    row = ages_bench.begin("statfin/vamuu/11lj")["statfin/vamuu/11lj"]
    assert row.state == "fetched", row.message


def test_made_up_figures_never_come_into_a_warehouse_of_real_ones(bench) -> None:
    bench.begin(EDUCATION)
    with pytest.raises(ConfigurationError, match="holds real figures"):
        adopt(bench.pipeline, replace(bench.scope, synthetic=True))
