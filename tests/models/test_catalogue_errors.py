"""A catalogue that does not hold together is refused; every problem is one line with its file and line."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import load_catalogue
from models.catalogue.files import catalogue_files
from models.errors import CatalogueError

# A small second municipality: one area, one goal, two measures, two datasets, three indicators.
FILES = {
    "programme.yaml": """\
id: pikkula-2024-2028
title_fi: Pikkulan ohjelma
title_sv: Lilleby program
title_en: Programme of Pikkula
municipality: KU001
first_year: 2024
last_year: 2028
parties:
  pikkula: {name_fi: Pikkulan kunta, type: city}
""",
    "areas.yaml": """\
focus: KU001
region: MK99
region_municipalities: [KU001, KU002]
country: SSS
groups:
  neighbour: {name_fi: Naapurit, name_en: Neighbours, note_fi: Rinnalla., note_en: Beside.}
peers:
- {area: KU003, group: neighbour, why_fi: lähellä, why_en: near}
areas:
  KU001: {level: municipality, name_fi: Pikkula}
  KU002: {level: municipality, name_fi: Isola}
  KU003: {level: municipality, name_fi: Naapurila}
  MK99: {level: region, name_fi: Maakunta}
  SSS: {level: country, name_fi: Koko maa}
  EFPI: {level: airport, name_fi: Pikkula}
""",
    "sources.yaml": """\
statfin:
  name_fi: Tilastokeskus
  name_en: Statistics Finland
  base_url: https://pxdata.stat.fi/PXWeb/api/v1
  licence: CC BY 4.0
  attribution_fi: 'Lähde: Tilastokeskus'
  attribution_en: 'Source: Statistics Finland'
  automatic: true
manual:
  name_fi: Kirjattu
  name_en: Entered
  attribution_fi: ilmoitus
  attribution_en: reported
  automatic: false
""",
    "measures/1.yaml": """\
id: '1'
name_fi: Väki
name_sv: Folk
name_en: People
goals:
  '1.1':
    text_fi: Väki lisääntyy
    measures:
      1.1.01:
        order: 1
        short_fi: Muutto
        text_fi: Houkutellaan muuttajia
        responsible: [{text_fi: Kunta, parties: [pikkula]}]
        meters:
          1.1.01-m1: {text_fi: Nettomuutto, kind: open_data, indicators: [net_migration]}
          1.1.01-m2: {text_fi: Toteutumatieto, kind: narrative, reporter: pikkula}
      1.1.02:
        order: 2
        short_fi: Kysely
        text_fi: Kysytään asukkailta
        responsible: [{text_fi: Kunta, parties: [pikkula]}]
        meters:
          1.1.02-m1:
            text_fi: Tyytyväisyys
            kind: survey
            indicators: [srv_satisfaction]
            reporter: pikkula
""",
    "datasets/statfin.yaml": """\
statfin/x/1a:
  title_fi: Muutto
  title_en: Migration
  frequency: annual
  first_period: '1990'
  lag_days: 150
  grace_days: 45
  lag_fi: noin 5 kuukautta
  lag_en: about 5 months
  labels: verified
  query:
    area: [Alue]
    levels: [municipality, country]
    time: [Vuosi]
    contents:
      net: {label: [Nettomuutto], code: [netto], unit: persons, summable: true}
      rate: {label: [Osuus], unit: '%'}
    classes:
      age:
        variable: [Ikä]
        take:
          a20_24: {label: ['20-24']}
          a25_29: {label: ['25-29']}
    totals: {sex: [Sukupuoli]}
""",
    "indicators/people.yaml": """\
net_migration:
  name_fi: Nettomuutto
  name_sv: Nettoflyttning
  name_en: Net migration
  kind: open_data
  role: meter
  programme_areas: ['1']
  goals: ['1.1']
  meters: [1.1.01-m1]
  inputs:
    net: {dataset: statfin/x/1a, content: net, classes: {age: [a20_24, a25_29]}}
  formula: sum(net)
  labels: verified
  region: sum
  unit: persons
  unit_fi: henkilöä
  direction: up
  valid_range: [-1000, 1000]
  known_values: {'2025': {KU001: 12}}
