"""Synthetic tables have StatFin's shape, hold what the catalogue asks, and never pass for real figures."""

from datetime import date
from itertools import pairwise

import numpy as np
import orjson
import pytest

from demo.answers import data
from demo.sample import sample_scope
from demo.synthetic import SOURCE, synthetic_tables
from demo.table import SYMBOLS
from models.catalogue import load_catalogue
from models.formula import evaluate
from models.period import parse_period
from models.resolution import resolve


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


@pytest.fixture(scope="module")
def tables(catalogue):
    return synthetic_tables(catalogue)


def pxweb(catalogue):
    return [one for one in catalogue.datasets.values() if one.query is not None]


def test_every_pxweb_table_of_the_catalogue_is_there_once(catalogue, tables):
    assert set(tables) == {one.table for one in pxweb(catalogue)}
    assert len(tables) < len(pxweb(catalogue)), "datasets that share a table share it here too"


def test_every_dataset_finds_all_that_it_asks_for(catalogue, tables):
    for dataset in pxweb(catalogue):
        found = resolve(dataset, tables[dataset.table].meta, catalogue.areas_for(dataset))
        assert found.missing == (), dataset.id
        assert set(found.contents) == {one.key for one in dataset.content_choices}


def test_the_scope_of_synthetic_tables_is_everything_from_pxweb_and_says_so(catalogue, tables):
    scope = sample_scope(catalogue, tables)
    assert set(scope.contents) == {one.id for one in pxweb(catalogue)}
    assert scope.synthetic


def test_every_table_is_marked_in_its_source_and_in_its_answers(tables):
    for table in tables.values():
        assert table.synthetic
        assert table.source == SOURCE
    answer = orjson.loads(data(tables["vaerak/11ra"], b'{"query":[]}', max_cells=120_000))
    assert answer["source"] == SOURCE
    assert "Synthetic" in answer["note"][0]
    assert answer["extension"]["px"]["official-statistics"] is False


def test_codes_are_those_of_the_new_form(tables):
    assert tables["vaerak/11ra"].codes == ("alue_23_20260101", "timeperiod_y", "contentscode")
    assert tables["tyonv/12r5"].codes == ("Alue", "timeperiod_m", "contentscode")
    assert "vaerak-vaesto" in tables["vaerak/11ra"].variable("contentscode").values
    assert "TYOTTOMATLOPUSSA" in tables["tyonv/12r5"].variable("contentscode").values
    assert all(one.file_name == f"{one.table.split('/')[1]}.px" for one in tables.values())


def test_there_is_more_than_anybody_asks_for(catalogue, tables):
    table = tables["vaerak/11ra"]
    asked = {area.code for area in catalogue.areas_for("statfin/vaerak/11ra")}
    assert asked < set(table.variable("alue_23_20260101").values)
    contents = table.variable("contentscode").values
    assert len(contents) > len(catalogue.datasets["statfin/vaerak/11ra"].content_choices)


def test_history_runs_without_gaps_from_the_first_period_to_the_last_published(catalogue, tables):
    for dataset in pxweb(catalogue):
        table = tables[dataset.table]
        periods = [parse_period(code) for code in table.variable(table.time_variable).values]
        assert periods[0].start <= parse_period(dataset.first_period).start
        assert table.updated.date() <= date(2026, 9, 30)
        assert table.updated.weekday() < 5
        if not dataset.frequency.startswith("every"):
            steps = [later.start.toordinal() - one.end.toordinal() for one, later in pairwise(periods)]
            assert set(steps) <= {1}


def test_preliminary_tables_bear_the_star_and_others_do_not(catalogue, tables):
    for dataset in pxweb(catalogue):
        table = tables[dataset.table]
        texts = table.variable(table.time_variable).texts
        assert all(text.endswith("*") == dataset.preliminary for text in texts)
        assert table.title.endswith("*") == dataset.preliminary


def test_some_figures_are_hidden_and_none_of_them_has_a_value(tables):
    for table in tables.values():
        assert np.isnan(table.values[table.symbols > 0]).all()
        assert not np.isnan(table.values[table.symbols == 0]).any()
        assert (table.symbols > 0).mean() < 0.1, table.table
    assert sum(int((table.symbols == SYMBOLS.index("...")).sum()) for table in tables.values()) > 500
    assert (tables["tyonv/12r5"].symbols > 0).any()


