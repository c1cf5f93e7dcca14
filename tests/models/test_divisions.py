"""The division into municipalities and regions over the years: who followed whom, who belongs where, and sums."""

import csv
from dataclasses import replace
from itertools import count

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.area import Area, level_of_code
from models.catalogue import Areas, Catalogue, load_catalogue
from models.dataset import ContentChoice, Dataset, TableQuery
from models.derive import indicator_values
from models.divisions import (
    PACKAGED,
    AreaChange,
    Division,
    DivisionError,
    Municipality,
    divisions_of,
    load_division,
    load_divisions,
    region_members,
    stamp_year,
    sum_members,
)
from models.errors import CatalogueError, MittaristoError
from models.formula import parse_formula
from models.indicator import Indicator, Input
from models.observation import OBSERVATION_COLUMNS

KAINUU = ("KU105", "KU205", "KU290", "KU578", "KU620", "KU697", "KU765", "KU777")


def a_division(year, regions, names=None, **changes):
    """The division of `year`: municipality → region; each bears its code as its name, if `names` has no other."""
    named = {code: (names or {}).get(code, code) for code in regions}
    wanted = {
        "year": year,
        "municipalities": {code: Municipality(code, name, name, name) for code, name in named.items()},
        "region_of": dict(regions),
        "regions": {code: Area(code, "region", code) for code in regions.values()},
    }
    return Division(**(wanted | changes))


def regions_of(division):
    return dict(division.region_of)


# --- the real ones ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known():
    return load_divisions()


@pytest.fixture(scope="module")
def present():
    return load_division(2026)


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


