"""The geographic service: one layer a year, whose axes are checked and of which no municipality may lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import borders
from connectors.http import AnswerError
from connectors.limiter import RateLimits
from demo.borders import BordersService, sample
from demo.stand_in import StandIn
from models.document import Answer, as_documents
from models.errors import SourceError

QUICK = RateLimits(1000, 1.0)


@pytest.fixture
def service() -> BordersService:
    return sample()


@pytest.fixture
def stand_in(service: BordersService) -> Iterator[StandIn]:
    with StandIn({}, services={borders.SOURCE: service}, calls=1000) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def fetch(stand_in: StandIn, open_session: Callable[..., Any]) -> Callable[[int], list[Answer]]:
    url = stand_in.urls[borders.SOURCE]

    def fetched(year: int) -> list[Answer]:
        session = open_session(url)
        try:
            borders.fetch(year, url, session.http, QUICK)
        finally:
            kept: list[Answer] = session.kept
        return kept

    return fetched


def test_the_borders_of_a_year_are_read_and_simplified_with_source_and_licence(
    fetch: Any, service: BordersService
) -> None:
    (answer,) = fetch(2026)
    assert "typeNames=tilastointialueet%3Akunta4500k_2026" in answer.url
    assert (answer.kind, answer.dataset_id) == ("listing", "")
    found = borders.read(as_documents([answer]))
    assert (found.year, found.licence) == (2026, "CC BY 4.0")
    assert "Tilastokeskus, kuntarajat 2026" in found.source
    assert found.rings == service.borders.rings, "those of the service are on the grid already"


def test_where_a_new_year_is_not_there_yet_the_one_before_is_asked(fetch: Any) -> None:
    answers = fetch(2027)
    assert [one.status for one in answers] == [400, 200]
    assert borders.read(as_documents(answers)).year == 2026
    with pytest.raises(AnswerError):
        fetch(2030)


def test_swapped_axes_are_said_and_never_turned_in_silence(fetch: Any, service: BordersService) -> None:
    service.swapped = True
    answers = fetch(2026)
    with pytest.raises(SourceError, match="the axes are swapped"):
        borders.read(as_documents(answers))


@pytest.mark.parametrize(
    "kind", ["403_page", "500", "html_200", "redirect", "wrong_content_type", "cut_body"]
)
def test_a_bad_answer_ends_in_one_line(fetch: Any, stand_in: StandIn, kind: str) -> None:
    stand_in.misbehave(kind, times=None)
    with pytest.raises(AnswerError) as error:
        fetch(2026)
    assert "\n" not in str(error.value)


RING = [[27.0, 64.0], [28.0, 64.0], [28.0, 65.0], [27.0, 64.0]]


def geojson(*features: object, **more: object) -> bytes:
    return orjson.dumps(
        {"type": "FeatureCollection", "numberMatched": len(features), "features": features} | more
    )


def feature(number: object = "205", kind: str = "Polygon", coordinates: object = None) -> dict[str, object]:
    shape = {"type": kind, "coordinates": [RING] if coordinates is None else coordinates}
    return {"properties": {"kunta": number}, "geometry": shape}


def test_heights_are_passed_over_and_holes_are_rings() -> None:
    high = [[*point, 120.5] for point in RING]
    hole = [[27.7, 64.3], [27.8, 64.3], [27.8, 64.4], [27.7, 64.3]]
    found = borders.read_geojson(geojson(feature(coordinates=[high, hole])), 2026)
    assert [len(ring) for ring in found.rings["KU205"]] == [3, 3]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "is no JSON"),
        (geojson(), "have no features"),
        (geojson(feature(), numberMatched=309), "1 of '309' municipalities were given"),
        (geojson(feature(), numberMatched="unknown"), "1 of 'unknown' municipalities"),
        (geojson(feature(), feature()), "205 is there twice"),
        (geojson(feature(205)), "'205' stands as 'kunta', no code"),
        (geojson(feature("KU205")), "'KU205' stands as 'kunta'"),
        (geojson(feature(kind="Point")), "is a 'Point', no area"),
        (geojson(feature(coordinates=[[[27, 64], [28, "64"]]])), "a ring that is no list of points"),
        (
            geojson(feature(coordinates=[[[500000, 7100000], [500001, 7100000], [500001, 7100001]]])),
            "not in Finland",
        ),
        (geojson(feature(coordinates=[[[27, 64], [27, 64], [27, 64]]])), "has no ring"),
    ],
)
def test_what_is_no_whole_layer_is_refused_in_one_line(body: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as error:
        borders.read_geojson(body, 2026)
    assert str(error.value).startswith("borders: the borders of 2026")


def test_only_good_answers_of_the_service_are_read(fetch: Any) -> None:
    (answer,) = fetch(2026)
    for bad in (replace(answer, status=500), replace(answer, error="cut"), replace(answer, source="vayla")):
        with pytest.raises(SourceError, match="no good answer among those kept"):
            borders.read(as_documents([bad]))


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.sampled_from(["205", "Polygon", "MultiPolygon", 27.5, 64.5]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["kunta", "properties", "geometry", "type", "coordinates"]), inner
            )
        ),
        max_leaves=12,
    ).map(lambda one: geojson(one))
)
def test_any_answer_is_borders_or_one_line(body: bytes) -> None:
    try:
        borders.read_geojson(body, 2026)
    except SourceError as error:
        assert "\n" not in str(error)
