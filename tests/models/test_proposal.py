"""A proposed entry is complete: it loads, resolves against its own table, and says what a person should look at."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pandas as pd
import pytest

from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from models.catalogue import Catalogue, load_catalogue
from models.catalogue.load import PACKAGED
from models.errors import SourceError
from models.proposal import Proposal, TableLook, propose
from models.resolution import resolve
from models.table import SourceTable, TableMeta, Variable

CATALOGUE = load_catalogue()
TABLES = synthetic_tables(CATALOGUE)


def looked_at(table: SampleTable) -> TableLook:
    """What the connector sees of a table: its description, and the figures of its newest period."""
    meta = table.meta
    time = next(one for one in meta.variables if one.time)
    rows = pd.MultiIndex.from_product(
        [one.values[-1:] if one is time else one.values for one in meta.variables],
        names=[one.code for one in meta.variables],
    ).to_frame(index=False)
    axis = [one.code for one in meta.variables].index(time.code)
    rows["value"] = table.values.take([-1], axis=axis).reshape(-1)
    rows["symbol"] = ""
    figures = SourceTable(
        rows,
        {one.code: dict(zip(one.values, one.texts, strict=True)) for one in meta.variables},
        {one.code: one.text for one in meta.variables},
        updated=table.updated,
        roles={"metric": (table.contents_variable,)},
        units=table.units,
    )
    return TableLook("statfin", meta, None, meta, figures, figures)


@pytest.fixture(scope="module")
def of_every_table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalogue, dict[str, Proposal]]:
    """The catalogue with a proposal of every table that has totals enough, and those proposals by table."""
    folder = tmp_path_factory.mktemp("proposals") / "catalogue"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    made: dict[str, Proposal] = {}
    datasets, indicators = set(CATALOGUE.datasets), set(CATALOGUE.indicators)
    for number, (name, table) in enumerate(TABLES.items()):
        one = propose(looked_at(table), dataset_ids=datasets, indicator_ids=indicators, programme_area="1")
        made[name] = one
        datasets.add(one.dataset_id)
        indicators.update(one.indicator_ids)
        (folder / "datasets" / f"new{number}.yaml").write_text(one.dataset_yaml)
        (folder / "indicators" / f"new{number}.yaml").write_text(one.indicators_yaml)
    return load_catalogue(folder), made


@pytest.mark.parametrize("name", TABLES)
def test_of_any_table_the_entry_loads_and_finds_everything_in_that_table(
    of_every_table: tuple[Catalogue, dict[str, Proposal]], name: str
) -> None:
    catalogue, made = of_every_table
    dataset = catalogue.datasets[made[name].dataset_id]
    look = looked_at(TABLES[name])
    resolution = resolve(dataset, look.finnish, catalogue.areas_for(dataset))
    assert [one for one in resolution.missing if one.what != "area"] == []
    contents = next(one for one in look.finnish.variables if one.code == TABLES[name].contents_variable)
    assert len(made[name].indicator_ids) == len(contents.values) == len(dataset.content_choices)


def test_ids_that_are_taken_are_not_given_again(
    of_every_table: tuple[Catalogue, dict[str, Proposal]],
) -> None:
    _, made = of_every_table
    ids = [one for proposal in made.values() for one in proposal.indicator_ids]
    assert len(ids) == len(set(ids)) and not set(ids) & set(CATALOGUE.indicators)
    assert not {one.dataset_id for one in made.values()} & set(CATALOGUE.datasets)


def test_what_a_person_should_look_at_stands_in_a_comment_beside_it() -> None:
    made = propose(looked_at(TABLES["ssaaty/121w"]), dataset_ids=(), indicator_ids=(), programme_area="1")
    lines = made.dataset_yaml.splitlines() + made.indicators_yaml.splitlines()
    for key in ("lag_days", "programme_areas", "direction", "valid_range"):
        assert all("#" in line for line in lines if line.strip().startswith(f"{key}:"))
    assert made.sample and all(": " in row for row in made.sample)


def test_a_percentage_is_no_count_and_lies_between_0_and_100() -> None:
    made = propose(looked_at(TABLES["tyonv/12tf"]), dataset_ids=(), indicator_ids=(), programme_area="1")
    rate = made.indicators_yaml.partition("valid_range: ")[2]
    assert "summable" not in made.dataset_yaml.partition("%")[2].partition("\n")[0]
    assert rate.startswith("[0, 100]")


def test_a_variable_of_many_values_without_a_total_is_left_to_a_person() -> None:
    look = looked_at(TABLES["ssaaty/121w"])
    many = Variable("occupation", "Ammatti", tuple(map(str, range(100))), tuple(f"a{n}" for n in range(100)))
    meta = TableMeta(look.finnish.table, look.finnish.title, (*look.finnish.variables, many))
    with pytest.raises(SourceError, match="'Ammatti' has 100 values and no total"):
        propose(
            replace(look, finnish=meta, english=meta), dataset_ids=(), indicator_ids=(), programme_area="1"
        )