class TestThePresent:
    def test_there_are_308_municipalities_in_69_sub_regions_and_19_regions(self, present):
        assert (len(present.municipalities), len(present.subregions), len(present.regions)) == (308, 69, 19)

    def test_every_municipality_is_in_one_region_and_one_sub_region_which_lies_in_that_region(self, present):
        for held, members in ((present.regions, 308), (present.subregions, 308)):
            listed = [code for area in held for code in present.members(area)]
            assert len(listed) == len(set(listed)) == members
        for code in present.subregions:
            assert len({present.region(one) for one in present.members(code)}) == 1

    def test_kainuu_has_its_eight_municipalities_and_vaala_is_not_one_of_them(self, present):
        assert present.members("MK18") == KAINUU
        assert present.region("KU785") == "MK17"

    def test_the_sub_region_of_kajaani_has_four(self, present):
        assert present.members("SK182") == ("KU205", "KU578", "KU697", "KU765")
        assert present.subregion("KU290") == "SK181"

    def test_names_are_there_in_three_languages(self, present):
        kajaani = present.municipalities["KU205"]
        assert (kajaani.name_fi, kajaani.name_sv, kajaani.name_en) == ("Kajaani", "Kajana", "Kajaani")
        assert present.regions["MK18"] == Area("MK18", "region", "Kainuu", "Kajanaland", "Kainuu")
        assert present.regions["MK02"].name_en == "Southwest Finland"
        for level in ("municipality", "subregion", "region"):
            for area in present.areas(level):
                assert area.level == level == level_of_code(area.code)
                for name in (area.name_fi, area.name_sv, area.name_en):
                    assert name and name == name.strip()

    def test_the_catalogues_region_is_the_one_of_the_present_division(self, present, catalogue):
        areas = catalogue.areas
        assert tuple(sorted(one.code for one in areas.region_municipalities)) == present.members(
            areas.region.code
        )
        assert areas.subregion is not None
        assert areas.focus.code in present.members(areas.subregion.code)

    def test_the_catalogues_names_are_those_of_the_division(self, present, catalogue):
        named = {one.code: one for level in ("municipality", "region") for one in present.areas(level)}
        for area in catalogue.all_areas():
            if area.level in ("municipality", "region"):
                assert area == named[area.code]

    def test_it_agrees_with_the_municipal_key_of_2026(self, present, recordings):
        with (recordings / "geodata" / "municipality_key_2026.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 308
        for row in rows:
            code = f"KU{int(row['kunta']):03d}"
            one = present.municipalities[code]
            assert (one.name_fi, one.name_sv) == (row["name_fi"], row["name_sv"].strip())
            assert present.region(code) == f"MK{int(row['maakunta_code']):02d}"
            assert present.subregion(code) == f"SK{int(row['seutukunta_code']):03d}"
            assert present.regions[present.region(code)].name_fi == row["maakunta_name_fi"]

    def test_it_has_the_municipalities_that_statfin_has(self, present, recordings):
        meta = orjson.loads((recordings / "statfin" / "11re-metadata.fi.json").read_bytes())
        (areas,) = (one for one in meta["variables"] if one["code"].startswith("alue"))
        assert stamp_year(areas["code"], areas["map"]) == 2026
        texts = dict(zip(areas["values"], areas["valueTexts"], strict=True))
        del texts["SSS"]
        assert texts == {code: one.name_fi for code, one in present.municipalities.items()}

    def test_the_files_say_where_they_are_from_and_under_which_licence(self):
        for path in PACKAGED.glob("*.csv"):
            text = path.read_text(encoding="utf-8")
            assert "# licence: CC BY 4.0" in text
            assert "# source: Tilastokeskus" in text


class TestKainuuOverTheYears:
    def test_vuolijoki_merged_into_kajaani_at_the_start_of_2007(self, known):
        assert AreaChange(2007, "merged", ("KU205", "KU940"), ("KU205",)) in known.changes
        assert known.successors("KU940", 2006) == ("KU205",)
        assert known.predecessors("KU205", 2026) == ("KU205", "KU940")
        assert known.municipality("KU940", 2006).valid_to == 2006
        with pytest.raises(
            DivisionError, match=r"^the division of 2007 does not tell the municipality KU940"
        ):
            known.municipality("KU940", 2007)

    def test_vaala_belonged_to_kainuu_through_2015_and_to_north_ostrobothnia_since(self, known):
        assert AreaChange(2016, "moved_region", ("KU785",), ("KU785",)) in known.changes
        assert [known.region_of("KU785", year) for year in (2005, 2015, 2016, 2026)] == [
            "MK18",
            "MK18",
            "MK17",
            "MK17",
        ]

    def test_its_members_are_those_of_the_year(self, known):
        assert known.members("MK18", 2006) == (*KAINUU, "KU785", "KU940")
        assert known.members("MK18", 2007) == known.members("MK18", 2015) == (*KAINUU, "KU785")
        assert all(known.members("MK18", year) == KAINUU for year in range(2016, 2027))

    def test_what_is_not_known_of_early_years_is_an_error_and_not_the_present(self, known):
        with pytest.raises(
            DivisionError, match=r"2010 does not tell the municipalities of MK17; it knows MK18"
        ):
            known.members("MK17", 2010)
        with pytest.raises(
            DivisionError, match=r"2010 does not tell the region of KU091; it knows MK18 only"
        ):
            known.region_of("KU091", 2010)
        with pytest.raises(
            DivisionError, match=r"2020 does not tell the sub-region of KU205; it knows no sub-"
        ):
            known.subregion_of("KU205", 2020)
        with pytest.raises(DivisionError, match=r"2004 is not known \(2005-2026 are\)"):
            known.members("MK18", 2004)


class TestTheCountrySince2020:
    def test_the_number_of_municipalities_is_the_published_one(self, known):
        counts = {year: len(one.municipalities) for year, one in known.by_year.items() if one.whole}
        assert counts == {2020: 310, 2021: 309, 2022: 309, 2023: 309, 2024: 309, 2025: 308, 2026: 308}

    def test_two_municipalities_merged_and_five_moved(self, known):
        assert [change for change in known.changes if change.year >= 2020] == [
            AreaChange(2021, "merged", ("KU099", "KU214"), ("KU214",)),
            *(
                AreaChange(2021, "moved_region", (code,), (code,))
                for code in ("KU090", "KU142", "KU152", "KU171", "KU291")
            ),
            AreaChange(2025, "merged", ("KU507", "KU588"), ("KU507",)),
        ]
        assert known.region_of("KU142", 2020) == "MK08" and known.region_of("KU142", 2021) == "MK07"

    def test_a_map_of_2020_finds_the_present_municipality_of_each_of_its_own(self, known, recordings):
        drawn = orjson.loads((recordings / "geodata" / "finland-munis-2020.topo.json").read_bytes())
        (shapes,) = drawn["objects"].values()
        codes = {f"KU{one['properties']['id']}" for one in shapes["geometries"]}
        assert codes == known.division(2020).municipalities.keys()
        present = {code: known.successors(code, 2020) for code in codes}
        assert {code for code, its in present.items() if its != (code,)} == {"KU099", "KU588"}
        assert {one for its in present.values() for one in its} == known.division(2026).municipalities.keys()

    def test_predecessors_go_as_far_back_as_is_known(self, known):
        assert known.predecessors("KU214", 2026) == ("KU099", "KU214")
        with pytest.raises(DivisionError, match="2019 does not tell what became KU099"):
            known.predecessors("KU214", 2026, since=2015)


# --- made-up ones -------------------------------------------------------------------------------------------


class TestAMerger:
    def test_two_become_one_under_the_code_of_one_of_them(self):
        known = divisions_of(
            [a_division(2000, {"KU001": "MK01", "KU002": "MK01"}), a_division(2001, {"KU001": "MK01"})],
            {2001: {"KU002": ("KU001",)}},
        )
        assert known.changes == (AreaChange(2001, "merged", ("KU001", "KU002"), ("KU001",)),)
        assert known.successors("KU001", 2000) == known.successors("KU002", 2000) == ("KU001",)
        assert known.predecessors("KU001", 2001) == ("KU001", "KU002")
        assert known.predecessors("KU001", 2001, since=2001) == ("KU001",)
        assert known.municipality("KU002", 2000).valid_to == 2000
        assert known.municipality("KU001", 2001) == Municipality("KU001", "KU001", "KU001", "KU001")

    def test_two_become_a_third(self):
        known = divisions_of(
            [a_division(2000, {"KU001": "MK01", "KU002": "MK01"}), a_division(2001, {"KU003": "MK01"})],
            {2001: {"KU001": ("KU003",), "KU002": ("KU003",)}},
        )
        assert known.changes == (AreaChange(2001, "merged", ("KU001", "KU002"), ("KU003",)),)
        assert known.municipality("KU003", 2001).valid_from == 2001
        assert known.municipality("KU001", 2000).valid_to == 2000

    def test_a_chain_of_mergers_is_followed_to_its_end(self):
        years = [
            a_division(2000, {"KU001": "MK01", "KU002": "MK01", "KU003": "MK01"}),
            a_division(2001, {"KU002": "MK01", "KU003": "MK01"}),
            a_division(2002, {"KU002": "MK01", "KU003": "MK01"}),
            a_division(2003, {"KU003": "MK01"}),
        ]
        known = divisions_of(years, {2001: {"KU001": ("KU002",)}, 2003: {"KU002": ("KU003",)}})
        assert known.successors("KU001", 2000) == ("KU003",)
        assert known.successors("KU001", 2000, until=2002) == ("KU002",)
        assert known.predecessors("KU003", 2003) == ("KU001", "KU002", "KU003")
        assert known.predecessors("KU003", 2003, since=2002) == ("KU002", "KU003")
        assert known.predecessors("KU003", 2002) == ("KU003",)

    def test_into_a_municipality_of_another_region_it_takes_its_area_there(self):
        known = divisions_of(
            [a_division(2000, {"KU001": "MK01", "KU002": "MK02", "KU003": "MK02"}),
             a_division(2001, {"KU001": "MK01", "KU003": "MK02"})],
            {2001: {"KU002": ("KU001",)}},
        )  # fmt: skip
        assert [one.kind for one in known.changes] == ["merged"]
        assert (known.members("MK02", 2000), known.members("MK02", 2001)) == (("KU002", "KU003"), ("KU003",))


class TestASplit:
    def test_one_is_divided_over_two_that_were_there(self):
        known = divisions_of(
            [
                a_division(2000, {"KU001": "MK01", "KU002": "MK02", "KU003": "MK01"}),
                a_division(2001, {"KU002": "MK02", "KU003": "MK01"}),
            ],
            {2001: {"KU001": ("KU003", "KU002")}},
        )
        assert known.changes == (AreaChange(2001, "split", ("KU001",), ("KU002", "KU003")),)
        assert known.successors("KU001", 2000) == ("KU002", "KU003")
        assert known.successors("KU002", 2000) == ("KU002",)
        assert known.predecessors("KU002", 2001) == ("KU001", "KU002")

    def test_a_part_becomes_one_of_its_own_and_the_rest_goes_on(self):
        known = divisions_of(
            [a_division(2000, {"KU001": "MK01"}), a_division(2001, {"KU001": "MK01", "KU002": "MK01"})],
            {2001: {"KU001": ("KU001", "KU002")}},
        )
        assert known.changes == (AreaChange(2001, "split", ("KU001",), ("KU001", "KU002")),)
        assert known.predecessors("KU002", 2001) == ("KU001",)
        assert known.municipality("KU001", 2000).valid_to is None
        assert known.municipality("KU002", 2001).valid_from == 2001

    def test_one_may_merge_while_another_goes_to_it_in_part(self):
        known = divisions_of(
            [
                a_division(2000, dict.fromkeys(("KU001", "KU002", "KU003", "KU004"), "MK01")),
                a_division(2001, {"KU003": "MK01", "KU004": "MK01"}),
            ],
            {2001: {"KU001": ("KU003",), "KU002": ("KU003", "KU004")}},
        )
        assert known.changes == (
            AreaChange(2001, "merged", ("KU001", "KU002", "KU003"), ("KU003",)),
            AreaChange(2001, "split", ("KU002",), ("KU003", "KU004")),
        )


class TestOtherChanges:
    def test_another_name_is_a_change_and_ends_the_time_of_the_first(self):
        years = [
            a_division(year, {"KU001": "MK01"}, {"KU001": "Uusi" if year > 2001 else "Vanha"})
            for year in (2000, 2001, 2002, 2003)
        ]
        known = divisions_of(years)
        assert known.changes == (AreaChange(2002, "renamed", ("KU001",), ("KU001",)),)
        assert known.municipality("KU001", 2000) == Municipality(
            "KU001", "Vanha", "Vanha", "Vanha", None, 2001
        )
        assert known.municipality("KU001", 2003) == Municipality("KU001", "Uusi", "Uusi", "Uusi", 2002, None)
        assert known.successors("KU001", 2000) == ("KU001",)

    def test_another_code_is_a_new_name_too(self):
        known = divisions_of(
            [a_division(2000, {"KU001": "MK01"}), a_division(2001, {"KU002": "MK01"})],
            {2001: {"KU001": ("KU002",)}},
        )
        assert known.changes == (AreaChange(2001, "renamed", ("KU001",), ("KU002",)),)

    def test_a_move_to_another_region_changes_the_members_of_both(self):
        before = {"KU001": "MK01", "KU002": "MK01", "KU003": "MK02"}
        known = divisions_of([a_division(2000, before), a_division(2001, {**before, "KU002": "MK02"})])
        assert known.changes == (AreaChange(2001, "moved_region", ("KU002",), ("KU002",)),)
        assert (known.region_of("KU002", 2000), known.region_of("KU002", 2001)) == ("MK01", "MK02")
        assert known.members("MK01", 2001) == ("KU001",)
        assert known.members("MK02", 2001) == ("KU002", "KU003")

    def test_years_without_a_difference_have_no_change(self):
        known = divisions_of([a_division(year, {"KU001": "MK01"}) for year in (2002, 2000, 2001)])
        assert (known.changes, known.oldest, known.newest) == ((), 2000, 2002)

    def test_swedish_and_english_names_may_become_better_known_without_a_change(self):
        later = a_division(2001, {"KU001": "MK01"})
        later = replace(later, municipalities={"KU001": Municipality("KU001", "KU001", "Ny", "New")})
        assert divisions_of([a_division(2000, {"KU001": "MK01"}), later]).changes == ()


class TestWhatDoesNotHoldTogether:
    ONE = a_division(2000, {"KU001": "MK01", "KU002": "MK01"})

    def refused(self, *years, became=None):
        with pytest.raises(DivisionError) as caught:
            divisions_of(years, became)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_a_municipality_that_ends_unexplained(self):
        text = self.refused(self.ONE, a_division(2001, {"KU001": "MK01"}))
        assert text == (
            "from the division of 2000 to that of 2001: KU002 KU002 ends, and nothing says what became of it; "
            "add the line '2001,KU002,<its successors>' in changes.csv of the divisions"
        )

    def test_a_municipality_that_begins_unexplained(self):
        text = self.refused(self.ONE, a_division(2001, {**regions_of(self.ONE), "KU003": "MK01"}))
        assert "KU003 KU003 is new, and nothing says where it came from; add the line '2001," in text

    def test_a_successor_that_is_not_there(self):
        text = self.refused(
            self.ONE, a_division(2001, {"KU001": "MK01"}), became={2001: {"KU002": ("KU009",)}}
        )
        assert "KU002 KU002 is said to have become KU009, but there is no KU009; correct it" in text

    def test_a_predecessor_that_was_not_there(self):
        text = self.refused(
            self.ONE, a_division(2001, regions_of(self.ONE)), became={2001: {"KU009": ("KU001",)}}
        )
        assert "KU009 is said to have become KU001, but there was no KU009; correct it" in text

    def test_a_year_that_is_missing(self):
        assert "the division of 2001 is missing between those of 2000 and 2002" in self.refused(
            self.ONE, replace(self.ONE, year=2002)
        )
        assert self.refused() == "there is no division of any year"

    def test_changes_of_years_still_to_come_wait_for_their_division(self):
        known = divisions_of([self.ONE], {2001: {"KU002": ("KU001",)}})
        assert known.changes == ()
        known = known.with_division(a_division(2001, {"KU001": "MK01"}))
        assert [one.kind for one in known.changes] == ["merged"]

    def test_a_division_of_a_year_that_is_known_is_put_in_its_place(self):
        known = divisions_of([self.ONE]).with_division(
            a_division(2000, regions_of(self.ONE), {"KU001": "Parempi"})
        )
        assert known.municipality("KU001", 2000).name_fi == "Parempi"
        assert len(known.by_year) == 1

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"region_of": {"KU001": "MK01"}}, r"KU002 KU002 is in no known region \(''\)"),
            (
                {"region_of": {"KU001": "MK01", "KU002": "MK02"}},
                r"KU002 KU002 is in no known region \('MK02'\)",
            ),
            (
                {"region_of": {"KU001": "MK01", "KU002": "MK01", "KU003": "MK01"}},
                "KU003 is in MK01, but is no municipality of that year",
            ),
            (
                {"regions": {code: Area(code, "region", code) for code in ("MK01", "MK02")}},
                "MK02 MK02 has no municipality",
            ),
            (
                {
                    "subregion_of": {"KU001": "SK011"},
                    "subregions": {"SK011": Area("SK011", "subregion", "a")},
                },
                r"KU002 KU002 is in no known sub-region \(''\)",
            ),
            ({"municipalities": {}, "region_of": {}, "regions": {}}, "it has no municipality"),
            (
                {
                    "municipalities": {"KU199": Municipality("KU199", "a", "a", "a")},
                    "region_of": {"KU199": "MK01"},
                },
                "'KU199' is no code of a municipality",
            ),
        ],
    )
    def test_a_division_in_which_something_belongs_nowhere(self, changes, text):
        with pytest.raises(DivisionError, match=rf"^the division of 2000: .*{text}"):
            replace(self.ONE, **changes)

    def test_a_sub_region_in_two_regions(self):
        with pytest.raises(DivisionError, match="sub-region SK011 lies in MK01 and MK02"):
            a_division(
                2000,
                {"KU001": "MK01", "KU002": "MK02"},
                subregion_of={"KU001": "SK011", "KU002": "SK011"},
                subregions={"SK011": Area("SK011", "subregion", "a")},
            )

    @pytest.mark.parametrize("code", ["MK44", "SK999", "KU001", "SSS", "Kainuu", ""])
    def test_members_of_what_is_no_region(self, code):
        with pytest.raises(DivisionError, match="does not tell the municipalities of"):
            self.ONE.members(code)

    def test_questions_against_the_flow_of_time(self):
        known = divisions_of([self.ONE, replace(self.ONE, year=2001)])
        with pytest.raises(DivisionError, match="asked for 2000, which is before it"):
            known.successors("KU001", 2001, until=2000)
        with pytest.raises(DivisionError, match="asked for 2001, which is after it"):
            known.predecessors("KU001", 2000, since=2001)


