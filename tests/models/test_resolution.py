"""How the catalogue's words find a table's variables and values."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.area import Area
from models.dataset import ClassVariable, ContentChoice, ValueChoice
from models.errors import ResolutionError
from models.resolution import Overrides, plain, resolve, series_classes
from models.table import TableMeta, Variable

TOTAL = ValueChoice("total", total=True)


@pytest.fixture(scope="session")
def variables(make_variable):
    """The variables of vaerak/11re in short."""
    return (
        make_variable(
            "alue_23_20260101",
            "Alue",
            {"SSS": "KOKO MAA", "KU205": "Kajaani", "MK18": "Kainuu", "KU765": "Sotkamo"},
            elimination=True,
            map="Alue 2026",
        ),
        make_variable(
            "ikaryhma_10_20180101", "Ikä", {"SSS": "Yhteensä", "000": "0", "100-": "100 -"}, elimination=True
        ),
        make_variable(
            "sukupuoli_9_20180101",
            "Sukupuoli",
            {"SSS": "Yhteensä", "1": "Miehet", "2": "Naiset"},
            elimination=True,
        ),
        make_variable("timeperiod_y", "Vuosi", {"2024": "2024", "2025": "2025"}, time=True),
        make_variable("contentscode", "Tiedot", {"vaerak-vaesto": "Väestö 31.12."}),
    )


def meta(variables, **replaced):
    """The table, with the variables named in `replaced` by text exchanged or, where None, left out."""
    kept = []
    for variable in variables:
        new = replaced.get(variable.text, variable)
        if new is not None:
            kept.append(new)
    return TableMeta(
        "vaerak/11re", "Väestö 31.12. muuttujina Alue, Ikä, Sukupuoli, Vuosi ja Tiedot", tuple(kept)
    )


def missing(resolution, what):
    return {one.key: one.reason for one in resolution.missing if one.what == what}


class TestARealTable:
    def test_each_variable_of_a_recorded_table_has_its_place(self, recorded_meta, make_dataset, areas):
        found = resolve(make_dataset(), recorded_meta("11re-metadata.fi.json", "vaerak/11re"), areas)
        assert found.area_variable == "alue_23_20260101"
        assert found.time_variable == "timeperiod_y"
        assert found.contents_variable == "contentscode"
        assert found.contents == {"population": "vaerak-vaesto"}
        assert found.classes == {
            "age": ("ikaryhma_10_20180101", {"total": "SSS", "0": "000", "100-": "100-"}),
            "sex": ("sukupuoli_9_20180101", {"total": "SSS"}),
        }
        assert found.totals == {} and found.eliminated == ()
        assert found.periods[0] == "1972" and found.periods[-1] == "2025" and len(found.periods) == 54
        assert found.preliminary == frozenset()
        assert found.areas["KU205"] == "KU205" and found.areas["SSS"] == "SSS"
        assert found.labels == {"vaerak-vaesto": "Väestö 31.12."}
        assert found.series_classes == ("age",)

    def test_a_region_that_the_table_lacks_is_recorded_and_nothing_more(
        self, recorded_meta, make_dataset, areas
    ):
        found = resolve(make_dataset(), recorded_meta("11re-metadata.fi.json", "vaerak/11re"), areas)
        assert list(missing(found, "area")) == ["MK18"]
        assert "MK18" not in found.areas.values()

    def test_a_table_of_the_whole_country_only(self, recorded_meta, make_dataset, areas):
        dataset = make_dataset(
            area=(),
            classes=(),
            contents=(
                ContentChoice("employment_rate", label=("Työllisyysaste, 15–64-vuotiaat, %",)),
                ContentChoice("unemployment_rate", label=("Työttömyysaste, %",), code=("Tyottomyysaste",)),
            ),
        )
        found = resolve(dataset, recorded_meta("135z-metadata.fi.json", "tyti/135z"), areas)
        assert found.area_variable is None and found.areas == {"": "SSS"}
        assert found.contents == {
            "employment_rate": "Tyollisyysaste_15_64",
            "unemployment_rate": "tyti-Tyottomyysaste",
        }

    def test_near_misses_of_a_code_do_not_match(self, recorded_meta, make_dataset, areas):
        dataset = make_dataset(
            area=(), classes=(), contents=(ContentChoice("rate", code=("tyollaste_15_64",)),)
        )
        with pytest.raises(ResolutionError, match="tyollaste_15_64"):
            resolve(dataset, recorded_meta("135z-metadata.fi.json", "tyti/135z"), areas)


class TestAreaVariable:
    def test_its_code_may_bear_another_year(self, variables, make_dataset, areas):
        next_year = replace(variables[0], code="alue_23_20270101", map="Alue 2027")
        assert (
            resolve(make_dataset(), meta(variables, Alue=next_year), areas).area_variable
            == "alue_23_20270101"
        )

    @pytest.mark.parametrize(
        ("code", "map_name"), [("x", "Alue 2026"), ("Kunta", ""), ("alue_23_20260101", "")]
    )
    def test_its_text_may_be_unknown_where_its_map_or_code_tells(
        self, code, map_name, variables, make_dataset, areas
    ):
        renamed = replace(variables[0], text="Kunnat ja maakunnat", code=code, map=map_name)
        assert resolve(make_dataset(), meta(variables, Alue=renamed), areas).area_variable == code

    def test_two_candidates_are_an_error_that_lists_them(self, variables, make_dataset, areas):
        two = (*variables, replace(variables[0], code="alue_2"))
        with pytest.raises(ResolutionError) as error:
            resolve(make_dataset(), TableMeta("t", "", two), areas)
        assert "alue_23_20260101" in str(error.value) and "alue_2)" in str(error.value)
        assert "\n" not in str(error.value)

    def test_none_is_an_error_that_lists_the_variables(self, variables, make_dataset, areas):
        with pytest.raises(ResolutionError, match=r"area among .*'Ikä' \(ikaryhma_10_20180101\)"):
            resolve(make_dataset(), meta(variables, Alue=None), areas)


class TestAreas:
    def test_bare_codes_are_municipalities_where_no_code_says_ku(
        self, variables, make_variable, make_dataset, areas
    ):
        old = make_variable("Kunta", "Kunta", {"SSS": "KOKO MAA", "205": "Kajaani", "18": "?"})
        found = resolve(make_dataset(area=("Kunta",)), meta(variables, Alue=old), areas)
        assert found.areas == {"205": "KU205", "SSS": "SSS"}

    def test_bare_codes_are_nothing_where_other_codes_say_ku(
        self, variables, make_variable, make_dataset, areas
    ):
        mixed = make_variable("Alue", "Alue", {"205": "Kajaani", "KU765": "Sotkamo"})
        found = resolve(make_dataset(), meta(variables, Alue=mixed), areas)
        assert found.areas == {"KU765": "KU765"}
        assert "KU205" in missing(found, "area")

    def test_only_the_levels_of_the_query_are_asked_for(self, variables, make_dataset, areas):
        found = resolve(make_dataset(levels=("municipality",)), meta(variables), areas)
        assert set(found.areas.values()) == {"KU205", "KU765"}

    def test_a_subregion_never_stands_in_for_a_municipality(
        self, variables, make_variable, make_dataset, areas
    ):
        only = make_variable("Alue", "Alue", {"SK182": "Kajaani", "KU765": "Sotkamo"})
        found = resolve(make_dataset(), meta(variables, Alue=only), areas)
        assert "KU205" in missing(found, "area") and "SK182" not in found.areas

    def test_airports_are_found_by_name_and_keep_our_code(
        self, variables, make_variable, make_dataset, areas
    ):
        airports = make_variable(
            "lentoasema",
            "Lentoasema",
            {"SSS": "Yhteensä", "KUO": "KUOPIO", "KOK": "Kokkola - Pietarsaari", "OUL": "Oulu"},
        )
        dataset = make_dataset(
            area=("Lentoasema",),
            levels=("airport",),
            area_names=("Kuopio", "Kokkola-Pietarsaari", "Ivalo"),
        )
        found = resolve(dataset, meta(variables, Alue=airports), areas)
        assert found.areas == {"KUO": "KUOPIO", "KOK": "KOKKOLA-PIETARSAARI"}
        assert list(missing(found, "area")) == ["IVALO"]

    def test_a_name_that_two_values_bear_is_missing(self, variables, make_variable, make_dataset, areas):
        airports = make_variable(
            "l", "Lentoasema", {"1": "Kuopio", "2": "Kuopio ", "3": "Kokkola–Pietarsaari"}
        )
        found = resolve(
            make_dataset(area=("Lentoasema",), levels=("airport",)), meta(variables, Alue=airports), areas
        )
        assert list(missing(found, "area")) == ["KUOPIO"]

    def test_none_of_the_areas_is_an_error(self, variables, make_variable, make_dataset):
        with pytest.raises(ResolutionError, match="none of the 1 areas"):
            resolve(make_dataset(), meta(variables), [Area("KU740", "municipality", "Savonlinna")])


class TestContents:
    def test_the_prefix_of_a_code_does_not_matter(self, variables, make_variable, make_dataset, areas):
        for code in ("vaesto", "vaerak-vaesto", "uusi_nimi-vaesto", "a-b-vaesto"):
            contents = make_variable("contentscode", "Tiedot", {code: "Aivan toinen nimi"})
            found = resolve(make_dataset(), meta(variables, Tiedot=contents), areas)
            assert found.contents == {"population": code}

    def test_near_misses_do_not_match_beside_the_right_one(
        self, variables, make_variable, make_dataset, areas
    ):
        contents = make_variable(
            "contentscode",
            "Tiedot",
            {"kokmuutos": "A", "kokmuutos_p": "B", "xkokmuutos": "C", "vaerak-xkokmuutos": "D"},
        )
        dataset = make_dataset(contents=(ContentChoice("change", code=("kokmuutos",)),))
        assert resolve(dataset, meta(variables, Tiedot=contents), areas).contents == {"change": "kokmuutos"}

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"muu": "Muu"}, "no value"),
            (
                {"x": "Väestö 31.12.", "vaesto": "Väkiluku"},
                "the label means 'Väestö 31.12.' (x) but the code means",
            ),
            ({"x": "Väestö 31.12.", "y": "VÄESTÖ  31.12.\n"}, "more than one value"),
            ({"a-vaesto": "A", "b-vaesto": "B"}, "more than one value"),
        ],
    )
    def test_what_is_not_found_exactly_once_fails_alone(
        self, values, said, variables, make_variable, make_dataset, areas
    ):
        contents = make_variable("contentscode", "Tiedot", {**values, "k": "Keski-ikä"})
        dataset = make_dataset()
        both = (*dataset.query.contents, ContentChoice("mean_age", label=("Keski-ikä",)))
        found = resolve(make_dataset(contents=both), meta(variables, Tiedot=contents), areas)
        assert found.contents == {"mean_age": "k"}
        assert list(missing(found, "content")) == ["population"]
        assert said in missing(found, "content")["population"]

    def test_two_keys_never_mean_the_same_content(self, variables, make_dataset, areas):
        twice = (
            ContentChoice("a", label=("Väestö 31.12.",)),
            ContentChoice("b", code=("vaesto",)),
        )
        with pytest.raises(ResolutionError, match="none of its contents"):
            resolve(make_dataset(contents=twice), meta(variables), areas)

    def test_none_of_the_contents_is_an_error_that_says_what_there_is(self, variables, make_dataset, areas):
        dataset = make_dataset(contents=(ContentChoice("x", label=("Rikokset",)),))
        with pytest.raises(
            ResolutionError, match=r"none of its contents .*'Väestö 31.12.' \(vaerak-vaesto\)"
        ):
            resolve(dataset, meta(variables), areas)

    def test_among_many_values_the_nearest_are_named(self, variables, make_variable, make_dataset, areas):
        many = make_variable(
            "contentscode", "Tiedot", {f"c{i}": f"Luku {i}" for i in range(400)} | {"v": "Väestö 31.1."}
        )
        with pytest.raises(ResolutionError) as error:
            resolve(make_dataset(), meta(variables, Tiedot=many), areas)
        assert "'Väestö 31.1.' (v)" in str(error.value)
        assert len(str(error.value)) < 500


class TestClasses:
    def test_a_missing_value_fails_alone(self, variables, make_variable, make_dataset, areas):
        ages = make_variable("ika", "Ikä", {"SSS": "Yhteensä", "000": "0"})
        found = resolve(make_dataset(), meta(variables, Ikä=ages), areas)
        assert found.classes["age"] == ("ika", {"total": "SSS", "0": "000"})
        assert list(missing(found, "class")) == ["age=100-"]

    def test_beginnings_count_their_last_space(self, variables, make_variable, make_dataset, areas):
        industries = make_variable(
            "toimiala",
            "Toimiala",
            {
                "SSS": "Toimialat yhteensä",
                "A": "A Maatalous, metsätalous ja kalatalous (01-03)",
                "X": "Ammatillinen toiminta",
                "S": "S Muu palvelutoiminta (94-96)",
            },
        )
        take = (
            ValueChoice("A", starts_with=("A ",)),
            ValueChoice("S", starts_with=("S ",), code=("S",)),
            TOTAL,
        )
        dataset = make_dataset(classes=(ClassVariable("industry", ("Toimiala",), take),))
        found = resolve(dataset, meta(variables, Ikä=industries, Sukupuoli=None), areas)
        assert found.classes["industry"] == ("toimiala", {"A": "A", "S": "S", "total": "SSS"})

    def test_an_age_is_no_prefix_of_a_code(self, variables, make_variable, make_dataset, areas):
        ages = make_variable("ika", "Ikä", {"SSS": "Yhteensä", "15-19": "15 - 19", "19": "19"})
        dataset = make_dataset(
            classes=(
                ClassVariable("age", ("Ikä",), (ValueChoice("19", code=("19",)),)),
                ClassVariable("sex", ("Sukupuoli",), (TOTAL,)),
            )
        )
        assert resolve(dataset, meta(variables, Ikä=ages), areas).classes["age"] == ("ika", {"19": "19"})

    def test_an_absent_variable_of_which_only_the_total_is_taken_is_fine(
        self, variables, make_dataset, areas
    ):
        found = resolve(make_dataset(), meta(variables, Sukupuoli=None), areas)
        assert found.classes["sex"] == (None, {"total": ""})
        assert missing(found, "class") == {}

    def test_of_an_absent_variable_the_total_stays_and_its_other_values_are_missing(
        self, variables, make_dataset, areas
    ):
        found = resolve(make_dataset(), meta(variables, Ikä=None), areas)
        assert found.classes["age"] == (None, {"total": ""})
        assert sorted(missing(found, "class")) == ["age=0", "age=100-"]
        assert found.series_classes == ("age",)

    def test_an_absent_variable_of_which_values_are_taken_is_an_error(self, variables, make_dataset, areas):
        dataset = make_dataset(
            classes=(ClassVariable("origin", ("Syntyperä",), (ValueChoice("x", code=("1",)),)),)
        )
        with pytest.raises(ResolutionError, match=r"'origin'.*Syntyperä.*'Ikä'"):
            resolve(dataset, meta(variables), areas)

    def test_no_variable_is_two_class_variables_at_once(self, variables, make_dataset, areas):
        twice = (
            ClassVariable("age", ("Ikä",), (TOTAL,)),
            ClassVariable("group", ("Ikäryhmä", "Ikä"), (ValueChoice("0", code=("000",)),)),
        )
        with pytest.raises(ResolutionError, match="ikaryhma_10_20180101 is both 'age' and 'group'"):
            resolve(make_dataset(classes=twice), meta(variables), areas)

    def test_a_series_keeps_its_class_variables_whatever_the_table_holds(self, make_dataset):
        assert series_classes(make_dataset()) == ("age",)


class TestTotals:
    @pytest.mark.parametrize(
        ("text", "values", "total"),
        [
            ("Sukupuoli", {"1": "Miehet", "2": "Naiset", "3": "Molemmat sukupuolet"}, "3"),
            ("Toimiala", {"S": "Toimialat yhteensä", "A": "A Maatalous"}, "S"),
            ("Ammattiryhmä", {"0": "Kaikki ammattiryhmät", "1": "Johtajat"}, "0"),
            ("Sektori", {"S": "Koko talous", "S1": "Yritykset"}, "S"),
            ("Tieluokka", {"x": "YHTEENSÄ\n", "1": "Valtatie"}, "x"),
            ("Alue", {"SSS": "KOKO MAA", "MK18": "Kainuu"}, "SSS"),
        ],
    )
    def test_an_unnamed_variable_is_totalled(
        self, text, values, total, variables, make_variable, make_dataset, areas
    ):
        new = make_variable("uusi", text, values)
        dataset = make_dataset(classes=(), area=("Alueet",))
        table = TableMeta("t", "", (replace(variables[0], text="Alueet"), *variables[3:], new))
        assert resolve(dataset, table, areas).totals == {"uusi": total}

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("Asuinmaa", {"1": "Suomi", "2": "Ulkomaat yhteensä"}),
            ("Ammattiasema", {"1": "Palkansaajat", "2": "Yrittäjät yhteensä"}),
            ("Toimiala", {"A": "A Maatalous", "S": "S Muu palvelutoiminta"}),
            ("Toimiala", {"S": "S Muu palvelutoiminta", "T": "T Kotitaloudet"}),
            ("Rikos", {"1": "1) RIKOKSET JA RIKKOMUKSET YHTEENSÄ", "2": "Varkaus"}),
            ("Ikä", {"1": "0-14", "2": "15-64"}),
            ("Ikä", {"1": "Yhteensä", "2": "Kaikki"}),
        ],
    )
    def test_a_subtotal_is_no_total_and_a_new_dimension_is_an_error(
        self, text, values, variables, make_variable, make_dataset, areas
    ):
        new = make_variable("uusi", text, values)
        with pytest.raises(ResolutionError, match=rf"does not name.*'{text}' \(uusi\)"):
            resolve(
                make_dataset(), TableMeta("t", "", (*variables, new)), areas
            ) if text != "Ikä" else resolve(
                make_dataset(classes=()),
                TableMeta("t", "", (variables[0], *variables[3:], new)),
                areas,
            )

    def test_without_a_total_a_variable_is_eliminated_where_the_source_can(
        self, variables, make_variable, make_dataset, areas
    ):
        sexes = make_variable("sukupuoli", "Sukupuoli", {"1": "Miehet", "2": "Naiset"}, elimination=True)
        other = make_variable("kieli", "Kieli", {"1": "Suomi", "2": "Ruotsi"}, elimination=True)
        table = meta((*variables, other), Sukupuoli=sexes)
        found = resolve(make_dataset(), table, areas)
        assert found.eliminated == ("sukupuoli", "kieli")
        assert found.classes["sex"] == (None, {"total": ""})

    def test_a_total_beside_other_values_cannot_be_had_by_elimination(
        self, variables, make_variable, make_dataset, areas
    ):
        ages = make_variable("ika", "Ikä", {"000": "0", "100-": "100 -"}, elimination=True)
        found = resolve(make_dataset(), meta(variables, Ikä=ages), areas)
        assert found.classes["age"] == ("ika", {"0": "000", "100-": "100-"})
        assert list(missing(found, "class")) == ["age=total"]
        assert found.eliminated == ()

    def test_a_total_that_nothing_gives_is_an_error(self, variables, make_variable, make_dataset, areas):
        sexes = make_variable("sukupuoli", "Sukupuoli", {"1": "Miehet", "2": "Naiset"})
        with pytest.raises(ResolutionError, match=r"'sex'.*'Miehet' \(1\)"):
            resolve(make_dataset(), meta(variables, Sukupuoli=sexes), areas)


class TestPeriods:
    def times(self, make_variable, codes):
        return make_variable("timeperiod", "Vuosi", dict(codes), time=True)

    def test_they_come_oldest_first_whatever_the_order_of_the_table(
        self, variables, make_variable, make_dataset, areas
    ):
        times = self.times(make_variable, {"2026M02": "", "2025M12": "", "2026M01": ""})
        found = resolve(make_dataset(), meta(variables, Vuosi=times), areas)
        assert found.periods == ("2025M12", "2026M01", "2026M02")

    def test_a_star_in_a_text_makes_that_period_preliminary(
        self, variables, make_variable, make_dataset, areas
    ):
        times = self.times(make_variable, {"2023": "2023", "2024": "2024*", "2025": "2025 *"})
        found = resolve(make_dataset(), meta(variables, Vuosi=times), areas)
        assert found.preliminary == {"2024", "2025"}

    @pytest.mark.parametrize(
        ("title", "preliminary"),
        [
            ("Tulot ja tuotanto, 2000-2024*", {"2026M02"}),
            ("Väestö, 2025M12*-2026M02*", {"2025M12", "2026M01", "2026M02"}),
            ("Väestö, 2024M01-2025M12, 2026M01*-2026M02*", {"2026M01", "2026M02"}),
            ("Väestö * lähteenä, 2025M12-2026M02", set()),
            ("Väestö", set()),
        ],
    )
    def test_a_star_at_the_end_of_the_title(
        self, title, preliminary, variables, make_variable, make_dataset, areas
    ):
        times = self.times(make_variable, {"2025M12": "", "2026M01": "", "2026M02": ""})
        table = replace(meta(variables, Vuosi=times), title=title)
        assert resolve(make_dataset(), table, areas).preliminary == preliminary

    def test_a_preliminary_dataset_has_no_final_period(self, variables, make_dataset, areas):
        found = resolve(make_dataset(preliminary=True), meta(variables), areas)
        assert found.preliminary == {"2024", "2025"}

    @pytest.mark.parametrize(
        ("codes", "said"),
        [
            ({"2025": "", "Tammikuu": ""}, "Tammikuu"),
            ({"2025*": ""}, r"2025\*"),
            ({"2023-2024": "", "2023/2024": ""}, "twice"),
            ({"2024": "", "2025Q1": ""}, "mixes annual and quarterly"),
            ({}, "no values"),
        ],
    )
    def test_what_is_no_period_is_an_error(self, codes, said, variables, make_variable, make_dataset, areas):
        with pytest.raises(ResolutionError, match=said):
            resolve(make_dataset(), meta(variables, Vuosi=self.times(make_variable, codes)), areas)

    def test_time_is_found_by_its_text_where_nothing_marks_it(
        self, variables, make_variable, make_dataset, areas
    ):
        times = make_variable("Vuosi", "VUOSI ", {"2025": ""})
        assert resolve(make_dataset(), meta(variables, Vuosi=times), areas).time_variable == "Vuosi"


class TestComparingTexts:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("100 -", "100-"),
            ("15 – 64", "15-64"),
            ("Kokkola – Pietarsaari", "KOKKOLA-PIETARSAARI"),
            ("Väestö  31.12.\r\n", "väestö 31.12."),
            ("Va\u0308esto\u0308", "VÄESTÖ"),
            ("Asuntojen lukumäärä", "Asuntojen\u00a0lukumäärä"),
        ],
    )
    def test_case_spaces_dashes_and_line_feeds_do_not_count(self, one, other):
        assert plain(one) == plain(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("15-64", "1564"), ("Ikä", "Ika"), ("kokmuutos", "kokmuutos_p")]
    )
    def test_letters_do(self, one, other):
        assert plain(one) != plain(other)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_renamed_codes_with_the_same_labels_resolve_to_the_same_keys(variables, make_dataset, areas, data):
    """Codes of variables and of values change, order and spacing too; our keys mean the same figures."""
    dataset = make_dataset()
    before = resolve(dataset, meta(variables), areas)
    names = st.from_regex(r"[a-zåäö0-9_]{1,8}", fullmatch=True)
    fresh = iter(data.draw(st.lists(names, min_size=20, max_size=20, unique=True)))
    space = data.draw(st.sampled_from(["", " ", "\n", "\r\n ", "\u00a0"]))
    renamed: list[Variable] = []
    new_codes: dict[tuple[str, str], str] = {}
    for variable in variables:
        keep_values = variable.text in ("Alue", "Vuosi")  # area and period codes are known by themselves
        order = data.draw(st.permutations(range(len(variable.values))))
        values = tuple(
            variable.values[i] if keep_values or variable.values[i] == "SSS" else f"u_{next(fresh)}"
            for i in order
        )
        for i, code in zip(order, values, strict=True):
            new_codes[variable.text, variable.values[i]] = code
        renamed.append(
            replace(
                variable,
                code=f"v_{next(fresh)}",
                text=variable.text.upper() + space,
                values=values,
                texts=tuple(variable.texts[i] + space for i in order),
            )
        )
    after = resolve(dataset, TableMeta("vaerak/11re", "", tuple(data.draw(st.permutations(renamed)))), areas)
    assert [(m.what, m.key) for m in after.missing] == [(m.what, m.key) for m in before.missing]
    assert after.contents == {k: new_codes["Tiedot", v] for k, v in before.contents.items()}
    assert after.areas == before.areas and after.periods == before.periods
    for name, text in (("age", "Ikä"), ("sex", "Sukupuoli")):
        assert after.classes[name][1] == {k: new_codes[text, v] for k, v in before.classes[name][1].items()}


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.text(max_size=12), min_size=1, max_size=6),
    codes=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True),
    time=st.booleans(),
)
def test_whatever_a_table_says_the_answer_is_a_resolution_or_one_line(
    variables, make_dataset, areas, texts, codes, time
):
    size = min(len(texts), len(codes))
    odd = Variable("odd", texts[0], tuple(codes[:size]), tuple(texts[:size]), elimination=time)
    try:
        found = resolve(make_dataset(), TableMeta("t", texts[-1], (*variables, odd)), areas)
    except ResolutionError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert found.totals.get("odd") or "odd" in found.eliminated


class TestAcceptedCodes:
    """Codes that were accepted for our keys come before labels."""

    def test_an_accepted_code_is_taken_whatever_the_label_says(
        self, variables, make_variable, make_dataset, areas
    ):
        contents = make_variable(
            "contentscode", "Tiedot", {"new": "Asukkaita", "vaerak-vaesto": "Väestö 31.12."}
        )
        found = resolve(
            make_dataset(), meta(variables, Tiedot=contents), areas, Overrides(contents={"population": "new"})
        )
        assert found.contents == {"population": "new"} and found.labels == {"new": "Asukkaita"}

    def test_an_accepted_class_value_and_variable_too(self, variables, make_variable, make_dataset, areas):
        age = make_variable("ikax", "Ikäluokka", {"T": "Kaikenikäiset", "000": "0", "100-": "100 -"})
        overrides = Overrides(classes={("age", "total"): "T"}, variables={"age": "ikax"})
        found = resolve(make_dataset(), meta(variables, Ikä=age), areas, overrides)
        assert found.classes["age"] == ("ikax", {"total": "T", "0": "000", "100-": "100-"})
        assert found.class_labels["age"] == {"T": "Kaikenikäiset", "000": "0", "100-": "100 -"}
        assert not missing(found, "class")

    def test_one_that_the_table_lacks_makes_its_key_missing(self, variables, make_dataset, areas):
        two = (*make_dataset().query.contents, ContentChoice("other", label=("Muu",)))
        with pytest.raises(ResolutionError, match="the accepted code is gone, which 'Tiedot'"):
            resolve(make_dataset(), meta(variables), areas, Overrides(contents={"population": "gone"}))
        found = resolve(
            make_dataset(contents=two), meta(variables), areas, Overrides(contents={"other": "gone"})
        )
        assert "accepted code is gone" in missing(found, "content")["other"]
        found = resolve(make_dataset(), meta(variables), areas, Overrides(classes={("age", "0"): "gone"}))
        assert "accepted code is gone" in missing(found, "class")["age=0"]
        found = resolve(make_dataset(), meta(variables), areas, Overrides(variables={"age": "gone"}))
        assert "no variable is the accepted gone" in missing(found, "class")["age=0"]

    def test_it_stands_against_keys_that_only_look_like_it(
        self, variables, make_variable, make_dataset, areas
    ):
        contents = make_variable("contentscode", "Tiedot", {"a": "Väestö 31.12.", "b": "Muu"})
        two = (*make_dataset().query.contents, ContentChoice("other", label=("Muu",)))
        table = meta(variables, Tiedot=contents)
        found = resolve(make_dataset(contents=two), table, areas, Overrides(contents={"other": "a"}))
        assert found.contents == {"other": "a"}
        assert "a is also other" in missing(found, "content")["population"]

    def test_a_partial_resolution_records_what_else_would_raise(
        self, variables, make_variable, make_dataset, areas
    ):
        contents = make_variable("contentscode", "Tiedot", {"new": "Asukkaita"})
        table = meta(variables, Tiedot=contents)
        with pytest.raises(ResolutionError, match="none of its contents"):
            resolve(make_dataset(), table, areas)
        found = resolve(make_dataset(), table, areas, partial=True)
        assert found.contents == {} and list(missing(found, "content")) == ["population"]

    def test_the_texts_of_all_variables_are_given(self, variables, make_dataset, areas):
        found = resolve(make_dataset(), meta(variables), areas)
        assert found.variable_texts["sukupuoli_9_20180101"] == "Sukupuoli"
        assert found.class_labels["sex"] == {"SSS": "Yhteensä"} and found.proposals == ()
