"""Ryhti on the stand-in: a filter in CQL is heeded, a plain parameter is ignored in silence."""

import json

import pytest

from demo.ryhti import BUILDINGS, PERMITS, synthetic
from demo.service import Asked
from models.catalogue import load_catalogue


@pytest.fixture(scope="module")
def service():
    return synthetic(load_catalogue())


def call(made, *path, **parameters):
    asked = {name: [str(value)] for name, value in parameters.items()}
    told = made.answer(Asked("GET", path, asked, b"", {}, "http://127.0.0.1/x"))
    return told.status, json.loads(told.body)


def items(made, **parameters):
    status, document = call(made, "collections", PERMITS, "items", **parameters)
    assert status == 200
    return document


def test_the_collections_are_listed_with_others_that_nobody_asks(service) -> None:
    ids = [one["id"] for one in call(service, "collections")[1]["collections"]]
    assert ids == [PERMITS, BUILDINGS, "open_address", "open_building"]


def test_a_plain_parameter_is_ignored_in_silence_and_a_filter_is_heeded(service) -> None:
    everything = items(service)["numberMatched"]
    assert items(service, kuntanumero="205")["numberMatched"] == everything
    filtered = items(service, filter="kuntanumero='205' AND paatospaivamaara>='2025-01-01'", limit=10_000)
    assert 0 < filtered["numberMatched"] < everything
    rows = [one["properties"] for one in filtered["features"]]
    assert {one["kuntanumero"] for one in rows} == {"205"}
    assert min(one["paatospaivamaara"] for one in rows) >= "2025-01-01"


def test_an_answer_has_ten_rows_unless_more_are_asked_and_pages_follow(service) -> None:
    first, second = items(service), items(service, startIndex=10)
    assert len(first["features"]) == 10
    assert {one["id"] for one in first["features"]}.isdisjoint({one["id"] for one in second["features"]})


def test_a_filter_that_is_none_is_400_and_an_unknown_collection_404(service) -> None:
    assert call(service, "collections", PERMITS, "items", filter="kunta LIKE 'x'")[0] == 400
    assert call(service, "collections", PERMITS, "items", limit="x")[0] == 400
    assert call(service, "collections", "muut", "items")[0] == 404
    assert call(service)[0] == 404


def test_every_municipality_of_the_catalogue_has_permits_and_the_seed_alone_decides_them(service) -> None:
    catalogue = load_catalogue()
    asked = {area.code[2:] for area in catalogue.areas_for("ryhti/avoimet_lupa_rakennukset")}
    assert {one["kuntanumero"] for one in service.collections[PERMITS]} == asked
    assert synthetic(catalogue).collections == service.collections
