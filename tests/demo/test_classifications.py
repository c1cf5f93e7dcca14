"""The stand-in has the classification service's addresses and answers as it does, beside StatFin's."""

import json
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from demo.stand_in import StandIn
from models.divisions import load_division

NAMES = "classifications/kunta_1_20260101/classificationItems?content=data&meta=min&lang={}&format=json"
MAPS = "correspondenceTables/kunta_1_20260101%23{}_1_20260101/maps"


@pytest.fixture
def stand_in():
    with StandIn({}, calls=1_000) as running:
        yield running
    assert running.errors == []


def call(stand_in, path, body=None):
    """Status and JSON document of a GET (or POST of `body`)."""
    request = urllib.request.Request(f"{stand_in.classifications_url}/{path}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def test_the_base_address_is_the_services_path_on_the_same_port(stand_in):
    assert stand_in.classifications_url.endswith("/api/classifications/v2")
    assert stand_in.classifications_url.split("/")[2] == stand_in.url.split("/")[2]


@pytest.mark.parametrize(
    ("language", "name"), [("fi", "Helsinki"), ("sv", "Helsingfors"), ("en", "Helsinki")]
)
def test_municipalities_are_listed_in_the_language_asked(stand_in, language, name):
    status, items = call(stand_in, NAMES.format(language))
    assert (status, len(items)) == (200, 308)
    (helsinki,) = (one for one in items if one["code"] == "091")
    assert helsinki["localId"] == "kunta_1_20260101/091"
    assert [(one["lang"], one["name"]) for one in helsinki["classificationItemNames"]] == [(language, name)]


def test_regions_and_sub_regions_are_listed_too(stand_in):
    assert len(call(stand_in, NAMES.format("fi").replace("kunta", "maakunta", 1))[1]) == 19
    assert len(call(stand_in, NAMES.format("fi").replace("kunta", "seutukunta", 1))[1]) == 69


@pytest.mark.parametrize(("target", "code"), [("maakunta", "18"), ("seutukunta", "182")])
def test_a_correspondence_table_is_a_list_of_addresses_that_end_in_two_codes(stand_in, target, code):
    status, pairs = call(stand_in, MAPS.format(target))
    assert (status, len(pairs)) == (200, 308)
    assert f"{stand_in.classifications_url}/{MAPS.format(target)}/205/{code}" in pairs


def test_a_correspondence_table_asked_with_a_parameter_is_a_500(stand_in):
    assert call(stand_in, MAPS.format("maakunta") + "?content=data&meta=min&lang=fi")[0] == 500


@pytest.mark.parametrize(
    "path",
    [
        NAMES.format("fi").replace("2026", "2027"),
        NAMES.format("de"),
        NAMES.format("fi").replace("kunta", "nuts", 1),
        MAPS.format("maakunta").replace("2026", "2027"),
        MAPS.format("kunta"),
        MAPS.format("maakunta").replace("%23", "#"),  # the fragment is not sent
        "correspondenceTables/kunta_1_20260101/maps",
        "correspondenceTables/kunta_1_20260101%23maakunta_1_20250101/maps",
        "correspondenceTables/maakunta_1_20260101%23kunta_1_20260101/maps",
        "classifications",
        "",
    ],
)
def test_what_is_not_there_is_not_found(stand_in, path):
    assert call(stand_in, path)[0] == 404


def test_nothing_is_to_be_posted(stand_in):
    assert call(stand_in, MAPS.format("maakunta"), b"{}")[0] == 404


def test_a_new_years_division_may_come_while_it_runs(stand_in):
    path = NAMES.format("fi").replace("2026", "2027")
    assert call(stand_in, path)[0] == 404
    stand_in.divisions = {**stand_in.divisions, 2027: replace(load_division(2026), year=2027)}
    assert call(stand_in, path)[0] == 200
    assert call(stand_in, NAMES.format("fi"))[0] == 200


def test_its_calls_count_in_the_same_limit_and_it_misbehaves_when_told():
    with StandIn({}, calls=2) as stand_in:
        stand_in.misbehave("503", path="/classifications/")
        assert [call(stand_in, MAPS.format("maakunta"))[0] for _ in range(3)] == [503, 200, 429]
        assert len(stand_in.requests) == 3
