"""The stand-in answers as Vipunen is known to: lists of names and fields, counts, filters, pages, closed resources."""

import json
import urllib.error
import urllib.request
from datetime import date
from urllib.parse import quote

import pytest

from demo import vipunen
from demo.stand_in import StandIn
from demo.vipunen import Resource, Vipunen
from models.catalogue import load_catalogue

FIELDS = {"oppilaitos": "string", "lukuvuosi": "string", "vuosi": "number", "maara": "number"}
ROWS = [
    {"oppilaitos": name, "lukuvuosi": f"{year}/{year + 1}", "vuosi": year, "maara": count}
    for name in ("Kajaanin lukio", "Sotkamon lukio; urheilu")
    for year, count in ((2023, 10), (2024, 11), (2025, None))
]


@pytest.fixture
def stand_in():
    service = Vipunen({"lukio": Resource(FIELDS, ROWS), "salainen": Resource({}, [], restricted=True)})
    with StandIn({}, services={"vipunen": service}, calls=10_000, window=1.0) as running:
        yield running
    assert running.errors == []


def call(stand_in, path, body=None):
    """Status and JSON document of a GET (or POST of `body`)."""
    request = urllib.request.Request(f"{stand_in.urls['vipunen']}/{path}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def rows(stand_in, fiql="", **more):
    query = "&".join(f"{name}={value}" for name, value in {"filter": quote(fiql, safe=""), **more}.items())
    return call(stand_in, f"resources/lukio/data?{query}")


def test_resources_are_a_list_of_names_and_one_is_a_list_of_fields(stand_in):
    assert call(stand_in, "resources") == (200, ["lukio", "salainen"])
    assert call(stand_in, "resources/lukio") == (200, [{"name": n, "type": t} for n, t in FIELDS.items()])


def test_a_count_is_a_bare_integer_and_heeds_the_filter(stand_in):
    assert call(stand_in, "resources/lukio/data/count") == (200, 6)
    fiql = quote('oppilaitos=="Kajaanin lukio"', safe="")
    assert call(stand_in, f"resources/lukio/data/count?filter={fiql}") == (200, 3)


@pytest.mark.parametrize(
    ("fiql", "count"),
    [
        ("", 6),
        ('oppilaitos=="Kajaanin lukio"', 3),
        ("oppilaitos=='Kajaanin lukio'", 3),
        ('oppilaitos=="Sotkamon lukio; urheilu"', 3),
        ("vuosi==2025", 2),
        ('lukuvuosi=in=("2024/2025","2023/2024")', 4),
        ('oppilaitos=="Kajaanin lukio";lukuvuosi=in=("2024/2025","2023/2024")', 2),
        ("vuosi=in=(2023,2025)", 4),
        ('oppilaitos=="Muu"', 0),
        ("maara==11", 2),
        ("vuosi==2025;", 2),
    ],
)
def test_filters_choose_rows(stand_in, fiql, count):
    status, found = rows(stand_in, fiql)
    assert (status, len(found)) == (200, count)


@pytest.mark.parametrize("fiql", ["nimi==1", "oppilaitos=Kajaani", "vuosi>2020", '=="x"', "vuosi==20 or x"])
def test_a_filter_that_cannot_be_understood_is_refused(stand_in, fiql):
    assert rows(stand_in, fiql)[0] == 400


def test_rows_come_in_pages(stand_in):
    pages = [rows(stand_in, limit=4, offset=offset)[1] for offset in (0, 4, 8)]
    assert [len(page) for page in pages] == [4, 2, 0]
    assert [*pages[0], *pages[1]] == ROWS


@pytest.mark.parametrize("query", ["limit=many", "offset=-1", "limit=1.5"])
def test_limit_and_offset_are_numbers(stand_in, query):
    assert call(stand_in, f"resources/lukio/data?{query}")[0] == 400


@pytest.mark.parametrize(
    "path", ["", "resource", "resources/muu", "resources/lukio/rows", "resources/lukio/data/count/x"]
)
def test_what_is_not_there_is_not_found(stand_in, path):
    assert call(stand_in, path)[0] == 404


@pytest.mark.parametrize("path", ["", "/data", "/data/count"])
def test_a_closed_resource_is_named_and_not_given(stand_in, path):
    assert call(stand_in, f"resources/salainen{path}")[0] == 401


def test_nothing_is_to_be_posted(stand_in):
    assert call(stand_in, "resources", b"{}")[0] == 404


def test_synthetic_rows_stand_for_all_that_the_catalogue_asks():
    catalogue = load_catalogue()
    service, again = vipunen.synthetic(catalogue), vipunen.synthetic(catalogue)
    later = vipunen.synthetic(catalogue, until=date(2027, 9, 30))
    for dataset in catalogue.datasets_of("vipunen"):
        resource = service.resources[dataset.request["resource"]]
        assert resource.rows == again.resources[dataset.request["resource"]].rows
        assert all(row.keys() == resource.fields.keys() for row in resource.rows)
        years = {row[dataset.request["time_field"]] for row in resource.rows}
        assert years == set(range(int(dataset.first_period), max(years) + 1))
        for choice in dataset.content_choices:
            assert any(row[choice.code[0]] for row in resource.rows)
        newer = {
            row[dataset.request["time_field"]] for row in later.resources[dataset.request["resource"]].rows
        }
        assert newer == years | {max(years) + 1}
    held = {dataset.id: day for dataset, day in vipunen.held(service, catalogue)}
    assert set(held) == {one.id for one in catalogue.datasets_of("vipunen")}
    assert all(day <= vipunen.UNTIL for day in held.values())