@st.composite
def histories(draw):
    """Divisions of some years, with mergers, splits, new names and moves drawn for each turn of the year."""
    numbers = count(1)

    def new_code():
        return f"KU{next(numbers):03d}"

    region = st.sampled_from(["MK01", "MK02", "MK04"])
    regions = {new_code(): draw(region) for _ in range(draw(st.integers(2, 8)))}
    names: dict[str, str] = {}
    years = [a_division(2000, regions, names)]
    became: dict[int, dict[str, tuple[str, ...]]] = {}
    for year in range(2001, 2001 + draw(st.integers(1, 6))):
        untouched = sorted(regions)
        regions, names, became[year] = dict(regions), dict(names), {}
        for kind in draw(st.lists(st.sampled_from(["merge", "split", "name", "move", "code"]), max_size=3)):
            if len(untouched) < 2:
                break
            first, second = (untouched.pop(draw(st.integers(0, len(untouched) - 1))) for _ in range(2))
            if kind == "merge" and draw(st.booleans()):
                del regions[first]
                became[year][first] = (second,)
            elif kind == "merge":
                third = new_code()
                regions[third] = regions.pop(first)
                del regions[second]
                became[year] |= {first: (third,), second: (third,)}
            elif kind == "split" and draw(st.booleans()):
                third = new_code()
                regions[third] = draw(region)
                del regions[first]
                became[year][first] = (second, third)
            elif kind == "split":
                third = new_code()
                regions[third] = draw(region)
                became[year][first] = (first, third)
            elif kind == "name":
                names[first] = f"{first} of {year}"
            elif kind == "move":
                regions[first] = draw(region)
            else:
                third = new_code()
                regions[third] = regions.pop(first)
                became[year][first] = (third,)
        years.append(a_division(year, regions, names))
    return years, became


