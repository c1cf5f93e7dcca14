"""What the connectors of single providers share: a checked request, good answers, days in Finland."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from connectors.asked import finnish_day, json_of, named, request_of
from models.catalogue import load_catalogue
from models.errors import SourceError

DATASET = load_catalogue().datasets["vayla/tiehankkeet"]


def asked(**request: object):
    return replace(DATASET, request=request)


def test_a_request_with_just_the_known_keys_is_handed_on() -> None:
    request = request_of(asked(page="/x", weeks=2), {"page": (str,)}, {"weeks": (int,), "sheet": (str,)})
    assert dict(request) == {"page": "/x", "weeks": 2}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "'page' is missing in the catalogue"),
        ({"page": "/x", "wek": 2}, "unknown key 'wek'; known keys are page, weeks"),
        ({"page": 5}, "'page' must be text, not '5'"),
        ({"page": "/x", "weeks": True}, "'weeks' must be a whole number or a number, not 'True'"),
        ({"page": "/x", "weeks": "2"}, "'weeks' must be a whole number or a number, not '2'"),
        ({"page": ""}, "'page' is empty"),
    ],
)
def test_any_other_request_is_one_line_with_dataset_and_key(request_: dict[str, object], said: str) -> None:
    with pytest.raises(SourceError) as error:
        request_of(asked(**request_), {"page": (str,)}, {"weeks": (int, float)})
    assert str(error.value) == f"dataset 'vayla/tiehankkeet': request: {said}"


def test_an_error_is_named_by_its_dataset_once() -> None:
    for text in ("no road", f"{DATASET.id}: no road"):
        with pytest.raises(SourceError, match=f"^{DATASET.id}: no road$"), named(DATASET):
            raise SourceError(text)


def test_what_is_no_json_is_said_by_name() -> None:
    with pytest.raises(SourceError, match="the list of stations is no JSON"):
        json_of(b"<html>", "the list of stations")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 1, 1, 21, 59, tzinfo=UTC), date(2026, 1, 1)),
        (datetime(2026, 1, 1, 22, 0, tzinfo=UTC), date(2026, 1, 2)),
        (datetime(2026, 7, 1, 21, 0, tzinfo=UTC), date(2026, 7, 2)),
    ],
)
def test_a_day_begins_at_midnight_in_finland(moment: datetime, day: date) -> None:
    assert finnish_day(moment) == day