share_moving:
  name_fi: Osuus
  name_sv: Andel
  name_en: Share
  kind: open_data
  role: context
  programme_areas: ['1']
  context_measures: [1.1.02]
  input: {dataset: statfin/x/1a, content: rate, classes: {age: a20_24}}
  labels: partly
  region: none
  unit: '%'
  unit_fi: '%'
  direction: neutral
  valid_range: [0, 100]
""",
    "indicators/manual.yaml": """\
srv_satisfaction:
  name_fi: Tyytyväisyys
  name_sv: Nöjdhet
  name_en: Satisfaction
  kind: survey
  role: meter
  programme_areas: ['1']
  meters: [1.1.02-m1]
  source: manual
  reporter: pikkula
  frequency: per_survey
  area_levels: [municipality]
  unit: score
  unit_fi: arvosana
  direction: up
  lag_fi: ilmoituksen mukaan
  lag_en: as reported
  valid_range: [0, null]
""",
}
PEOPLE = "indicators/people.yaml"
MANUAL = "indicators/manual.yaml"
DATASETS = "datasets/statfin.yaml"
MEASURES = "measures/1.yaml"

Change = Callable[..., list[str]]


def _write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def _problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """The problems of the small catalogue after `old` (which stands once in `file`) has become `new`."""

    def change(file: str, old: str, new: str) -> list[str]:
        assert FILES[file].count(old) == 1
        return _problems(_write(tmp_path / "pikkula", {**FILES, file: FILES[file].replace(old, new)}))

    return change


def _line(file: str, text: str) -> int:
    """The line in which `text` stands in a file of the small catalogue."""
    return FILES[file][: FILES[file].index(text)].count("\n") + 1


def test_a_small_folder_of_another_municipality_loads(tmp_path: Path) -> None:
    catalogue = load_catalogue(_write(tmp_path / "pikkula", dict(FILES)))
    assert list(catalogue.indicators) == ["srv_satisfaction", "net_migration", "share_moving"]
    assert catalogue.areas.subregion is None
    net = catalogue.indicators["net_migration"]
    assert net.inputs["net"].classes == {"age": ("a20_24", "a25_29"), "sex": ("total",)}
    assert (net.frequency, net.source, net.area_levels) == ("annual", "statfin", ("municipality", "country"))
    assert (net.lag_fi, net.first_period) == ("noin 5 kuukautta", "1990")
    assert catalogue.indicators["share_moving"].inputs["value"].classes["age"] == ("a20_24",)
    assert [area.code for area in catalogue.areas_for("statfin/x/1a")] == ["KU001", "SSS", "KU003", "KU002"]


def test_the_line_names_file_line_entry_and_known_keys(changed: Change) -> None:
    (problem,) = changed(PEOPLE, "  formula: sum(net)\n", "  formula: sum(net)\n  fomula: net\n")
    line = _line(PEOPLE, "  formula:") + 1
    start = (
        f"pikkula/indicators/people.yaml:{line}: indicator 'net_migration': unknown key 'fomula'; known keys"
    )
    assert problem.startswith(start)
    assert "formula" in problem.partition("known keys")[2]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "said"),
    [
        pytest.param(
            PEOPLE,
            "  unit: persons\n",
            "",
            "net_migration:",
            "indicator 'net_migration': 'unit' is missing",
            id="a unit is missing",
        ),
        pytest.param(
            PEOPLE,
            "  unit: persons",
            "  unit: ''",
            "  unit: persons",
            "'unit' is empty",
            id="a unit is empty",
        ),
        pytest.param(
            PEOPLE, "  unit: persons", "  unit:", "  unit: persons", "'unit' is empty", id="a unit is null"
        ),
        pytest.param(
            PEOPLE,
            "  unit: persons",
            "  unit: [persons]",
            "  unit: persons",
            "'unit' must be text, not a list",
            id="a wrong type",
        ),
        pytest.param(
            MEASURES,
            "        order: 2",
            "        order: two",
            "        order: 2",
            "'order' must be a whole number, not text",
            id="text for a number",
        ),
        pytest.param(
            DATASETS,
            "summable: true",
            "summable: 1",
            "      net:",
            "'summable' must be true or false, not a number",
            id="a number for a flag",
        ),
        pytest.param(
            PEOPLE,
            "goals: ['1.1']",
            "goals: [1.1]",
            "goals: ['1.1']",
            "'goals' must be text, not a number; write it in quotes: '1.1'",
            id="a code without quotes",
        ),
        pytest.param(
            MEASURES,
            "  '1.1':",
            "  1.10:",
            "  '1.1':",
            "a key must be text, not a number; write it in quotes: '1.10'",
            id="a key without quotes",
        ),
        pytest.param(
            DATASETS,
            "first_period: '1990'",
            "first_period: 1990",
            "first_period",
            "'first_period' must be text, not a number; write it in quotes: '1990'",
            id="a year without quotes",
        ),
        pytest.param(
            "programme.yaml",
            "first_year: 2024",
            "first_year: 2030",
            "id:",
            "'last_year' 2028 is before 'first_year' 2030",
            id="years reversed",
        ),
        pytest.param(
            PEOPLE,
            "{dataset: statfin/x/1a, content: rate",
            "{dataset: statfin/x/9z, content: rate",
            "  input:",
            "indicator 'share_moving': input: there is no dataset 'statfin/x/9z'",
            id="no such dataset",
        ),
        pytest.param(
            PEOPLE,
            "content: rate",
            "content: rates",
            "  input:",
            "dataset 'statfin/x/1a' has no content 'rates'; it has net, rate",
            id="no such content",
        ),
        pytest.param(
            PEOPLE,
            "classes: {age: a20_24}",
            "classes: {agee: a20_24}",
            "  input:",
            "dataset 'statfin/x/1a' has no class 'agee'; it has age, sex",
            id="no such class",
        ),
        pytest.param(
            PEOPLE,
            "classes: {age: a20_24}",
            "classes: {age: a20_25}",
            "  input:",
            "class 'age' has no 'a20_25'; it has a20_24, a25_29",
            id="no such class key",
        ),
        pytest.param(
            PEOPLE,
            ", classes: {age: a20_24}",
            "",
            "  input:",
            "say under 'classes' which of 'age': a20_24, a25_29",
            id="a class left open",
        ),
        pytest.param(
            PEOPLE,
            "meters: [1.1.01-m1]",
            "meters: [1.1.01-m9]",
            "  meters:",
            "indicator 'net_migration': there is no meter '1.1.01-m9'",
            id="no such meter",
        ),
        pytest.param(
            PEOPLE,
            "context_measures: [1.1.02]",
            "context_measures: [1.1.12]",
            "  context_measures",
            "there is no measure '1.1.12'",
            id="no such measure",
        ),
        pytest.param(
            PEOPLE,
            "goals: ['1.1']",
            "goals: ['1.2']",
            "  goals:",
            "there is no goal '1.2'",
            id="no such goal",
        ),
        pytest.param(
            MANUAL,
            "reporter: pikkula",
            "reporter: isola",
            "  reporter",
            "there is no party 'isola'",
            id="no such party",
        ),
        pytest.param(
            MANUAL,
            "source: manual",
            "source: manul",
            "  source",
            "there is no source 'manul'",
            id="no such source",
        ),
        pytest.param(
            MANUAL,
            "source: manual",
            "source: statfin",
            "srv_satisfaction",
            "is entered by hand, but source 'statfin' is automatic",
            id="by hand from a machine",
        ),
        pytest.param(
            DATASETS,
            "statfin/x/1a:",
            "statfinn/x/1a:",
            "statfin/x/1a:",
            "dataset 'statfinn/x/1a': there is no source 'statfinn'",
            id="a dataset of no source",
        ),
        pytest.param(
            MEASURES,
            "[net_migration]",
            "[net_migratoin]",
            "          1.1.01-m1",
            "there is no indicator 'net_migratoin'",
            id="no such indicator",
        ),
        pytest.param(
            "programme.yaml",
            "municipality: KU001",
            "municipality: KU404",
            "municipality",
            "there is no area 'KU404'",
            id="no such area",
        ),
        pytest.param(
            PEOPLE,
            "{KU001: 12}",
            "{KU404: 12}",
            "  known_values",
            "there is no area 'KU404'",
            id="a known value of no area",
        ),
        pytest.param(
            PEOPLE,
            "{KU001: 12}",
            "{KU001: 1200}",
            "  known_values",
            "1200 of 'KU001' is outside 'valid_range'",
            id="a known value out of bounds",
        ),
        pytest.param(
            PEOPLE,
            "formula: sum(net)",
            "formula: sum(net",
            "  formula",
            "the formula 'sum(net' does not parse",
            id="a formula that does not parse",
        ),
        pytest.param(
            PEOPLE,
            "formula: sum(net)",
            "formula: sum(gross)",
            "  formula",
            "the formula 'sum(gross)' reads 'gross', which is none of net",
            id="a formula with an unknown name",
        ),
        pytest.param(
            PEOPLE,
            "  formula: sum(net)",
            "    rate: {dataset: statfin/x/1a, content: rate, classes: {age: a20_24}}\n  formula: sum(net)",
            "  labels: verified",
            "the formula 'sum(net)' does not use the input 'rate'",
            id="an input that is not used",
        ),
        pytest.param(
            PEOPLE,
            "formula: sum(net)",
            "formula: net / 2",
            "  formula",
            "'net' has several keys of 'age': write e.g. sum(net)",
            id="several classes outside a function",
        ),
        pytest.param(
            PEOPLE,
            "  formula: sum(net)\n",
            "",
            "net_migration:",
            "'formula' is missing",
            id="inputs without a formula",
        ),
        pytest.param(
            PEOPLE,
            "kind: open_data\n  role: context",
            "kind: opendata\n  role: context",
            "  kind: open_data\n  role: context",
            "'kind' is 'opendata', which is none of open_data, proxy, survey, administrative",
            id="a bad kind",
        ),
        pytest.param(
            PEOPLE,
            "direction: up",
            "direction: upp",
            "  direction: up",
            "'direction' is 'upp', which is none of up, down, neutral",
            id="a bad direction",
        ),
        pytest.param(
            DATASETS,
            "frequency: annual",
            "frequency: yearly",
            "  frequency",
            "'frequency' is 'yearly', which is none of annual",
            id="a bad frequency",
        ),
        pytest.param(
            DATASETS,
            "levels: [municipality, country]",
            "levels: [municipal, country]",
            "    levels",
            "'levels' is 'municipal', which is none of municipality",
            id="a bad level",
        ),
        pytest.param(
            DATASETS,
            "first_period: '1990'",
            "first_period: 1990M01",
            "  first_period",
            "'first_period' is 1990M01, but 'frequency' is annual",
            id="a period that does not fit",
        ),
        pytest.param(
            PEOPLE,
            "[-1000, 1000]",
            "[1000, -1000]",
            "  valid_range: [-1000",
            "'valid_range' is reversed: 1000 is not below -1000",
            id="a reversed range",
        ),
        pytest.param(
            PEOPLE,
            "[-1000, 1000]",
            "[-1000]",
            "  valid_range: [-1000",
            "'valid_range' must be a list of two",
            id="half a range",
        ),
        pytest.param(
            PEOPLE,
            "region: sum",
            "region: direct",
            "  region: sum",
            "'region' is 'direct', but its datasets have no areas of the level 'region'",
            id="a region that is not there",
        ),
        pytest.param(
            DATASETS,
            ", summable: true",
            "",
            None,
            "'region' is 'sum', but 'net' of 'statfin/x/1a' is not 'summable'",
            id="a sum of what cannot be summed",
        ),
        pytest.param(
            DATASETS,
            "net: {label: [Nettomuutto], code: [netto],",
            "net: {",
            "      net:",
            "one of 'label', 'starts_with', 'code' (or 'total') is needed to find it",
            id="a content that cannot be found",
        ),
        pytest.param(
            DATASETS,
            "a20_24: {label: ['20-24']}",
            "20-24: {label: ['20-24']}",
            "          a20_24",
            "a key is made of small letters a-z, digits and _",
            id="a key that is no key",
        ),
        pytest.param(
            MEASURES,
            "1.1.01-m2: {text_fi: Toteutumatieto, kind: narrative, reporter: pikkula}",
            "1.1.01-m2: {text_fi: Toteutumatieto, kind: narrative}",
            "          1.1.01-m2",
            "meter '1.1.01-m2': 'reporter' is missing",
            id="nobody reports",
        ),
        pytest.param(
            MEASURES,
            "kind: survey",
            "kind: open_data",
            "          1.1.02-m1",
            "is of kind 'open_data', but its indicators are of kind survey",
            id="a meter of another kind than its indicators",
        ),
        pytest.param(
            MEASURES,
            "      1.1.02:",
            "      1.2.02:",
            "      1.1.02:",
            "the id of a measure here must begin with '1.1.'",
            id="an id of another goal",
        ),
        pytest.param(
            MEASURES,
            "order: 2",
            "order: 1",
            "      1.1.02:",
            "'order' is 1, 2 was expected",
            id="an order given twice",
        ),
        pytest.param(
            "areas.yaml",
            "focus: KU001",
            "focus: MK99",
            "focus",
            "'focus' must be a municipality, and 'MK99' is a region",
            id="a focus of another level",
        ),
        pytest.param(
            "programme.yaml",
            "municipality: KU001",
            "municipality: KU002",
            "municipality",
            "'municipality' is KU002, but the focus of areas.yaml KU001",
            id="a programme of another municipality",
        ),
        pytest.param(
            "areas.yaml",
            "region_municipalities: [KU001, KU002]",
            "region_municipalities: [KU001]",
            "  KU002",
            "area 'KU002' has no role",
            id="an area nobody needs",
        ),
        pytest.param(
            "sources.yaml",
            "base_url: https",
            "base_url: htp",
            "statfin:",
            "'base_url' is 'htp://pxdata.stat.fi/PXWeb/api/v1'",
            id="an address that is none",
        ),
        pytest.param(
            "areas.yaml",
            "why_fi: lähellä, ",
            "",
            "- {area: KU003",
            "'why_fi' is missing",
            id="English without Finnish",
        ),
    ],
)
def test_each_kind_of_mistake_gives_its_line(
    changed: Change, file: str, old: str, new: str, line: str | None, said: str
) -> None:
    problems = changed(file, old, new)
    where = "" if line is None else f"pikkula/{file}:{_line(file, line)}: "
    assert [one for one in problems if one.startswith(where or "pikkula/") and said in one], problems


def test_files_of_the_packaged_catalogue_are_named_from_the_projects_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**FILES, PEOPLE: FILES[PEOPLE].replace("  direction: up\n", "")}
    monkeypatch.setattr("models.catalogue.load.PACKAGED", _write(tmp_path / "any", dict(files)))
    with pytest.raises(CatalogueError) as caught:
        load_catalogue()
    text = "models/catalogue/indicators/people.yaml:1: indicator 'net_migration': 'direction' is missing"
    assert caught.value.problems == [text]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("indicators: [net_migration]", "indicators: [net_migration, share_moving]", id="meter"),
        pytest.param("indicators: [srv_satisfaction]", "indicators: [net_migration]", id="indicator"),
    ],
)
def test_meters_and_indicators_must_list_each_other(changed: Change, old: str, new: str) -> None:
    problems = "\n".join(changed(MEASURES, old, new))
    assert "which does not list this" in problems


def test_a_second_entry_of_the_same_id_is_found_across_files(tmp_path: Path) -> None:
    files = {**FILES, "indicators/again.yaml": FILES[MANUAL]}
    (problem,) = _problems(_write(tmp_path / "pikkula", dict(files)))
    assert problem == (
        "pikkula/indicators/manual.yaml:1: duplicate indicator 'srv_satisfaction'; "
        "the first stands at pikkula/indicators/again.yaml:1"
    )


def test_a_key_given_twice_in_one_file_is_found(changed: Change) -> None:
    (problem,) = changed(PEOPLE, "  region: sum\n", "  region: sum\n  region: none\n")
    line = _line(PEOPLE, "  region: sum")
    assert problem == f"pikkula/{PEOPLE}:{line + 1}: the key 'region' stands twice; first in line {line}"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    files = {
        **FILES,
        PEOPLE: FILES[PEOPLE].replace("  unit: persons\n", "").replace("direction: neutral", "direction: x"),
        MANUAL: FILES[MANUAL].replace("reporter: pikkula", "reporter: isola"),
        "sources.yaml": FILES["sources.yaml"].replace("  licence: CC BY 4.0\n", ""),
    }
    problems = _problems(_write(tmp_path / "pikkula", dict(files)))
    assert [re.sub(r"^.*?: ", "", problem) for problem in problems] == [
        "indicator 'srv_satisfaction': there is no party 'isola'",
        "indicator 'net_migration': 'unit' is missing",
        "indicator 'share_moving': 'direction' is 'x', which is none of up, down, neutral",
        "source 'statfin': 'licence' is missing",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "1: the file is empty", id="empty"),
        pytest.param(b"# only a comment\n", "1: the file is empty", id="a comment"),
        pytest.param(b"a: 1\nb: \xe4\xe4\n", "2: the file is not UTF-8 (byte 8)", id="latin 1"),
        pytest.param(b"a: [1, 2\nb: 3\n", "2: this is not YAML: ", id="an open bracket"),
        pytest.param(b"a: 1\n\tb: 2\n", "2: this is not YAML: ", id="a tab"),
        pytest.param(b"a: 1\n---\nb: 2\n", "2: this is not YAML: ", id="two documents"),
        pytest.param(b"a: \x01\n", "1: this is not YAML: ", id="a control character"),
        pytest.param(b"- a\n- b\n", "1: the file must be a set of keys, not a list", id="a list"),
        pytest.param(b"just text\n", "1: the file must be a set of keys, not text", id="text"),
        pytest.param(
            b"a: !!python/object/apply:os.getcwd []\n",
            "1: the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd' is not allowed: plain YAML only",
            id="a Python object",
        ),
        pytest.param(b"a: !secret x\n", "1: the tag '!secret' is not allowed: plain YAML only", id="a tag"),
        pytest.param(
            b"a: &a [*a]\n", "1: the file is nested too deeply, or an anchor", id="an endless anchor"
        ),
        pytest.param(b"[" * 5000, "1: ", id="endless nesting"),
        pytest.param(b"a: .nan\n", "1: '.nan' is no number that can be used here", id="not a number"),
        pytest.param(b'a: "\\ud800"\n', "1: the text has half a character", id="half a character"),
        pytest.param(
            b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + b"".join(
                b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 9)
            ),
            "nested too deeply, or an anchor",
            id="anchors within anchors",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_nothing_else(
    tmp_path: Path, content: bytes, said: str
) -> None:
    problems = _problems(_write(tmp_path / "pikkula", {**FILES, PEOPLE: content}))
    assert len(problems) == 1
    assert problems[0].startswith(f"pikkula/{PEOPLE}:")
    assert said in problems[0]


def test_anchors_are_welcome(tmp_path: Path) -> None:
    text = FILES["sources.yaml"].replace("licence: CC BY 4.0", "licence: &open CC BY 4.0")
    text = text.replace("  name_en: Entered\n", "  name_en: Entered\n  licence: *open\n")
    catalogue = load_catalogue(_write(tmp_path / "pikkula", {**FILES, "sources.yaml": text}))
    assert catalogue.sources["manual"].licence == "CC BY 4.0"


def test_a_missing_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path / "nowhere")
    assert problem == f"{tmp_path / 'nowhere'}: there is no such catalogue folder; see MITTARISTO_PROGRAMME"


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if not name.startswith(("areas", "measures"))}
    assert _problems(_write(tmp_path / "pikkula", dict(files))) == [
        "pikkula/areas.yaml:1: the file is missing",
        "pikkula/measures:1: the folder is missing, or has no .yaml file",
    ]


def test_a_file_that_would_be_overlooked_is_refused(tmp_path: Path) -> None:
    files = {**FILES, "indicators/more.yml": "x: 1\n", "indicator/more.yaml": "x: 1\n"}
    problems = _problems(_write(tmp_path / "pikkula", dict(files)))
    assert problems == [
        "pikkula/indicator/more.yaml:1: this file is not part of a catalogue, which has programme.yaml, "
        "areas.yaml, sources.yaml, exceptions.yaml and files in measures/, datasets/, indicators/",
        "pikkula/indicators/more.yml:1: the name of a catalogue file ends in .yaml; rename it",
    ]


@pytest.mark.parametrize("name", [b"datasets/j\xe4rvi.yaml", b"\xff/1.yml"])
def test_a_file_whose_name_is_not_utf_8_is_said_in_one_line(tmp_path: Path, name: bytes) -> None:
    folder = _write(tmp_path / "pikkula", dict(FILES))
    path = folder / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("a: 1\n")
    shown = name.decode("utf-8", "backslashreplace")
    assert _problems(folder) == [f"{shown}: the name of the file is not UTF-8; rename it"]


def test_a_division_whose_name_is_not_utf_8_is_said_in_one_line(tmp_path: Path) -> None:
    folder = _write(tmp_path / "pikkula", dict(FILES))
    (folder / "divisions").mkdir()
    (folder / "divisions" / os.fsdecode(b"v\xe4h\xe4.csv")).write_text("")
    with pytest.raises(CatalogueError, match="not UTF-8") as caught:
        catalogue_files(folder)
    assert caught.value.problems == [
        "divisions/v\\xe4h\\xe4.csv: the name of the file is not UTF-8; rename it"
    ]


def test_the_fingerprint_follows_the_content_and_not_the_form(tmp_path: Path) -> None:
    first = load_catalogue(_write(tmp_path / "a", dict(FILES)))
    comment = {**FILES, PEOPLE: "# a comment\n" + FILES[PEOPLE].replace("[-1000, 1000]", "[ -1000,  1000 ]")}
    same = load_catalogue(_write(tmp_path / "b", dict(comment)))
    other = {**FILES, PEOPLE: FILES[PEOPLE].replace("[-1000, 1000]", "[-1000, 1001]")}
    different = load_catalogue(_write(tmp_path / "c", dict(other)))
    assert first.fingerprint == same.fingerprint != different.fingerprint
    assert re.fullmatch(r"[0-9a-f]{64}", first.fingerprint)


def test_a_datasets_fingerprint_follows_its_entry_and_its_areas_alone(tmp_path: Path) -> None:
    def fingerprint(name: str, files: dict[str, str]) -> str:
        folder = _write(tmp_path / name, {**FILES, **files})
        return load_catalogue(folder).dataset_fingerprint("statfin/x/1a")

    first = fingerprint("a", {})
    assert fingerprint("b", {PEOPLE: FILES[PEOPLE].replace("Nettomuutto", "Netto")}) == first
    assert fingerprint("c", {DATASETS: FILES[DATASETS].replace("'25-29'", "'25 - 29'")}) != first
    areas = FILES["areas.yaml"].replace("KU003", "KU004")
    assert fingerprint("d", {"areas.yaml": areas}) != first


_pieces = st.sampled_from(
    [
        "",
        "\n",
        ":",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "&a ",
        "*a",
        "!x ",
        "!!set ",
        "? ",
        "|",
        ">",
        "#",
        "null",
        "true",
        "1.10",
        "2026-01-01",
        "0x",
        "\t",
        "  ",
        "ä",
        "\x00",
        "\ud7ff",
        "%YAML 9\n",
        "---\n",
        "<<: ",
    ]
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_however_a_file_is_mutilated_only_a_catalogue_error_comes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(sorted(FILES)))
    text = FILES[file]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.sampled_from([0, 0, 1, 2, 10, 80]))
        text = text[:start] + data.draw(_pieces) + text[end:]
    folder = _write(tmp_path_factory.mktemp("mutilated"), {**FILES, file: text})
    try:
        load_catalogue(folder)
    except CatalogueError as error:
        assert error.problems
        assert all(re.match(r"^\S+?(\.yaml|/\w+):\d+: .", problem) for problem in error.problems)


@settings(max_examples=100, deadline=None)
@given(
    content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_whatever_bytes_a_file_holds_only_a_catalogue_error_comes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = _write(tmp_path_factory.mktemp("bytes"), {**FILES, DATASETS: content})
    with pytest.raises(CatalogueError):
        load_catalogue(folder)
