"""How fresh a dataset is, said by the view and by models.freshness: the same over every combination."""

from datetime import UTC, datetime, timedelta
from itertools import product

from sqlalchemy import Engine, insert

from models.freshness import state_on
from warehouse import read, tables
from warehouse.engine import writing
from warehouse.problems import situation
from warehouse.tables import STORED_STATES, table_of

DAYS = (None, -400, -1, 0, 1, 400)  # from the day at which it is judged


def test_the_view_and_the_function_say_the_same(engine: Engine) -> None:
    now = datetime.now(UTC)
    today = now.date()
    source = dict.fromkeys(
        ("source_id", "name_fi", "name_en", "base_url", "licence", "attribution_fi", "attribution_en"), "s"
    )
    source |= {"note_fi": "", "note_en": "", "is_automatic": True, "is_retired": False}
    wanted, datasets, states = {}, [], []
    combinations = product((None, *STORED_STATES), DAYS, DAYS, (None, -30, 30))
    for number, (stored, expected, late, judged) in enumerate(combinations):
        dataset_id = f"s/{number}"
        datasets.append(
            dict.fromkeys(
                (
                    "source_table",
                    "title_fi",
                    "title_en",
                    "frequency",
                    "first_period",
                    "labels",
                    "note_fi",
                    "note_en",
                    "web_url",
                ),
                "",
            )
            | {"dataset_id": dataset_id, "source": "s", "lag_days": 1, "grace_days": 1}
            | {"is_preliminary": False, "is_rolling": False, "is_retired": False}
        )
        day = today if judged is None else today + timedelta(days=judged)
        dates = [None if one is None else day + timedelta(days=one) for one in (expected, late)]
        wanted[dataset_id] = state_on(day, stored, *dates)
        if stored is not None:
            states.append(
                {
                    "dataset_id": dataset_id,
                    "state": stored,
                    "next_expected": dates[0],
                    "late_after": dates[1],
                    "judged_on": None if judged is None else day,
                    "last_error": "",
                    "entry_fingerprint": "",
                    "canonical_sha256": "",
                }
            )
    with writing(engine) as connection:
        connection.execute(insert(table_of(tables.Source)), source)
        connection.execute(insert(table_of(tables.Dataset)), datasets)
        connection.execute(insert(table_of(tables.DatasetState)), states)
        view = read.freshness(connection).set_index("dataset_id")["state"].to_dict()
        found = {one.dataset_id: one.freshness for one in situation(connection, now).datasets}
    assert datetime.now(UTC).date() == today, "midnight has passed; run it again"
    assert view == wanted
    assert found == wanted
    assert set(wanted.values()) == {
        "current",
        "due",
        "late",
        "quarantined",
        "discontinued",
        "never_fetched",
        "not_in_sample",
    }
