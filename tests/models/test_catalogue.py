"""The packaged catalogue of Kajaani: complete, true to the programme, and readable in Finnish."""

import csv
import json
import re
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from models.catalogue import Catalogue, check_summary, load_catalogue
from models.dataset import ContentChoice
from models.formula import matrix_names

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
CYRILLIC = re.compile(r"[\u0400-\u04ff]")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def _reference(name: str) -> Path:
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"the reference file {name} (../shared/reference) is not here")
    return path


def _reference_yaml(name: str) -> Any:
    return YAML(typ="safe", pure=True).load(_reference(name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reference_indicators() -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in _reference_yaml("indicators.yaml")["indicators"]}


def _everything(value: Any) -> list[Any]:
    """Every dataclass instance within `value`."""
    if is_dataclass(value) and not isinstance(value, type):
        return [value, *(one for field in fields(value) for one in _everything(getattr(value, field.name)))]
    if isinstance(value, tuple | list):
        return [one for element in value for one in _everything(element)]
    if hasattr(value, "items"):
        return [one for element in value.values() for one in _everything(element)]
    return []


def test_the_programme_has_seven_areas_twenty_goals_four_clusters_and_79_measures(
    catalogue: Catalogue,
) -> None:
    programme = catalogue.programme
    assert len(programme.areas) == 7
    assert len(programme.goals) == 20
    assert len(programme.clusters) == 4
    assert len(programme.measures) == 79
    assert [measure.order for measure in programme.measures] == list(range(1, 80))


def test_there_are_108_meters_and_one_measure_that_names_none(catalogue: Catalogue) -> None:
    meters = [meter for measure in catalogue.programme.measures for meter in measure.meters]
    kinds = Counter(meter.kind for meter in meters)
    assert len(meters) - kinds["none"] == 108
    assert [meter.id for meter in meters if meter.kind == "none"] == ["1.2.06-m0"]


# automatic indicators that came after the agreed ones
ADDED = frozenset(
    {
        "municipal_budget_annual_margin",
        "municipal_budget_gross_investments",
        "municipal_budget_loans",
        "municipal_budget_operating_expenses",
        "municipal_budget_operating_income",
        "municipal_budget_result",
        "population_sotkanet",
        "regional_gdp",
        "regional_gdp_per_inhabitant",
        "regional_population_eurostat",
        "state_road_projects",
        "visitor_arrivals_by_residence",
        "visitor_arrivals_yearly",
        "visitor_nights_by_residence",
        "visitor_nights_yearly",
    }
)
AUTOMATIC = 111 + len(ADDED)


def test_besides_those_added_there_are_111_automatic_indicators_and_48_entered_by_hand(
    catalogue: Catalogue,
) -> None:
    automatic = [one for one in catalogue.indicators.values() if one.kind in ("open_data", "proxy")]
    by_hand = [one for one in catalogue.indicators.values() if one.kind in ("survey", "administrative")]
    assert (len(automatic), len(by_hand)) == (AUTOMATIC, 48)
    assert all(one.inputs and one.formula is not None and one.labels for one in automatic)
    assert all(not one.inputs and one.formula is None and one.source == "manual" for one in by_hand)


def test_every_measure_says_what_the_programme_says(catalogue: Catalogue) -> None:
    wanted = {}
    for area in _reference_yaml("programme.yaml")["areas"]:
        for group in [*area["goals"], *area.get("clusters", [])]:
            wanted |= {measure["id"]: measure for measure in group.get("measures", [])}
    for measure in catalogue.programme.measures:
        said = wanted.pop(measure.id)
        parties = [party for cell in said["responsible"] for party in cell["parties"]]
        assert (measure.text_fi, measure.short_fi) == (said["text_fi"], said["short_fi"]), measure.id
        assert measure.order == said["order"]
        assert measure.responsible == tuple(dict.fromkeys(parties)), measure.id
        assert measure.responsible_fi == ", ".join(cell["text_fi"] for cell in said["responsible"])
    assert not wanted


def test_every_meter_has_the_kind_and_the_indicators_that_were_agreed(catalogue: Catalogue) -> None:
    with _reference("meters.tsv").open(encoding="utf-8", newline="") as file:
        wanted = {
            row["meter_id"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        }
    for measure in catalogue.programme.measures:
        for meter in measure.meters:
            row = wanted.pop(meter.id)
            indicators = tuple(id for id in row["indicator_ids"].split(";") if id)
            assert (measure.id, meter.text_fi, meter.kind, meter.indicator_ids, meter.note_en) == (
                row["measure_id"],
                row["text_fi"],
                row["kind"],
                indicators,
                row["note"],
            ), meter.id
    assert not wanted


def test_every_indicator_keeps_its_agreed_facts(
    catalogue: Catalogue, reference_indicators: dict[str, dict[str, Any]]
) -> None:
    assert set(catalogue.indicators) == set(reference_indicators) | ADDED
    for id, said in reference_indicators.items():
        one = catalogue.indicators[id]
        assert (one.name_fi, one.name_sv, one.name_en) == (said["name_fi"], said["name_sv"], said["name_en"])
        assert (one.kind, one.role, one.direction, one.source) == (
            said["kind"],
            said["role"],
            said["direction"],
            said["source"],
        ), id
        assert (one.labels, one.region) == (said.get("labels"), said.get("kainuu", "none")), id
        assert one.frequency == said["frequency"], id
        assert one.programme_areas == tuple(said["areas"]), id
        assert one.goals == tuple(said.get("goals", ())), id
        assert one.meters == tuple(said.get("meters", ())), id
        assert one.context_measures == tuple(said.get("context_measures", ())), id
        assert (one.valid_min, one.valid_max) == tuple(said["valid_range"]), id
        assert (one.transform, one.headline) == (said.get("transform", ""), said.get("headline", False)), id
        known = dict(said.get("known_values", {}))
        period = known.pop("period", "")
        assert one.known_values == {area: (period, value) for area, value in known.items()}, id


def test_every_indicator_reads_the_table_that_was_agreed(
    catalogue: Catalogue, reference_indicators: dict[str, dict[str, Any]]
) -> None:
    for id, said in reference_indicators.items():
        if said["source"] == "statfin":
            series = list(said.get("inputs", {}).values()) or [said]
            tables = tuple(dict.fromkeys(one["table"] for one in series))
            read = tuple(catalogue.datasets[one].table for one in catalogue.indicators[id].datasets)
            assert tuple(dict.fromkeys(read)) == tables, id


def test_every_content_is_looked_for_under_the_labels_that_were_agreed(
    catalogue: Catalogue, reference_indicators: dict[str, dict[str, Any]]
) -> None:
    for id, said in reference_indicators.items():
        if said["source"] != "statfin":
            continue
        for series in list(said.get("inputs", {}).values()) or [said]:
            labels = next(tuple(one["value"]) for one in series["selections"] if one["role"] == "measure")
            found = [
                choice.label
                for one in catalogue.indicators[id].inputs.values()
                for choice in catalogue.datasets[one.dataset].content_choices
                if choice.key == one.content
            ]
            assert labels in found, id


def test_vital_statistics_are_read_from_121w_and_the_unemployment_rate_from_12tf(
    catalogue: Catalogue,
) -> None:
    for id in ("net_migration_total", "net_migration_per_1000", "net_migration_domestic", "net_immigration"):
        assert catalogue.indicators[id].datasets == ("statfin/ssaaty/121w",)
    assert catalogue.indicators["unemployment_rate"].datasets == ("statfin/tyonv/12tf",)
    assert not [id for id in catalogue.datasets if "11ae" in id]


def test_every_dataset_is_needed_and_takes_what_its_indicators_read(catalogue: Catalogue) -> None:
    for id, dataset in catalogue.datasets.items():
        if dataset.source == "classifications":  # no figures: sums to the region go by it
            continue
        read = [one for indicator in catalogue.indicators_of(id) for one in indicator.inputs.values()]
        read = [one for one in read if one.dataset == id]
        assert {choice.key for choice in dataset.content_choices} == {one.content for one in read}, id
        for variable in dataset.class_variables:
            taken = {key for one in read for key in one.classes[variable.name]}
            assert taken == {choice.key for choice in variable.take}, (id, variable.name)


def test_an_input_names_every_class_variable_of_its_dataset(catalogue: Catalogue) -> None:
    for indicator in catalogue.indicators.values():
        for one in indicator.inputs.values():
            names = [variable.name for variable in catalogue.datasets[one.dataset].class_variables]
            assert list(one.classes) == names, indicator.id


def test_several_classes_stand_only_in_functions_or_are_kept_apart(catalogue: Catalogue) -> None:
    for indicator in catalogue.indicators.values():
        for name, one in indicator.inputs.items():
            several = [key for key, keys in one.classes.items() if len(keys) > 1 and key != indicator.by]
            assert indicator.formula is not None
            assert not several or name not in matrix_names(indicator.formula), indicator.id


def test_sums_for_kainuu_ask_all_its_municipalities(catalogue: Catalogue) -> None:
    eight = {"KU105", "KU205", "KU290", "KU578", "KU620", "KU697", "KU765", "KU777"}
    assert {area.code for area in catalogue.areas.region_municipalities} == eight
    for indicator in catalogue.indicators.values():
        if indicator.region == "sum":
            for id in indicator.datasets:
                assert eight <= {area.code for area in catalogue.areas_for(id)}, indicator.id


def test_a_municipal_table_asks_focus_peers_the_regions_municipalities_and_the_country(
    catalogue: Catalogue,
) -> None:
    asked = [area.code for area in catalogue.areas_for("statfin/ssaaty/121w")]
    assert asked[:2] == ["KU205", "SSS"]
    assert len(asked) == len(set(asked)) == 1 + 1 + 10 + 7 - 1  # Sotkamo is a peer and in the region
    levels = {area.level for area in catalogue.areas_for("statfin/tyonv/12tf")}
    assert levels == {"municipality", "subregion", "region", "country"}
    assert [area.code for area in catalogue.areas_for("statfin/altp/12be")] == ["MK18", "SSS"]


def test_airports_are_asked_by_their_names(catalogue: Catalogue) -> None:
    dataset = catalogue.datasets["statfin/ilma/12ib"]
    assert dataset.query is not None
    assert dataset.query.area_names == ("Kajaani", "Joensuu", "Kokkola-Pietarsaari", "Kuopio", "Oulu")
    assert [area.code for area in catalogue.areas_for(dataset)] == ["EFKI", "EFJO", "EFKK", "EFKU", "EFOU"]


def test_every_peer_is_in_a_group_for_a_reason(catalogue: Catalogue) -> None:
    wanted = _reference_yaml("indicators.yaml")["areas"]["peers"]
    assert [(peer.area.code, peer.group, peer.why_en) for peer in catalogue.areas.peers] == [
        (one["code"], one["group"], one["why"]) for one in wanted
    ]
    assert {peer.group for peer in catalogue.areas.peers} == {group.id for group in catalogue.areas.groups}
    assert len(catalogue.areas.peers_of("regional_centre")) == 6


def test_every_english_text_has_its_finnish(catalogue: Catalogue) -> None:
    seen = 0
    for one in _everything([catalogue.programme, catalogue.areas, catalogue.sources, catalogue.datasets]):
        for name in [field.name for field in fields(one) if field.name.endswith("_en")]:
            finnish = getattr(one, name[:-3] + "_fi")
            assert finnish or not getattr(one, name), (one, name)
    for indicator in catalogue.indicators.values():
        for name in ("note", "lag", "baseline_reason"):
            finnish, english = getattr(indicator, name + "_fi"), getattr(indicator, name + "_en")
            assert bool(finnish) == bool(english), (indicator.id, name)
            assert finnish != english or not finnish, (indicator.id, name)
            seen += bool(finnish)
    assert seen > 200


def test_a_proxy_says_in_both_languages_how_it_differs(catalogue: Catalogue) -> None:
    proxies = [one for one in catalogue.indicators.values() if one.kind == "proxy"]
    assert proxies
    for one in proxies:
        assert one.note_fi.startswith("Poikkeaa mittarista: "), one.id
        assert one.note_en.startswith("Differs from the meter: "), one.id


def test_no_text_has_cyrillic_letters(catalogue: Catalogue) -> None:
    for one in _everything(
        [catalogue.programme, catalogue.areas, catalogue.sources, catalogue.datasets, catalogue.indicators]
    ):
        for field in fields(one):
            value = getattr(one, field.name)
            assert not (isinstance(value, str) and CYRILLIC.search(value)), (one, field.name)


def test_travel_is_compared_with_2019_and_says_why(catalogue: Catalogue) -> None:
    with_baseline = {one.id for one in catalogue.indicators.values() if one.baseline}
    travel = {
        id for id in catalogue.indicators if id.startswith(("tourist_", "hotel_", "airport_", "visitor_"))
    }
    assert with_baseline == travel
    assert all(catalogue.indicators[id].baseline == "2019" for id in travel)
    assert all("pandemia" in catalogue.indicators[id].baseline_reason_fi for id in travel)


def test_annual_releases_get_more_grace_than_monthly_ones(catalogue: Catalogue) -> None:
    graces = {
        frequency: [one.grace_days for one in catalogue.datasets.values() if one.frequency == frequency]
        for frequency in ("monthly", "quarterly", "annual")
    }
    assert max(graces["monthly"]) <= 14 < min(graces["annual"])
    assert max(graces["quarterly"]) < min(graces["annual"])


def _squeezed(text: str) -> str:
    return re.sub(r"\s*-\s*", "-", " ".join(text.split())).casefold()


def _fits(choice: ContentChoice, code: str, text: str) -> bool:
    labels = {_squeezed(label) for label in choice.label}
    return _squeezed(text) in labels or code.rpartition("-")[2] in choice.code


@pytest.mark.parametrize(
    ("dataset_id", "recording"),
    [
        ("statfin/vaerak/11ra", "11ra-all-areas-2025-4-contents.json"),
        ("statfin/ssaaty/121w", "121w-all-municipalities-2025.json"),
        ("statfin/vkour/12bs", "12bs-all-areas-2025.json"),
        ("statfin/vkour/12bs#age", "12bs-all-areas-2025.json"),
        ("statfin/tyonv/12r5", "12r5-all-areas-2026M06.json"),
        ("statfin/tjt/14ww", "14ww-all-areas-2024.json"),
    ],
)
def test_every_content_of_a_recorded_table_is_found_once(
    catalogue: Catalogue, recordings: Path, dataset_id: str, recording: str
) -> None:
    answer = json.loads((recordings / "statfin" / recording).read_text(encoding="utf-8"))
    columns = [(one["code"], one["text"]) for one in answer["columns"] if one["type"] == "c"]
    variables = {_squeezed(one["text"]) for one in answer["columns"] if one["type"] in ("d", "t")}
    query = catalogue.datasets[dataset_id].query
    assert query is not None
    assert {_squeezed(text) for text in query.area} & variables
    assert {_squeezed(text) for text in query.time} & variables
    for choice in query.contents:
        found = [code for code, text in columns if _fits(choice, code, text)]
        if choice.key == "share_foreign_language":  # not among the four contents of the recording
            assert not found
        else:
            assert len(found) == 1, (choice.key, found)


def test_known_values_are_those_of_the_recordings(catalogue: Catalogue, recordings: Path) -> None:
    answer = json.loads(
        (recordings / "statfin" / "121w-all-municipalities-2025.json").read_text(encoding="utf-8")
    )
    codes = [one["code"] for one in answer["columns"] if one["type"] == "c"]
    column = codes.index("ssaaty-koknetmuutto")
    published = {row["key"][1]: float(row["values"][column]) for row in answer["data"]}
    known = catalogue.indicators["net_migration_total"].known_values
    assert known == {code: ("2025", published[code]) for code in ("KU205", "SSS")}


def test_the_summary_says_what_is_there(catalogue: Catalogue) -> None:
    text = "\n".join(check_summary(catalogue))
    for part in (
        "areas: 7, goals: 20, clusters: 4, measures: 79",
        "meters: 108 ",
        "measures that name no meter: 1",
        f"indicators: {AUTOMATIC + 48}, of them automatic: {AUTOMATIC}, by hand: 48",
        "sources: 14",
        "statfin: 51 (automatic)",
        "headline: 10",
    ):
        assert part in text
    by_label = Counter(one.labels for one in catalogue.datasets.values())
    assert f"verified: {by_label['verified']}, partly: {by_label['partly']}" in text


def test_the_mappings_cannot_be_changed(catalogue: Catalogue) -> None:
    with pytest.raises(TypeError):
        catalogue.datasets["x"] = catalogue.datasets["statfin/ssaaty/121w"]  # type: ignore[index]