@given(histories())
def test_every_municipality_is_in_exactly_one_region_in_every_year(history):
    known = divisions_of(*history)
    for year, division in known.by_year.items():
        listed = [code for region in division.regions for code in known.members(region, year)]
        assert sorted(listed) == sorted(division.municipalities)
        assert all(code in known.members(known.region_of(code, year), year) for code in listed)


@given(histories())
def test_predecessors_and_successors_are_the_same_chain_seen_from_either_end(history):
    known = divisions_of(*history)
    first, last = known.oldest, known.newest
    forward = {
        (old, new)
        for old in known.division(first).municipalities
        for new in known.successors(old, first, until=last)
    }
    back = {
        (old, new)
        for new in known.division(last).municipalities
        for old in known.predecessors(new, last, since=first)
    }
    assert forward == back
    assert {old for old, _ in forward} == known.division(first).municipalities.keys()
    assert {new for _, new in forward} == known.division(last).municipalities.keys()
    assert all(known.predecessors(new, last) for _, new in forward)


@given(histories())
def test_a_chain_never_comes_back_to_a_year_it_has_left(history):
    known = divisions_of(*history)
    for year, division in known.by_year.items():
        for code in division.municipalities:
            assert known.successors(code, year, until=year) == (code,)
            assert known.predecessors(code, year, since=year) == (code,)
            # from year to year it is the same as in one leap
            there = {code}
            for later in range(year + 1, known.newest + 1):
                there = {one for held in there for one in known.successors(held, later - 1, until=later)}
                assert tuple(sorted(there)) == known.successors(code, year, until=later)


