"""The metrics file, read as Prometheus reads it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from flows.metrics import write, write_metrics
from flows.pipeline import Pipeline
from flows.settings import Settings
from models.catalogue import Catalogue, load_catalogue
from models.ledger import Counts, LedgerRow
from warehouse.catalogue import sync
from warehouse.engine import writing
from warehouse.heartbeat import beat
from warehouse.ledger import close_run, open_run, set_state, write_row
from warehouse.quarantine import open_quarantine
from warehouse.raw import RawStore

NOW = datetime(2026, 8, 20, 5, 10, tzinfo=UTC)
RATE, EDUCATION = "statfin/tyonv/12tf", "statfin/vkour/12bs"


@pytest.fixture(scope="session")
def packaged() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def pipeline(engine: Engine, packaged: Catalogue, tmp_path: Path) -> Pipeline:
    with writing(engine) as connection:
        sync(connection, packaged)
    settings = Settings(home=tmp_path, metrics_file=tmp_path / "metrics" / "mittaristo.prom")
    return Pipeline(settings, packaged, engine, RawStore(tmp_path / "raw"), tmp_path / "limits")


@pytest.fixture
def busy(pipeline: Pipeline) -> Pipeline:
    """After a run that fetched one dataset and held another back."""
    with writing(pipeline.engine) as connection:
        open_run(
            connection,
            run_id="r1",
            source="statfin",
            started_at=NOW - timedelta(minutes=3),
            program_version="1",
            catalogue_fingerprint="f",
        )
        for row in (
            LedgerRow("r1", RATE, "fetched", "", Counts(5, 2, 1, 99), calls=4),
            LedgerRow("r1", EDUCATION, "quarantined", "no", calls=3),
        ):
            write_row(connection, row, recorded_at=NOW)
        late = date(2026, 8, 1)
        set_state(
            connection,
            RATE,
            state="fetched",
            last_release=NOW - timedelta(hours=1),
            last_fetch=NOW,
            late_after=late,
        )
        set_state(connection, EDUCATION, state="quarantined")
        open_quarantine(
            connection,
            dataset_id=EDUCATION,
            run_id="r1",
            collection_id="c",
            reports=(),
            reason="x",
            opened_at=NOW,
        )
        beat(connection, "up", 30, beat_at=NOW)
        close_run(connection, "r1", ended_at=NOW, state="red")
    return pipeline


def samples(path: Path) -> dict[tuple[str, ...], float]:
    """Name and label values → value."""
    found = {}
    for family in text_string_to_metric_families(path.read_text()):
        for one in family.samples:
            found[one.name, *one.labels.values()] = one.value
    return found


def test_the_file_says_what_the_warehouse_says(busy: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    write(busy, path, NOW)
    found = samples(path)
    expected = {
        ("mittaristo_written_timestamp_seconds",): NOW.timestamp(),
        ("mittaristo_last_run_timestamp_seconds", "statfin"): NOW.timestamp() - 180,
        ("mittaristo_last_run_duration_seconds", "statfin"): 180,
        ("mittaristo_last_run_state", "statfin", "red"): 1,
        ("mittaristo_last_run_state", "statfin", "green"): 0,
        ("mittaristo_calls_total", "statfin"): 7,
        ("mittaristo_vintages_written_total", "statfin"): 8,
        ("mittaristo_datasets", "late"): 1,
        ("mittaristo_datasets", "quarantined"): 1,
        ("mittaristo_datasets", "current"): 0,
        ("mittaristo_datasets", "never_fetched"): len(busy.catalogue.datasets) - 2,
        ("mittaristo_dataset_last_release_timestamp_seconds", RATE): NOW.timestamp() - 3600,
        ("mittaristo_dataset_last_fetch_timestamp_seconds", RATE): NOW.timestamp(),
        ("mittaristo_problems", "late"): 1,
        ("mittaristo_problems", "quarantined"): 1,
        ("mittaristo_problems", "failed"): 0,
        ("mittaristo_open_quarantines",): 1,
        ("mittaristo_heartbeat_timestamp_seconds", "up"): NOW.timestamp(),
    }
    assert {key: found.get(key) for key in expected} == expected
    assert ("mittaristo_dataset_last_fetch_timestamp_seconds", EDUCATION) not in found
    states = [value for key, value in found.items() if key[0] == "mittaristo_datasets"]
    assert sum(states) == len(busy.catalogue.datasets)


def test_every_metric_says_what_it_is_and_nothing_else_is_in_the_file(busy: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    write(busy, path, NOW)
    families = list(text_string_to_metric_families(path.read_text()))
    assert all(one.name.startswith("mittaristo_") and one.documentation for one in families)
    assert {one.type for one in families} == {"gauge", "counter"}


def test_of_an_empty_warehouse_the_file_is_written_too(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    write(pipeline, path, NOW)
    assert samples(path)[("mittaristo_open_quarantines",)] == 0


def test_the_file_is_replaced_in_one_move(pipeline: Pipeline) -> None:
    path = pipeline.settings.metrics_file
    assert path is not None
    path.parent.mkdir()
    write_metrics(pipeline)
    before = path.read_text()
    with path.open() as reader:
        write_metrics(pipeline)
        assert reader.read() == before, "who reads the old file reads it to its end"
    assert path.read_text() != before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_one_line_of_the_log(pipeline: Pipeline, caplog) -> None:
    write_metrics(pipeline)  # its folder is not there
    assert "could not be written" in caplog.text
    assert "Traceback" not in caplog.text


def test_where_no_file_is_set_none_is_written(pipeline: Pipeline, tmp_path: Path) -> None:
    write_metrics(replace(pipeline, settings=replace(pipeline.settings, metrics_file=None)))
    assert not list(tmp_path.glob("**/*.prom"))