def test_region_rows_are_there_where_the_levels_have_them(catalogue, tables):
    for dataset in pxweb(catalogue):
        table = tables[dataset.table]
        if dataset.query.area and {"region", "municipality"} & set(dataset.area_levels):
            codes = table.variable(table.area_variable).values
            assert ("MK18" in codes) == ("region" in dataset.area_levels), dataset.id


def series(catalogue, tables, indicator, key):
    """The formula's inputs over the catalogue's areas, (classes, areas, periods)."""
    resolved = {}
    for name, one in indicator.inputs.items():
        dataset = catalogue.datasets[one.dataset]
        table = tables[dataset.table]
        resolved[name] = (table, resolve(dataset, table.meta, catalogue.areas_for(dataset)), one)
    ours = [set(found.areas.values()) for _, found, _ in resolved.values()]
    periods = [set(found.periods) for _, found, _ in resolved.values()]
    areas = sorted(set.intersection(*ours))
    common = sorted(set.intersection(*periods), key=lambda code: parse_period(code).start)
    arrays = {}
    for name, (table, found, one) in resolved.items():
        codes = {our: code for code, our in found.areas.items()}
        classes = {
            variable: (key,) if variable == indicator.by else keys for variable, keys in one.classes.items()
        }
        combinations = [{}]
        for variable, keys in classes.items():
            code, values = found.classes[variable]
            combinations = [held | {code: values[each]} for held in combinations for each in keys]
        planes = []
        for combination in combinations:
            index = []
            for each in table.variables:
                if each.code == found.area_variable:
                    index.append(table.positions(each.code, [codes[area] for area in areas]))
                elif each.code == found.time_variable:
                    index.append(table.positions(each.code, common))
                elif each.code == found.contents_variable:
                    index.append(table.positions(each.code, [found.contents[one.content]]))
                else:
                    index.append(table.positions(each.code, [combination.get(each.code, "SSS")]))
            cells = table.values[np.ix_(*index)]
            planes.append(cells.reshape(len(areas) if found.area_variable else 1, len(common)))
        arrays[name] = np.stack(planes)
    return arrays


def test_every_indicator_stays_inside_its_valid_range(catalogue, tables):
    checked = 0
    for indicator in catalogue.indicators.values():
        asked = [catalogue.datasets[one] for one in indicator.datasets]
        if indicator.formula is None or not all(one.query for one in asked):
            continue
        keys = [key for one in indicator.inputs.values() for key in one.classes.get(indicator.by, ())] or [""]
        for key in dict.fromkeys(keys):
            arrays = series(catalogue, tables, indicator, key)
            figures = evaluate(indicator.formula, arrays)
            known = figures[~np.isnan(figures)]
            assert known.size > 0.5 * figures.size or "[t-" in indicator.formula.text, indicator.id
            assert (known >= indicator.valid_min).all(), indicator.id
            assert (known <= indicator.valid_max).all(), indicator.id
            checked += 1
    assert checked > 90


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(catalogue, tables):
    again, other = synthetic_tables(catalogue), synthetic_tables(catalogue, seed=2)
    for name, table in tables.items():
        assert np.array_equal(table.values, again[name].values, equal_nan=True)
    assert not np.array_equal(tables["vaerak/11ra"].values, other["vaerak/11ra"].values, equal_nan=True)


def test_a_later_day_adds_periods_and_leaves_history_as_it_was(catalogue, tables):
    later = synthetic_tables(catalogue, until=date(2026, 12, 31))
    before, after = tables["tyonv/12r5"], later["tyonv/12r5"]
    months = len(before.variable("timeperiod_m").values)
    assert len(after.variable("timeperiod_m").values) == months + 3
    assert np.array_equal(after.values[:, :months], before.values, equal_nan=True)
    assert after.updated > before.updated


def test_all_areas_can_be_had(catalogue):
    every = synthetic_tables(catalogue, areas="all", until=date(2026, 9, 30))
    codes = every["vaerak/11ra"].variable("alue_23_20260101").values
    assert sum(code.startswith("KU") for code in codes) == 308
    assert {"SSS", "MK18", "SK182"} <= set(codes)