@given(histories())
def test_the_changes_are_just_the_differences_between_the_years(history):
    known = divisions_of(*history)
    for year in range(known.oldest + 1, known.newest + 1):
        before, after = known.division(year - 1), known.division(year)
        changes = [one for one in known.changes if one.year == year]
        ended = before.municipalities.keys() - after.municipalities.keys()
        began = after.municipalities.keys() - before.municipalities.keys()
        moved = {
            code
            for code in before.municipalities.keys() & after.municipalities.keys()
            if before.region(code) != after.region(code)
        }
        assert ended <= {code for one in changes for code in one.predecessors}
        assert began <= {code for one in changes for code in one.successors}
        assert {one.predecessors[0] for one in changes if one.kind == "moved_region"} >= moved
        for one in changes:
            assert set(one.predecessors) <= before.municipalities.keys()
            assert set(one.successors) <= after.municipalities.keys()
            assert one.kind in ("renamed", "moved_region") or len(one.predecessors) + len(one.successors) > 2
        if not changes:
            assert regions_of(before) == regions_of(after)


@given(histories())
def test_a_municipality_stands_in_the_divisions_of_just_its_years(history):
    known = divisions_of(*history)
    for year, division in known.by_year.items():
        for code, one in division.municipalities.items():
            first, last = one.valid_from or known.oldest, one.valid_to or known.newest
            assert first <= year <= last
            assert all(known.municipality(code, other) == one for other in range(first, last + 1))
            for outside in {first - 1, last + 1} & known.by_year.keys():
                other = known.division(outside).municipalities.get(code)
                assert other is None or other.name_fi != one.name_fi


# --- the files ----------------------------------------------------------------------------------------------

