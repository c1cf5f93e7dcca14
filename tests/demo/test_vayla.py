"""Väylävirasto's WFS on the stand-in: what it asks for, its reports, its pages."""

import json

import pytest

from demo.service import Asked
from demo.vayla import PLANS, ROADS, synthetic
from models.catalogue import load_catalogue

GOOD = {
    "service": "WFS",
    "version": "2.0.0",
    "request": "GetFeature",
    "typeNames": ROADS,
    "outputFormat": "application/json",
    "propertyName": "nimi,tieosoite",
}


@pytest.fixture(scope="module")
def service():
    return synthetic(load_catalogue())


def call(made, **parameters):
    asked = {name: [str(value)] for name, value in parameters.items() if value is not None}
    return made.answer(Asked("GET", (), asked, b"", {}, "http://127.0.0.1/x"))


def test_a_page_has_the_properties_asked_for_and_says_how_many_there_are_in_all(service) -> None:
    told = call(service, **GOOD, count=2, startIndex=1)
    assert (told.status, told.content_type) == (200, "application/json;charset=UTF-8")
    document = json.loads(told.body)
    assert document["numberMatched"] == len(service.layers[ROADS])
    assert [one["id"] for one in document["features"]] == ["tiehankkeet.2", "tiehankkeet.3"]
    assert set(document["features"][0]["properties"]) == {"nimi", "tieosoite"}
    assert document["timeStamp"]


def test_a_layer_is_described_by_its_fields(service) -> None:
    told = call(service, **{**GOOD, "request": "DescribeFeatureType", "typeNames": PLANS})
    (described,) = json.loads(told.body)["featureTypes"]
    assert described["typeName"] == "ratasuunnitelmat"
    assert {"vaihe", "ratanumero"} <= {one["name"] for one in described["properties"]}


@pytest.mark.parametrize(
    "change",
    [
        {"service": None},
        {"request": "GetMap"},
        {"typeNames": "hanketiedot:muut"},
        {"outputFormat": "GML"},
        {"propertyName": "nimi,ei_ole"},
        {"sortBy": "ei_ole"},
        {"count": "x"},
    ],
)
def test_anything_else_is_a_report_in_xml(service, change) -> None:
    told = call(service, **{**GOOD, **change})
    assert (told.status, told.content_type) == (400, "application/xml")
    assert b"ExceptionReport" in told.body


def test_the_made_up_projects_are_on_the_roads_of_the_catalogue_and_the_plans_of_its_line(service) -> None:
    texts = " ".join(str(one["tieosoite"]) for one in service.layers[ROADS])
    assert all(number in texts for number in ("5", "6", "22"))
    assert synthetic(load_catalogue()).layers == service.layers
