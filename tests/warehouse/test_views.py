"""The views that dashboards read: their columns are a contract, their rows the same on both databases."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from models.catalogue import Catalogue, load_catalogue
from models.forms import questions
from models.forms_answers import Answer, Change
from models.ledger import Counts, LedgerRow
from warehouse import read
from warehouse.catalogue import sync
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.forms import store_answers
from warehouse.keys import indicator_owner
from warehouse.ledger import close_run, open_run, set_state, write_row
from warehouse.load import store
from warehouse.views import DASHBOARDS

FrameOf = Callable[..., pd.DataFrame]
Day = Callable[[float], datetime]

SERIES = (
    "indicator_id name_fi name_sv name_en unit direction area_code area_name_fi area_level class_code period "
    "period_start period_end frequency value symbol status source dataset_id source_updated_at recorded_at "
    "change_class vintages freshness is_proxy is_synthetic labels"
)
CONTRACT: Mapping[str, str] = {
    "dashboard_series": SERIES,
    "dashboard_vintages": f"{SERIES} superseded_at",
    "dashboard_latest": (
        "indicator_id name_fi name_sv name_en unit direction area_code area_name_fi area_level class_code "
        "period value symbol status previous_period previous_value year_before_period year_before_value "
        "baseline_period baseline_value verdict reason_fi reason_en freshness next_expected"
    ),
    "dashboard_indicators": (
        "indicator_id name_fi name_sv name_en unit direction kind definition note_fi proxy_note_fi source "
        "source_table licence attribution_fi attribution_en labels headline"
    ),
    "dashboard_measures": (
        "measure_id area_id goal_id cluster_id text_fi responsible meters answered state has_proxy "
        "has_quarantined short_fi position due_at reporter_names_fi late_meters due_meters proxy_note_fi"
    ),
    "dashboard_meters": (
        "meter_id measure_id text_fi kind reporter state latest_text latest_value latest_unit latest_period "
        "latest_indicator_id latest_area_code latest_class_code has_quarantined note_fi note_en position due_at "
        "reporter_name_fi rhythm rhythm_assumed reporter_assumed proxy_note_fi latest_status latest_sample_size "
        "latest_text_period latest_source"
    ),
    "dashboard_reports": (
        "meter_id measure_id question_id indicator_id question_fi asks period period_end area_code value unit_fi "
        "sample_size status status_fi text change_class role reason party_id party_name_fi recorded_at "
        "superseded_at is_retired"
    ),
    "dashboard_due": (
        "party_id party_name_fi meter_id measure_id question_id indicator_id question_fi asks unit_fi period "
        "period_end due_at late_after state rhythm rhythm_assumed reporter_assumed"
    ),
    "dashboard_meter_indicators": "meter_id indicator_id",
    "dashboard_freshness": "dataset_id state last_release last_fetch next_expected last_error",
    "dashboard_changes": "recorded_at indicator_id area period old new change_class",
    "dashboard_runs": "run_id started_at dataset_id state new revised withdrawn same message",
}


def put(engine: Engine, indicator: str, frame: pd.DataFrame, at: datetime, **more: Any) -> Counts:
    with writing(engine) as connection:
        return store(
            connection,
            indicator_owner(indicator),
            frame,
            run_id="run-1",
            collection_id="collection",
            recorded_at=at,
            source_updated_at=at - timedelta(hours=1),
            **more,
        )


def view(engine: Engine, name: str, *order: str) -> pd.DataFrame:
    with reading(engine) as connection:
        found = read.view(connection, name)
    return found.sort_values(list(order), ignore_index=True) if order else found


def column(engine: Engine, name: str, key: str, value: str) -> dict[str, Any]:
    found = view(engine, name)
    return dict(zip(found[key], found[value].astype(object).where(found[value].notna(), None), strict=True))


def synced(engine: Engine, catalogue: Catalogue) -> None:
    with writing(engine) as connection:
        sync(connection, catalogue)


def states(engine: Engine, **by_dataset: dict[str, Any]) -> None:
    with writing(engine) as connection:
        for letter, changes in by_dataset.items():
            set_state(
                connection, {"a": "statfin/a/1", "b": "statfin/b/2", "c": "statfin/c/3"}[letter], **changes
            )


def fill(engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day) -> None:
    """A history with a bit of everything."""
    synced(engine, catalogue)
    states(
        engine,
        a={
            "state": "fetched",
            "last_release": day(1),
            "last_fetch": day(2),
            "next_expected": date(2026, 6, 1),
            "late_after": date(2026, 7, 1),
            "judged_on": date(2026, 6, 15),
        },
        b={"state": "quarantined", "last_error": "gate values: too few rows"},
    )
    rows = [
        ("KU205", "2024", 10), ("KU205", "2025", 11, "", "preliminary"), ("MK18", "2025", None, "..."),
        ("KU765", "2025", 5, "", "final", "b"), ("KU999", "2025", 1),
    ]  # fmt: skip
    put(engine, "people", frame_of(*rows, content=""), day(1))
    put(engine, "people", frame_of(("KU205", "2025", 12.25), content=""), day(2))
    put(engine, "people", frame_of(("KU205", "2025", 12.25), content=""), day(3), absent="withdraw")
    put(engine, "regional", frame_of(("MK18", "2025M06", 3.5), content=""), day(2), synthetic=True)
    put(engine, "share", frame_of(("KU205", "2025Q1", 0.125), content=""), day(4))
    with writing(engine) as connection:
        open_run(
            connection,
            run_id="run-1",
            source="statfin",
            started_at=day(1),
            program_version="0.1.0",
            catalogue_fingerprint="f1",
        )
        write_row(
            connection,
            LedgerRow("run-1", "statfin/a/1", "fetched", "12 new", Counts(12, 1, 2, 3), 4, 1.5, day(1)),
            recorded_at=day(1),
        )
        write_row(connection, LedgerRow("run-1", "statfin/b/2", "failed", "HTTP 403"), recorded_at=day(1))
        close_run(connection, "run-1", ended_at=day(1) + timedelta(minutes=1), state="red")
        answered = Answer("1.1.04-m2", "2025", status="done", text="Tehty")
        store_answers(
            connection,
            [Change(answered, "new", "")],
            {one.id: one for one in questions(catalogue)},
            recorded_at=day(5),
            role="päällikkö",
            collection_id="form",
        )


def test_the_columns_of_every_view_are_those_of_the_contract_in_its_order(engine: Engine) -> None:
    assert set(DASHBOARDS) == set(CONTRACT)
    with reading(engine) as connection:
        for name, names in CONTRACT.items():
            found = list(connection.execute(text(f"SELECT * FROM {name}")).keys())
            assert found[: len(names.split())] == names.split(), name
            assert len(found) == len(set(found))


@pytest.mark.postgresql
def test_the_views_say_the_same_on_both_databases(
    sqlite_url: str, postgres_url: str, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    engines = [open_engine(url) for url in (sqlite_url, postgres_url)]
    for engine in engines:
        upgrade(engine)
        fill(engine, catalogue, frame_of, day)
    for name in DASHBOARDS:
        keys = CONTRACT[name].split()
        order = [one for one in ("recorded_at", *keys) if one in keys and one not in ("value", "old", "new")]
        one, two = (view(engine, name, *order) for engine in engines)
        assert len(one) > 0, name
        pd.testing.assert_frame_equal(one, two)
    for engine in engines:
        engine.dispose()


@pytest.mark.postgresql
def test_booleans_times_and_days_have_their_own_types_on_postgresql(
    postgres_url: str, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    engine = open_engine(postgres_url)
    upgrade(engine)
    query = text(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_name LIKE 'dashboard_%'"
    )
    with reading(engine) as connection:
        types = {(view, name): kind for view, name, kind in connection.execute(query)}
    kinds: dict[str, set[str]] = {}
    for (view_name, name), kind in types.items():
        if not (view_name == "dashboard_runs" and name == "new"):
            kinds.setdefault(name, set()).add(kind)
    assert all(len(found) == 1 for found in kinds.values()), kinds
    for flag in (
        *("is_proxy", "is_synthetic", "has_proxy", "has_quarantined", "headline", "is_retired"),
        *("rhythm_assumed", "reporter_assumed"),
    ):
        assert kinds[flag] == {"boolean"}
    for moment in ("recorded_at", "superseded_at", "source_updated_at", "started_at", "last_release"):
        assert kinds[moment] == {"timestamp with time zone"}
    for dated in ("period_start", "period_end", "next_expected", "due_at", "late_after"):
        assert kinds[dated] == {"date"}
    for number in ("value", "old", "new", "previous_value", "baseline_value"):
        assert kinds[number] == {"double precision"}
    engine.dispose()


# --- values
# --------------------------------------------------------------------------------------------------


def test_the_series_show_the_newest_vintage_with_all_that_is_known_of_it(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_series")
    row = found[
        (found["indicator_id"] == "people") & (found["area_code"] == "KU205") & (found["period"] == "2025")
    ]
    assert len(row) == 1
    one = row.iloc[0]
    assert (one["value"], one["symbol"], one["status"], one["change_class"], one["vintages"]) == (
        12.25,
        "",
        "final",
        "revised",
        2,
    )
    assert (one["name_fi"], one["area_name_fi"], one["area_level"]) == (
        "people suomeksi",
        "Kajaani",
        "municipality",
    )
    assert (one["period_start"], one["period_end"], one["frequency"]) == (
        date(2025, 1, 1),
        date(2025, 12, 31),
        "annual",
    )
    assert (one["recorded_at"], one["source_updated_at"]) == (day(2), day(2) - timedelta(hours=1))
    assert (one["source"], one["dataset_id"], one["labels"]) == ("statfin", "statfin/a/1", "verified")
    assert (one["is_proxy"], one["is_synthetic"], one["freshness"]) == (False, False, "due")


def test_what_is_withdrawn_stays_in_the_series_without_a_value(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_series").set_index(["indicator_id", "area_code", "class_code", "period"])
    withdrawn = found.loc[("people", "KU205", "", "2024")]
    assert pd.isna(withdrawn["value"])
    assert (withdrawn["change_class"], withdrawn["symbol"], withdrawn["vintages"]) == ("withdrawn", "", 2)


def test_proxies_and_synthetic_figures_are_marked(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_series")
    assert set(found[found["is_proxy"]]["indicator_id"]) == {"share"}
    assert set(found[found["is_synthetic"]]["indicator_id"]) == {"regional"}


def test_an_area_outside_the_catalogue_is_shown_without_name(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_series").set_index("area_code")
    assert pd.isna(found.loc["KU999", "area_name_fi"])


def test_each_vintage_says_when_it_was_superseded(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_vintages", "recorded_at")
    one = found[
        (found["indicator_id"] == "people") & (found["area_code"] == "KU205") & (found["period"] == "2025")
    ]
    assert list(one["value"]) == [11, 12.25]
    assert list(one["recorded_at"]) == [day(1), day(2)]
    assert one["superseded_at"].iloc[0] == day(2)
    assert pd.isna(one["superseded_at"].iloc[1])
    assert set(one["vintages"]) == {2}


def test_changes_list_every_vintage_of_an_indicator_with_what_was_before(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    with writing(engine) as connection:
        store(
            connection, "statfin/a/1", frame_of(("KU205", "2025", 1)), run_id="", collection_id="",
            recorded_at=day(1), source_updated_at=None,
        )  # fmt: skip
    put(engine, "people", frame_of(("KU205", "2025", 20), content=""), day(5))
    found = view(engine, "dashboard_changes", "recorded_at")
    of = found[(found["indicator_id"] == "people") & (found["area"] == "KU205")]
    told = [
        (
            row.period,
            None if pd.isna(row.old) else row.old,
            None if pd.isna(row.new) else row.new,
            row.change_class,
        )
        for row in of.sort_values(["recorded_at", "period"]).itertuples()
    ]
    assert told == [
        ("2024", None, 10.0, "new"),
        ("2025", None, 11.0, "new"),
        ("2025", 11.0, 12.25, "revised"),
        ("2024", 10.0, None, "withdrawn"),
        ("2025", 12.25, 20.0, "revised"),
    ]
    assert set(found["indicator_id"]) == {"people", "regional", "share"}


def test_the_latest_view_has_a_row_per_series_with_its_freshness(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_latest", "indicator_id", "area_code")
    assert list(zip(found["indicator_id"], found["area_code"], found["period"], strict=True)) == [
        ("people", "KU205", "2025"),
        ("regional", "MK18", "2025M06"),
        ("share", "KU205", "2025Q1"),
    ]
    assert list(found["freshness"]) == ["due", "quarantined", "quarantined"]
    assert list(found["next_expected"]) == [date(2026, 6, 1), None, date(2026, 6, 1)]
    assert found["verdict"].isna().all()
    assert list(found["headline"]) == [True, False, False]


# --- freshness
# -----------------------------------------------------------------------------------------------

JUDGED = {"state": "fetched", "judged_on": date(2026, 6, 15)}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "never_fetched"),
        (JUDGED, "current"),
        (JUDGED | {"next_expected": date(2026, 6, 16), "late_after": date(2026, 7, 16)}, "current"),
        (JUDGED | {"next_expected": date(2026, 6, 15), "late_after": date(2026, 7, 15)}, "due"),
        (JUDGED | {"next_expected": date(2026, 5, 15), "late_after": date(2026, 6, 15)}, "due"),
        (JUDGED | {"next_expected": date(2026, 5, 15), "late_after": date(2026, 6, 14)}, "late"),
        (JUDGED | {"late_after": date(2020, 1, 1), "state": "quarantined"}, "quarantined"),
        (JUDGED | {"late_after": date(2020, 1, 1), "state": "discontinued"}, "discontinued"),
        (JUDGED | {"late_after": date(2020, 1, 1), "state": "not_in_sample"}, "not_in_sample"),
        ({"state": "fetched", "late_after": date(2020, 1, 1)}, "late"),
        ({"state": "fetched", "next_expected": date(2020, 1, 1), "late_after": date(9000, 1, 1)}, "due"),
        ({"state": "fetched", "next_expected": date(9000, 1, 1), "late_after": date(9001, 1, 1)}, "current"),
    ],
)
def test_a_dataset_is_judged_at_its_day_or_today(
    engine: Engine, catalogue: Catalogue, changes: dict[str, Any], state: str
) -> None:
    synced(engine, catalogue)
    if changes:
        states(engine, a=changes)
    assert column(engine, "dashboard_freshness", "dataset_id", "state") == {
        "statfin/a/1": state,
        "statfin/b/2": "never_fetched",
        "statfin/c/3": "never_fetched",
    }


LATE = {"state": "fetched", "late_after": date(2020, 1, 1)}
DUE = {"state": "fetched", "next_expected": date(2020, 1, 1)}
CURRENT = {"state": "fetched"}
QUARANTINED = {"state": "quarantined"}


@pytest.mark.parametrize(
    ("a", "b", "worst"),
    [
        (CURRENT, CURRENT, "current"),
        (CURRENT, DUE, "due"),
        (LATE, DUE, "late"),
        (LATE, QUARANTINED, "quarantined"),
        (CURRENT, {"state": "never_fetched"}, "never_fetched"),
        (DUE, {"state": "discontinued"}, "discontinued"),
    ],
)
def test_an_indicator_is_as_fresh_as_the_worst_of_its_datasets(
    engine: Engine, catalogue: Catalogue, a: dict[str, Any], b: dict[str, Any], worst: str
) -> None:
    synced(engine, catalogue)
    states(engine, a=a, b=b)
    assert column(engine, "dashboard_indicators", "indicator_id", "freshness")["share"] == worst


# --- the programme
# -------------------------------------------------------------------------------------------


def meter_states(engine: Engine) -> dict[str, str]:
    return column(engine, "dashboard_meters", "meter_id", "state")


def test_without_figures_every_meter_has_no_data_but_the_one_that_measures_nothing(
    engine: Engine, catalogue: Catalogue
) -> None:
    synced(engine, catalogue)
    assert meter_states(engine) == {
        "1.1.01-m1": "no_data",
        "1.1.01-m2": "no_data",
        "1.1.02-m1": "no_data",
        "1.1.02-m2": "no_data",
        "1.1.03-m1": "not_measurable",
        "1.K1.01-m1": "no_data",
        "1.1.04-m1": "no_data",
        "1.1.04-m2": "no_data",
    }
    assert column(engine, "dashboard_measures", "measure_id", "state") == {
        "1.1.01": "no_data",
        "1.1.02": "no_data",
        "1.1.03": "not_measurable",
        "1.K1.01": "no_data",
        "1.1.04": "no_data",
    }


def test_a_meter_is_measured_by_a_figure_of_the_city_not_of_another(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    states(engine, a=CURRENT, b=CURRENT, c=CURRENT)
    put(engine, "people", frame_of(("KU740", "2025", 1), ("MK18", "2025", 1), content=""), day(1))
    put(engine, "flights", frame_of(("OULU", "2025", 1), content=""), day(1))
    assert set(meter_states(engine).values()) == {"no_data", "not_measurable"}
    put(engine, "people", frame_of(("KU205", "2025", None, "..."), content=""), day(2))
    assert meter_states(engine)["1.1.01-m1"] == "no_data"
    put(engine, "people", frame_of(("KU205", "2024", 7), content=""), day(3))
    put(engine, "flights", frame_of(("KAJAANI", "2025", 1), content=""), day(3))
    assert meter_states(engine)["1.1.01-m1"] == "measured"
    assert meter_states(engine)["1.K1.01-m1"] == "measured"


def test_an_indicator_without_figures_of_municipalities_measures_by_its_region(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    states(engine, a=CURRENT, b=CURRENT)
    put(engine, "regional", frame_of(("MK18", "2025M06", 3.5), ("SSS", "2025M06", 9), content=""), day(1))
    meters = view(engine, "dashboard_meters").set_index("meter_id")
    one = meters.loc["1.1.01-m2"]
    assert (one["state"], one["latest_value"], one["latest_period"], one["latest_unit"]) == (
        "measured",
        3.5,
        "2025M06",
        "count",
    )
    assert (one["latest_area_code"], one["latest_indicator_id"]) == ("MK18", "regional")


def test_the_first_of_a_meters_indicators_that_has_a_figure_is_shown(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    states(engine, a=CURRENT, b=CURRENT)
    put(engine, "people", frame_of(("KU205", "2025", 7), content=""), day(1))
    shown = column(engine, "dashboard_meters", "meter_id", "latest_indicator_id")
    assert (shown["1.1.01-m1"], shown["1.1.01-m2"]) == ("people", "people")


def test_a_meter_with_figures_is_late_when_one_of_its_datasets_is(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    put(engine, "people", frame_of(("KU205", "2025", 7), content=""), day(1))
    put(engine, "share", frame_of(("KU205", "2025", 7), content=""), day(1))
    states(engine, a=CURRENT, b=LATE, c=LATE)
    found = meter_states(engine)
    assert (found["1.1.01-m1"], found["1.1.02-m1"], found["1.1.04-m1"]) == ("measured", "late", "no_data")
    assert found["1.1.01-m2"] == "late"  # it also reads `regional`, whose dataset is late


def test_a_measure_takes_the_first_of_its_meters_states_and_counts_those_answered(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    states(engine, a=CURRENT, b=CURRENT, c=CURRENT)
    put(engine, "people", frame_of(("KU205", "2025", 7), content=""), day(1))
    put(engine, "share", frame_of(("KU205", "2025", 7), content=""), day(1))
    measures = view(engine, "dashboard_measures").set_index("measure_id")
    assert list(measures.loc["1.1.01", ["state", "meters", "answered"]]) == ["measured", 2, 2]
    assert list(measures.loc["1.1.02", ["state", "meters", "answered"]]) == ["no_data", 2, 1]
    assert list(measures.loc["1.1.03", ["state", "meters", "answered"]]) == ["not_measurable", 0, 0]
    assert list(measures["has_proxy"]) == [one == "1.1.02" for one in measures.index]
    assert measures.loc["1.K1.01", "cluster_id"] == "1.K1"
    assert pd.isna(measures.loc["1.K1.01", "goal_id"])
    states(engine, b=QUARANTINED, a=LATE)
    measures = view(engine, "dashboard_measures").set_index("measure_id")
    assert measures.loc["1.1.01", "state"] == "late"
    assert bool(measures.loc["1.1.02", "has_quarantined"])
    assert not bool(measures.loc["1.1.03", "has_quarantined"])


def test_a_figure_that_people_report_makes_a_meter_measured(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    put(engine, "asked", frame_of(("KU205", "2025", 7), content=""), day(1))
    meter = view(engine, "dashboard_meters").set_index("meter_id").loc["1.1.02-m2"]
    assert list(meter[["state", "latest_value", "latest_source"]]) == ["measured", 7, "manual"]


def test_indicators_say_what_they_are_where_from_and_under_which_licence(
    engine: Engine, catalogue: Catalogue
) -> None:
    synced(engine, catalogue)
    found = view(engine, "dashboard_indicators").set_index("indicator_id")
    one = found.loc["share"]
    assert one["definition"] == "x0 + x1 | x0: statfin/a/1 count | x1: statfin/b/2 count"
    assert (one["kind"], one["proxy_note_fi"], one["source_table"]) == ("proxy", "Huomautus: share", "a/1")
    assert (one["licence"], one["attribution_fi"], one["labels"]) == ("CC BY 4.0", "L", "verified")
    assert found.loc["people", "proxy_note_fi"] == ""
    assert pd.isna(found.loc["asked", "dataset_id"])
    assert list(found["headline"]) == [name == "people" for name in found.index]


def test_meters_and_indicators_are_linked_in_a_view_of_their_own(
    engine: Engine, catalogue: Catalogue
) -> None:
    synced(engine, catalogue)
    found = view(engine, "dashboard_meter_indicators", "meter_id", "indicator_id")
    assert list(zip(found["meter_id"], found["indicator_id"], strict=True))[:3] == [
        ("1.1.01-m1", "people"),
        ("1.1.01-m2", "people"),
        ("1.1.01-m2", "regional"),
    ]


def test_runs_show_the_ledger(engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day) -> None:
    fill(engine, catalogue, frame_of, day)
    found = view(engine, "dashboard_runs", "dataset_id")
    assert list(found["state"]) == ["fetched", "failed"]
    assert list(found.loc[0, ["new", "revised", "withdrawn", "same"]]) == [12, 1, 2, 3]
    assert found.loc[1, "message"] == "HTTP 403"
    assert set(found["run_state"]) == {"red"}
    assert found.loc[0, "started_at"] == day(1)


def test_what_left_the_catalogue_leaves_the_programmes_views_and_keeps_its_series(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day
) -> None:
    synced(engine, catalogue)
    put(engine, "idle", frame_of(("KU205", "2025", 7), content=""), day(1))
    fewer = replace(
        catalogue,
        fingerprint="f2",
        programme=replace(catalogue.programme, measures=catalogue.programme.measures[:4]),
        indicators={name: one for name, one in catalogue.indicators.items() if name != "idle"},
    )
    synced(engine, fewer)
    assert len(view(engine, "dashboard_measures")) == 4
    assert not any(one.startswith("1.1.04") for one in meter_states(engine))
    assert "idle" in set(view(engine, "dashboard_series")["indicator_id"])
    assert "idle" not in set(view(engine, "dashboard_latest")["indicator_id"])
    retired = column(engine, "dashboard_indicators", "indicator_id", "is_retired")
    assert [name for name, flag in retired.items() if flag] == ["idle"]


def test_the_real_programme_has_79_measures_and_109_meters(engine: Engine) -> None:
    synced(engine, load_catalogue())
    assert len(view(engine, "dashboard_measures")) == 79
    meters = view(engine, "dashboard_meters")
    assert len(meters) == 109
    assert list(meters[meters["state"] == "not_measurable"]["measure_id"]) == ["1.2.06"]
    assert view(engine, "dashboard_measures")["meters"].sum() == 108


# --- plans: the questions dashboards ask are answered through indexes
# ---------------------------------------------


@pytest.fixture
def large(engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day) -> Engine:
    synced(engine, catalogue)
    months = [f"{2000 + n // 12}M{n % 12 + 1:02d}" for n in range(120)]
    areas = ["KU205", *(f"KU{n:03d}" for n in range(300, 400))]
    for indicator in ("people", "share"):
        rows = [(area, month, n) for n, area in enumerate(areas) for month in months]
        put(engine, indicator, frame_of(*rows, content=""), day(1))
        put(engine, indicator, frame_of(*[(*row[:2], row[2] + 1) for row in rows], content=""), day(2))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    return engine


@pytest.mark.parametrize("name", ["dashboard_series", "dashboard_vintages"])
def test_one_series_is_read_through_the_keys_and_not_by_going_through_all(large: Engine, name: str) -> None:
    query = f"SELECT * FROM {name} WHERE indicator_id = 'people' AND area_code = 'KU205'"
    explain = "EXPLAIN QUERY PLAN" if large.dialect.name == "sqlite" else "EXPLAIN"
    with reading(large) as connection:
        assert len(connection.execute(text(query)).all()) == (120 if name == "dashboard_series" else 240)
        plan = [str(row[-1]) for row in connection.execute(text(f"{explain} {query}"))]
    if large.dialect.name == "sqlite":
        assert not any(line.startswith(f"SCAN {one}") for line in plan for one in ("v", "s", "l", "p", "o"))
        assert any("SEARCH v USING PRIMARY KEY (owner_no=? AND series_id=?)" in line for line in plan), plan
    else:
        assert not any("Seq Scan on observation" in line or "Seq Scan on vintage" in line for line in plan)
        assert any("pk_observation" in line or "pk_vintage" in line for line in plan), plan


def test_recent_changes_are_found_through_the_loads(large: Engine, frame_of: FrameOf, day: Day) -> None:
    put(large, "people", frame_of(("KU205", "2000M01", 99), content=""), day(3))
    query = text("SELECT * FROM dashboard_changes WHERE recorded_at > :since")
    since: Any = day(2.5) if large.dialect.name == "postgresql" else "2026-01-03T18"
    with reading(large) as connection:
        assert len(connection.execute(query, {"since": since}).all()) == 1
        if large.dialect.name == "sqlite":
            rows = connection.execute(text(f"EXPLAIN QUERY PLAN {query}"), {"since": since}).all()
            plan = [str(row[-1]) for row in rows]
            assert any("ix_load_recorded_at" in line for line in plan), plan
            assert not any(line.startswith("SCAN v") for line in plan), plan