YEAR = """# licence: none
code,name_fi,name_sv,name_en,subregion,region
MK01,Eka,Första,First,,
MK02,Toka,,,,
SK011,Seutu,,,,MK01
SK021,Toinen,,,,MK02
KU001,Yksi,Ett,One,SK011,MK01
KU002,Kaksi,,,SK021,MK02
"""
HISTORY = """# whole_since: 2019
# whole_since MK01: 2017
code,name_fi,name_sv,name_en,region,first,last
KU001,,,,MK01,2017,2018
KU002,,,,MK01,2017,2017
KU002,,,,MK02,2018,2018
KU003,Kolme,,,MK01,2017,2018
KU004,Neljä,,,MK01,2019,2019
"""
CHANGES = """year,code,became
2019,KU003,KU001 KU004
2020,KU004,KU001
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "2020.csv").write_text(YEAR, encoding="utf-8")
    (tmp_path / "history.csv").write_text(HISTORY, encoding="utf-8")
    (tmp_path / "changes.csv").write_text(CHANGES, encoding="utf-8")
    return tmp_path


class TestFiles:
    def test_a_year_is_read_whole_and_the_years_before_it_as_far_as_they_are_told(self, folder):
        known = load_divisions(folder)
        assert {
            year: (one.whole, tuple(sorted(one.municipalities))) for year, one in known.by_year.items()
        } == {
            2017: (False, ("KU001", "KU002", "KU003")),
            2018: (False, ("KU001", "KU002", "KU003")),
            2019: (True, ("KU001", "KU002", "KU004")),
            2020: (True, ("KU001", "KU002")),
        }
        assert known.members("MK01", 2017) == ("KU001", "KU002", "KU003")
        assert known.members("MK01", 2018) == ("KU001", "KU003")
        assert known.successors("KU003", 2017) == ("KU001",)
        assert [(one.year, one.kind) for one in known.changes] == [
            (2018, "moved_region"),
            (2019, "split"),
            (2020, "merged"),
        ]
        assert known.municipality("KU004", 2019) == Municipality(
            "KU004", "Neljä", "Neljä", "Neljä", 2019, 2019
        )

    def test_between_its_rows_a_municipality_is_not_there_and_before_the_first_neither(self, folder):
        (folder / "2020.csv").write_text(f"{YEAR}KU006,Kuusi,,,SK011,MK01\n", encoding="utf-8")
        rows = "KU006,,,,MK01,2017,2017\nKU006,,,,MK01,2019,2019\n"
        (folder / "history.csv").write_text(
            HISTORY.replace("MK01: 2017", "MK01: 2016") + f"{rows}KU001,,,,MK01,2016,2016\n", encoding="utf-8"
        )
        (folder / "changes.csv").write_text(f"{CHANGES}2018,KU006,KU001\n", encoding="utf-8")
        known = load_divisions(folder)
        there = [year for year, one in known.by_year.items() if "KU006" in one.municipalities]
        assert (known.oldest, there) == (2016, [2017, 2019, 2020])
        assert known.municipality("KU006", 2017).valid_to == 2017
        assert known.municipality("KU006", 2020).valid_to is None

    def test_an_empty_name_is_the_finnish_one(self, folder):
        one = load_division(2020, folder)
        assert one.municipalities["KU001"] == Municipality("KU001", "Yksi", "Ett", "One")
        assert one.municipalities["KU002"] == Municipality("KU002", "Kaksi", "Kaksi", "Kaksi")
        assert one.regions["MK01"] == Area("MK01", "region", "Eka", "Första", "First")

    def test_a_year_alone_will_do(self, folder):
        (folder / "history.csv").unlink()
        (folder / "changes.csv").unlink()
        assert load_divisions(folder).by_year.keys() == {2020}
        with pytest.raises(DivisionError, match=r"the division of 2019 is not known \(2020-2020 are\)"):
            load_division(2019, folder)

    @pytest.mark.parametrize(
        ("file", "before", "after", "problem"),
        [
            ("2020.csv", "code,name_fi", "koodi,nimi", "2020.csv: the first row must be code,name_fi,"),
            ("2020.csv", "KU002,Kaksi", "KU2,Kaksi", "2020.csv, line 8: 'KU2' is no code of a municipality"),
            ("2020.csv", "KU002,Kaksi", "KU001,Kaksi", "2020.csv, line 8: KU001 stands there twice"),
            ("2020.csv", "KU002,Kaksi", "KU002,", "2020.csv, line 8: KU002 has no name_fi"),
            ("2020.csv", ",SK021,MK02", ",MK02", "2020.csv, line 8: a row has 6 fields, this one 5"),
            ("2020.csv", "SK021,MK02", "SK021,MK01", "2020.csv: KU002 is in MK01, its SK021 in MK02"),
            ("2020.csv", "SK011,MK01", "SK011,MK03", "2020.csv: KU001 is in MK03, its SK011 in MK01"),
            ("2020.csv", "KU002,Kaksi,,,SK021,MK02\n", "", "MK02 Toka has no municipality"),
            ("history.csv", "KU003,Kolme", "KU003,", "history.csv, line 7: KU003 needs a name_fi"),
            (
                "history.csv",
                "KU003,Kolme",
                "3,Kolme",
                "history.csv, line 7: '3' in 'MK01' is no municipality",
            ),
            ("history.csv", "2017,2017", "2017,x", "history.csv, line 5: first and last must be years"),
            ("history.csv", "2017,2017", "2018,2017", "first to last must be years in order before 2020"),
            ("history.csv", "2019,2019", "2019,2020", "first to last must be years in order before 2020"),
            (
                "history.csv",
                "2017,2017",
                "2017,2018",
                "line 6: KU002 has another row for some of these years",
            ),
            ("changes.csv", "2020,KU004", "soon,KU004", "changes.csv, line 3: 'soon' is no year"),
            ("changes.csv", "KU004,KU001\n", "KU004,\n", "line 3: code and became must be municipalities"),
            ("changes.csv", "2020,KU004", "2019,KU003", "line 3: KU003 has another row for 2019"),
            ("changes.csv", "2020,KU004,KU001\n", "", "KU004 Neljä ends, and nothing says what became of it"),
        ],
    )
    def test_what_does_not_hold_together_is_said_with_its_place(self, folder, file, before, after, problem):
        text = (folder / file).read_text(encoding="utf-8")
        assert before in text
        at = text.rindex(before)
        changed = text[:at] + after + text[at + len(before) :]
        (folder / file).write_text(changed, encoding="utf-8")
        with pytest.raises(CatalogueError) as caught:
            load_divisions(folder)
        assert problem in str(caught.value)
        assert isinstance(caught.value, MittaristoError)
        assert all("\n" not in one for one in caught.value.problems)

    def test_a_folder_without_a_division_is_an_error(self, tmp_path):
        with pytest.raises(CatalogueError, match=r"there is no division \(such as 2026.csv\)"):
            load_divisions(tmp_path)


# --- sums ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "map_text", "year"),
    [
        ("alue_23_20260101", "", 2026),
        ("ALUE_23_20250101", "", 2025),
        ("kunta_1_20240101", "", 2024),
        ("alue_23_20250101", "Alue 2026", 2025),
        ("Alue", "Alue 2026", 2026),
        ("Alue", "", None),
        (None, "", None),
        ("timeperiod_20260101", "", None),
        ("alue_23_20260401", "", None),
        ("sukupuoli_9_20180101", "", None),
    ],
)
def test_the_year_of_a_tables_division_stands_in_the_code_of_its_area_variable(code, map_text, year):
    assert stamp_year(code, map_text) == year


class TestMembersOfDatasets:
    def test_each_dataset_has_the_regions_members_of_its_own_division(self, known):
        assert region_members(
            known,
            "MK18",
            {
                "statfin/new": "alue_23_20260101",
                "statfin/old": "alue_23_20150101",
                "statfin/undated": "Alue",
                "statfin/national": None,
            },
        ) == {"statfin/new": KAINUU, "statfin/old": (*KAINUU, "KU785")}

    def test_a_division_that_is_not_known_is_an_error_and_not_the_newest(self, known):
        with pytest.raises(DivisionError, match="the division of 2027 is not known"):
            region_members(known, "MK18", {"statfin/next": "alue_23_20270101"})


def rows(*records):
    """Observations: area, period, value or symbol, and optionally content, status, classes."""
    frame = pd.DataFrame(
        [
            {
                "content": record[3] if len(record) > 3 else "people",
                "classes": record[5] if len(record) > 5 else "",
                "area_code": record[0],
                "period": record[1],
                "value": np.nan if isinstance(record[2], str) else record[2],
                "symbol": record[2] if isinstance(record[2], str) else "",
                "status": record[4] if len(record) > 4 else "final",
            }
            for record in records
        ],
        columns=list(OBSERVATION_COLUMNS),
    )
    return frame.astype({name: "category" for name in OBSERVATION_COLUMNS if name != "value"})


def got(frame):
    """(area, period) → value, or symbol in place of a missing one ('' for a plain null)."""
    return {
        (row["area_code"], row["period"]): row["symbol"] if np.isnan(row["value"]) else row["value"]
        for row in frame.to_dict("records")
    }


class TestSums:
    TWO = {"MK01": ("KU001", "KU002")}  # noqa: RUF012

    def test_a_count_is_summed_over_all_members_cell_by_cell(self):
        frame = rows(
            ("KU001", "2024", 1.0),
            ("KU002", "2024", 2.0),
            ("KU003", "2024", 50.0),
            ("KU001", "2025", 4.0),
            ("KU002", "2025", 8.0),
        )
        summed = sum_members(frame, self.TWO, {"people"})
        assert tuple(summed.columns) == OBSERVATION_COLUMNS
        assert got(summed) == {("MK01", "2024"): 3.0, ("MK01", "2025"): 12.0}
        assert set(summed["status"]) == {"final"}

    def test_classes_are_kept_apart(self):
        frame = rows(
            *(
                (code, "2025", value, "people", "final", classes)
                for code in self.TWO["MK01"]
                for value, classes in ((1.0, "sex=men"), (5.0, "sex=women"))
            )
        )
        summed = sum_members(frame, self.TWO, {"people"})
        assert dict(zip(summed["classes"], summed["value"], strict=True)) == {
            "sex=men": 2.0,
            "sex=women": 10.0,
        }

    def test_a_rate_is_never_summed(self):
        frame = rows(*((code, "2025", 10.0, "rate") for code in self.TWO["MK01"]))
        assert len(sum_members(frame, self.TWO, {"people"})) == 0
        assert len(sum_members(frame, self.TWO, ())) == 0

    def test_without_a_row_of_each_member_there_is_no_sum(self):
        frame = rows(("KU001", "2025", 1.0), ("KU003", "2025", 1.0))
        assert len(sum_members(frame, self.TWO, {"people"})) == 0

    def test_a_region_without_known_members_has_no_sum(self):
        assert len(sum_members(rows(("KU001", "2025", 1.0)), {"MK01": ()}, {"people"})) == 0
        assert len(sum_members(rows(), {}, {"people"})) == 0

    def test_a_members_missing_figure_is_missing_from_the_sum_with_its_symbol(self):
        frame = rows(
            ("KU001", "2023", 1.0),
            ("KU002", "2023", "..."),
            ("KU001", "2024", ".."),
            ("KU002", "2024", "..."),
            ("KU001", "2025", 1.0),
            ("KU002", "2025", np.nan),
        )
        assert got(sum_members(frame, self.TWO, {"people"})) == {
            ("MK01", "2023"): "...",
            ("MK01", "2024"): "",
            ("MK01", "2025"): "",
        }

    def test_it_is_preliminary_where_a_member_is(self):
        frame = rows(("KU001", "2025", 1.0, "people", "preliminary"), ("KU002", "2025", 1.0))
        assert list(sum_members(frame, self.TWO, {"people"})["status"]) == ["preliminary"]

    def test_two_figures_for_one_cell_are_an_error_and_do_not_stand_in_for_a_member(self):
        frame = rows(("KU001", "2025", 1.0), ("KU001", "2025", 1.0))
        with pytest.raises(
            DivisionError, match="KU001 has two figures for people  2025; there is no sum of MK01"
        ):
            sum_members(frame, self.TWO, {"people"})

    def test_a_restated_series_has_the_members_of_its_own_division_in_all_periods(self, known):
        """A table of the division of 2026 says of 2010, too, what is Kainuu's today: eight and not nine."""
        frame = rows(*((code, year, 1.0) for code in (*KAINUU, "KU785") for year in ("2010", "2025")))
        members = known.members("MK18", stamp_year("alue_23_20260101"))
        assert got(sum_members(frame, {"MK18": members}, {"people"})) == {
            ("MK18", "2010"): 8.0,
            ("MK18", "2025"): 8.0,
        }

    def test_every_region_is_summed_in_one_go(self, present):
        frame = rows(*((code, "2025", 1.0) for code in present.municipalities))
        sums = got(sum_members(frame, {code: present.members(code) for code in present.regions}, {"people"}))
        assert len(sums) == 19
        assert sums["MK18", "2025"] == 8.0
        assert sum(sums.values()) == 308.0

    def test_real_figures_of_the_eight_make_the_published_ones_of_kainuu(self, known, recordings):
        answer = orjson.loads((recordings / "statfin" / "121w-all-municipalities-2025.json").read_bytes())
        columns = [one["code"] for one in answer["columns"]]
        area = next(at for at, code in enumerate(columns) if code.startswith("alue"))
        contents = [one["code"] for one in answer["columns"] if one["type"] == "c"]
        picked = {"ssaaty-koknetmuutto": "net_migration", "ssaaty-vaesto": "people"}
        frame = rows(
            *(
                (row["key"][area], "2025", float(row["values"][contents.index(code)]), key)
                for row in answer["data"]
                for code, key in picked.items()
            )
        )
        members = known.members("MK18", stamp_year(columns[area]))
        sums = sum_members(frame, {"MK18": members}, set(picked.values()))
        assert dict(zip(sums["content"], sums["value"], strict=True)) == {
            "net_migration": 245.0,
            "people": 69193.0,
        }


