"""The stand-in answers as Sotkanet is known to: what it requires, what it leaves out, and how rows look."""

import json
import urllib.error
import urllib.request
from datetime import date

import pytest

from demo import sotkanet
from demo.stand_in import StandIn
from demo.table import SampleError
from models.catalogue import load_catalogue

OURS = {"User-Agent": "kajaani-indicators/1.0 (+city@example.org)"}


@pytest.fixture
def service():
    return sotkanet.sample()


@pytest.fixture
def stand_in(service):
    with StandIn({}, services={"sotkanet": service}, calls=10_000, window=1.0) as running:
        yield running
    assert running.errors == []


def call(stand_in, path, headers=OURS, body=None):
    """Status and JSON document of a GET (or POST of `body`)."""
    request = urllib.request.Request(f"{stand_in.urls['sotkanet']}/{path}", headers=headers, data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def test_the_base_address_is_the_services_path(stand_in):
    assert stand_in.urls["sotkanet"].endswith("/rest/1.1")


def test_figures_of_all_regions_come_by_year_and_gender(stand_in):
    status, rows = call(stand_in, "json?indicator=127&years=2021&years=2022&genders=total")
    assert status == 200 and len(rows) == 18 * 2
    assert {
        "indicator": 127,
        "region": 94,
        "year": 2022,
        "gender": "total",
        "value": 36297,
        "absValue": 36297,
    } in rows


@pytest.mark.parametrize(
    "query",
    [
        "indicator=127&years=2022",
        "indicator=127&genders=total",
        "years=2022&genders=total",
        "indicator=127&years=2021,2022&genders=total",
        "indicator=abc&years=2021&genders=total",
        "",
    ],
)
def test_a_question_without_a_required_parameter_or_with_a_list_of_years_is_refused(stand_in, query):
    assert call(stand_in, f"json?{query}")[0] == 400


@pytest.mark.parametrize("agent", ["", "python-requests/2.34", "Python-urllib/3.13", "curl/8"])
def test_the_default_agents_of_libraries_are_refused(stand_in, agent):
    assert call(stand_in, "regions", {"User-Agent": agent})[0] == 403


def test_what_there_is_no_figure_of_has_no_row(stand_in):
    status, rows = call(stand_in, "json?indicator=127&years=1999&genders=total")
    assert (status, rows) == (200, [])
    assert call(stand_in, "json?indicator=5&years=2020&genders=total") == (200, [])


def test_an_indicator_describes_itself(stand_in):
    status, told = call(stand_in, "indicators/127")
    assert status == 200
    assert (told["id"], told["title"]["fi"], told["range"]) == (
        127,
        "Väestö 31.12.",
        {"start": 2000, "end": 2022},
    )
    assert "Kunta" in told["classifications"]["region"]["values"]
    assert told["data-updated"] == "2024-03-13"
    assert [one["id"] for one in call(stand_in, "indicators")[1]] == [127]


def test_regions_have_ids_of_their_own(stand_in):
    regions = {one["id"]: one for one in call(stand_in, "regions")[1]}
    assert (regions[94]["code"], regions[94]["category"], regions[94]["title"]["sv"]) == (
        "205",
        "KUNTA",
        "Kajana",
    )
    assert (regions[616]["code"], regions[504]["code"]) == ("18", "18")


@pytest.mark.parametrize("path", ["indicators/5", "indicators/x", "csv", "", "regions/94"])
def test_what_is_not_there_is_not_found(stand_in, path):
    assert call(stand_in, path)[0] == 404


def test_nothing_is_to_be_posted(stand_in):
    assert call(stand_in, "regions", body=b"{}")[0] == 405


def test_the_old_form_has_texts_and_the_old_key(stand_in, service):
    service.old_form = True
    rows = call(stand_in, "json?indicator=127&years=2009&genders=total")[1]
    assert {
        "region": "94",
        "indicator": "127",
        "primary value": "38211",
        "gender": "total",
        "year": "2009",
    } in rows


def test_synthetic_figures_cover_all_that_the_catalogue_asks_inside_its_bounds():
    catalogue = load_catalogue()
    service = sotkanet.synthetic(catalogue)
    again = sotkanet.synthetic(catalogue)
    for dataset in catalogue.datasets_of("sotkanet"):
        one = service.indicators[dataset.request["indicator"]]
        assert one.figures == again.indicators[one.id].figures
        held = {service.regions[region].code for region, _, _ in one.figures}
        assert len(held) == len(catalogue.areas_for(dataset))
        (reader,) = catalogue.indicators_of(dataset.id)
        assert all(reader.valid_min <= figure <= reader.valid_max for figure in one.figures.values())
        newest = max(year for _, year, _ in one.figures)
        assert date(newest, 12, 31) < date.fromisoformat(one.updated) <= sotkanet.UNTIL


def test_a_later_day_adds_years_and_changes_none():
    catalogue = load_catalogue()
    before = sotkanet.synthetic(catalogue).indicators[127].figures
    after = sotkanet.synthetic(catalogue, until=date(2027, 9, 30)).indicators[127].figures
    assert before.items() < after.items()


@pytest.mark.parametrize(
    ("name", "old", "new", "place"),
    [
        ("127.csv", "94,2000,total,38912", "94,2000,total,many", "127.csv, line 13"),
        ("127.csv", "94,2001,total", "94,2000,total", "127.csv, line 14"),
        ("127.csv", "94,2000,total", "95,2000,total", "127.csv, line 13"),
        ("127.csv", "# indicator: 127\n", "", "127.csv"),
        ("127.csv", "# updated: 2024-03-13", "# updated: March", "127.csv"),
        ("regions.csv", "54,KUNTA", "94,KUNTA", "regions.csv, line 7"),
    ],
)
def test_a_sample_file_that_does_not_hold_together_is_refused_by_its_line(tmp_path, name, old, new, place):
    from importlib.resources import files

    for one in ("127.csv", "regions.csv"):
        text = files("demo").joinpath("sample", "sotkanet", one).read_text(encoding="utf-8")
        assert name != one or old in text
        (tmp_path / one).write_text(text.replace(old, new) if one == name else text, encoding="utf-8")
    with pytest.raises(SampleError, match=place):
        sotkanet.sample(tmp_path)
