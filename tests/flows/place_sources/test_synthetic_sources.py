"""With made-up figures of every service all datasets of these sources are collected, all their indicators shown."""

import pytest

from demo.services import synthetic_services

pytestmark = pytest.mark.long  # the whole way of a source, seconds each


@pytest.mark.parametrize("source", ["traficom_broadband", "digitraffic_rail", "vayla", "ryhti"])
def test_every_dataset_and_every_indicator_of_the_source_is_there_with_its_level_unit_and_labels(
    source_bench, catalogue, source
) -> None:
    bench = source_bench(source, synthetic_services(catalogue)[source])
    for dataset in catalogue.datasets_of(source):
        row = bench.collect(dataset.id)
        assert (row.state, row.message) == ("fetched", ""), dataset.id
        for indicator in catalogue.indicators_of(dataset.id):
            rows = bench.series(indicator.id)
            assert any(one["value"] is not None for one in rows), indicator.id
            assert {one["unit"] for one in rows} == {indicator.unit}
            assert {one["labels"] for one in rows} == {indicator.labels}
            assert {one["source"] for one in rows} == {source}
            assert {one["area_level"] for one in rows} <= {*dataset.levels, "region"}
            assert {bool(one["is_synthetic"]) for one in rows} == {True}
            low, high = indicator.valid_min, indicator.valid_max
            assert all(low <= one["value"] <= high for one in rows if one["value"] is not None), indicator.id