# --- sums in indicators -------------------------------------------------------------------------------------


def a_dataset(dataset_id):
    contents = (ContentChoice("people", label=("people",), summable=True),)
    query = TableQuery(("Alue",), ("municipality",), ("Vuosi",), ("Tiedot",), contents)
    return Dataset(dataset_id, "statfin", "x", "", "", "annual", "1990", 0, 0, "verified", query)


def a_catalogue(codes):
    members = tuple(Area(code, "municipality", code) for code in codes)
    areas = Areas(
        focus=members[0],
        region=Area("MK01", "region", "MK01"),
        subregion=None,
        country=Area("SSS", "country", "Koko maa"),
        region_municipalities=members,
        peers=(),
        groups=(),
        others=(),
    )
    return Catalogue(None, areas, {}, {one: a_dataset(one) for one in ("statfin/x", "statfin/y")}, {}, "")


def an_indicator(formula, **inputs):
    text = parse_formula(formula)
    fields = {
        **{"id": "i", "name_fi": "", "name_sv": "", "name_en": "", "kind": "open_data", "role": "context"},
        **{"unit": "", "unit_fi": "", "frequency": "annual", "direction": "up", "region": "sum"},
        **{"area_levels": ("municipality",), "labels": "verified", "source": "statfin"},
    }
    return Indicator(**fields, inputs={k: Input(v, "people") for k, v in inputs.items()}, formula=text)


class TestIndicators:
    """KU002 merges into KU001 in 2027: of two tables one is laid out in the division of 2027, one in 2026's."""

    DIVISIONS = divisions_of(
        [
            a_division(2026, dict.fromkeys(("KU001", "KU002", "KU003"), "MK01")),
            a_division(2027, dict.fromkeys(("KU001", "KU003"), "MK01")),
        ],
        {2027: {"KU002": ("KU001",)}},
    )
    MEMBERS = region_members(
        DIVISIONS, "MK01", {"statfin/x": "alue_23_20270101", "statfin/y": "alue_23_20260101"}
    )
    RESTATED = rows(("KU001", "2025", 30.0), ("KU003", "2025", 5.0))
    NOT_YET = rows(("KU001", "2025", 10.0), ("KU002", "2025", 20.0), ("KU003", "2025", 5.0))
    CATALOGUE = a_catalogue(("KU001", "KU002", "KU003"))

    def test_each_input_is_summed_over_the_members_of_its_own_division(self):
        values = indicator_values(
            an_indicator("a / b", a="statfin/x", b="statfin/y"),
            {"a": self.RESTATED, "b": self.NOT_YET},
            self.CATALOGUE,
            self.MEMBERS,
        )
        assert got(values)["MK01", "2025"] == 1.0

    def test_what_is_kept_of_a_municipality_that_merged_is_not_counted_twice(self):
        kept = rows(("KU001", "2025", 30.0), ("KU002", "2025", 20.0), ("KU003", "2025", 5.0))
        indicator = an_indicator("a", a="statfin/x")
        values = got(indicator_values(indicator, {"a": kept}, self.CATALOGUE, self.MEMBERS))
        assert values["MK01", "2025"] == 35.0

    def test_a_dataset_without_a_stamp_has_the_catalogues_members(self):
        indicator = an_indicator("a", a="statfin/y")
        for members in (None, {}, {"statfin/x": ("KU001",)}):
            values = got(indicator_values(indicator, {"a": self.NOT_YET}, self.CATALOGUE, members))
            assert values["MK01", "2025"] == 35.0

    def test_periods_that_left_the_window_are_summed_over_the_members_of_then(self):
        both = rows(
            *(("KU001", year, 10.0) for year in ("2023", "2024")),
            *(("KU002", year, 20.0) for year in ("2023", "2024", "2025")),  # 2025 as it was before it merged
            *(("KU003", year, 5.0) for year in ("2023", "2024", "2025", "2026")),
            *(("KU001", year, 30.0) for year in ("2025", "2026")),
        )
        members = {"statfin/x": {"": ("KU001", "KU002", "KU003"), "2025": ("KU001", "KU003")}}
        indicator = an_indicator("a", a="statfin/x")
        values = got(indicator_values(indicator, {"a": both}, self.CATALOGUE, members))
        assert {year: values["MK01", year] for year in ("2023", "2024", "2025", "2026")} == dict.fromkeys(
            ("2023", "2024", "2025", "2026"), 35.0
        )
        unknown_since = {"statfin/x": {"": ("KU001", "KU002", "KU003"), "2025": ()}}
        values = got(indicator_values(indicator, {"a": both}, self.CATALOGUE, unknown_since))
        assert [year for area, year in values if area == "MK01"] == ["2023", "2024"]

    def test_without_members_there_is_no_sum(self):
        indicator = an_indicator("a", a="statfin/y")
        values = got(indicator_values(indicator, {"a": self.NOT_YET}, self.CATALOGUE, {"statfin/y": ()}))
        assert ("MK01", "2025") not in values and len(values) == 3

    @settings(max_examples=60)
    @given(
        st.dictionaries(
            st.tuples(
                st.sampled_from(["KU001", "KU002", "KU003"]), st.sampled_from(["2023", "2024", "2025"])
            ),
            st.tuples(
                st.integers(0, 1000).map(float) | st.just("...") | st.just(np.nan),
                st.sampled_from(["final", "preliminary"]),
            ),
            min_size=1,
        ),
        st.sets(st.sampled_from(["KU001", "KU002", "KU003"]), min_size=1),
    )
    def test_sums_of_frames_and_sums_in_indicators_are_the_same(self, cells, members):
        frame = rows(
            *((area, period, value, "people", status) for (area, period), (value, status) in cells.items())
        )
        values = indicator_values(
            an_indicator("a", a="statfin/x"), {"a": frame}, self.CATALOGUE, {"statfin/x": sorted(members)}
        )
        derived = values[values["area_code"] == "MK01"].sort_values("period")
        summed = sum_members(frame, {"MK01": members}, {"people"}).sort_values("period")
        for column in ("period", "symbol", "status"):
            assert list(derived[column].astype("str")) == list(summed[column].astype("str"))
        assert np.array_equal(derived["value"], summed["value"], equal_nan=True)
