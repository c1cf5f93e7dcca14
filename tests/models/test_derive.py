"""Indicators from observations."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.area import Area
from models.catalogue import Areas, Catalogue, load_catalogue
from models.dataset import ClassVariable, ContentChoice, Dataset, TableQuery, ValueChoice
from models.derive import indicator_values
from models.formula import FormulaError, parse_formula
from models.indicator import Indicator, Input
from models.observation import OBSERVATION_COLUMNS, class_keys, observations
from models.period import PeriodError
from models.resolution import resolve

TOTAL = ValueChoice("total", total=True)
MEMBERS = ("KU205", "KU765", "KU290")


def a_dataset(dataset_id="statfin/x", classes=(), summable=("a", "b")):
    contents = tuple(ContentChoice(key, label=(key,), summable=key in summable) for key in ("a", "b", "c"))
    query = TableQuery(("Alue",), ("municipality",), ("Vuosi",), ("Tiedot",), contents, classes)
    return Dataset(dataset_id, "statfin", "x", "", "", "annual", "1990", 0, 0, "verified", query)


def a_catalogue(*datasets):
    kajaani, sotkamo, kuhmo = (Area(code, "municipality", code) for code in MEMBERS)
    areas = Areas(
        focus=kajaani,
        region=Area("MK18", "region", "Kainuu"),
        subregion=Area("SK182", "subregion", "Kajaanin seutukunta"),
        country=Area("SSS", "country", "Koko maa"),
        region_municipalities=(kajaani, sotkamo, kuhmo),
        peers=(),
        groups=(),
        others=(Area("KAJAANI", "airport", "Kajaani"),),
    )
    listed = {dataset.id: dataset for dataset in datasets or (a_dataset(),)}
    return Catalogue(None, areas, {}, listed, {}, "")


def an_indicator(formula, inputs=None, **changes):
    text = parse_formula(formula)
    given = inputs or {name: Input("statfin/x", name) for name in text.names}
    fields = {
        **{"id": "i", "name_fi": "", "name_sv": "", "name_en": "", "kind": "open_data", "role": "context"},
        **{"unit": "", "unit_fi": "", "frequency": "annual", "direction": "up", "region": "none"},
        **{"area_levels": ("municipality", "country"), "labels": "verified", "source": "statfin"},
    }
    return Indicator(**{**fields, "inputs": given, "formula": text, **changes})


def rows(*records, classes=""):
    """Observations: (area, period, value or symbol) with an optional fourth: status, and fifth: classes."""
    frame = pd.DataFrame(
        [
            {
                "content": "x",
                "classes": record[4] if len(record) > 4 else classes,
                "area_code": record[0],
                "period": record[1],
                "value": np.nan if isinstance(record[2], str) else record[2],
                "symbol": record[2] if isinstance(record[2], str) else "",
                "status": record[3] if len(record) > 3 else "final",
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


class TestOneSeries:
    def test_it_passes_unchanged_with_its_symbols_and_statuses(self):
        series = rows(
            ("KU205", "2024", 12.200000000000001),
            ("KU205", "2025", "...", "preliminary"),
            ("SSS", "2025", 7.0, "preliminary"),
        )
        values = indicator_values(an_indicator("a"), {"a": series}, a_catalogue())
        assert tuple(values.columns) == OBSERVATION_COLUMNS
        assert got(values) == {
            ("KU205", "2024"): 12.200000000000001,
            ("KU205", "2025"): "...",
            ("SSS", "2025"): 7.0,
        }
        assert list(values["status"]) == ["final", "preliminary", "preliminary"]
        assert set(values["content"]) == {""} and set(values["classes"]) == {""}

    def test_only_areas_of_its_levels_have_values(self):
        series = rows(
            *((code, "2025", 1.0) for code in ("KU205", "SK182", "MK18", "SSS", "KAJAANI", "KU091"))
        )
        values = indicator_values(an_indicator("a", region="direct"), {"a": series}, a_catalogue())
        assert set(values["area_code"]) == {"KU205", "SSS", "KU091"}
        airports = an_indicator("a", area_levels=("airport",))
        assert set(indicator_values(airports, {"a": series}, a_catalogue())["area_code"]) == {"KAJAANI"}

    def test_figures_of_other_classes_are_passed_over(self):
        dataset = a_dataset(classes=(ClassVariable("age", ("Ikä",), (TOTAL, ValueChoice("0", code=("0",)))),))
        one = an_indicator("a", {"a": Input("statfin/x", "a", {"age": ("0",)})})
        series = rows(("KU205", "2025", 1.0, "final", "age=total"), ("KU205", "2025", 2.0, "final", "age=0"))
        assert got(indicator_values(one, {"a": series}, a_catalogue(dataset))) == {("KU205", "2025"): 2.0}

    def test_nothing_gives_nothing(self):
        values = indicator_values(an_indicator("a", region="sum"), {"a": rows()}, a_catalogue())
        assert len(values) == 0 and tuple(values.columns) == OBSERVATION_COLUMNS
        assert values["value"].dtype == np.float64

    def test_plain_text_columns_will_do(self):
        series = rows(("KU205", "2025", 1.0)).astype({"area_code": "str", "period": "str", "symbol": "str"})
        assert got(indicator_values(an_indicator("a"), {"a": series}, a_catalogue())) == {
            ("KU205", "2025"): 1.0
        }


class TestArithmetic:
    def test_it_goes_area_by_area_and_period_by_period(self):
        a = rows(("KU205", "2024", 10.0), ("KU205", "2025", 30.0), ("SSS", "2025", 50.0))
        b = rows(("SSS", "2025", 200.0), ("KU205", "2025", 40.0), ("KU205", "2024", 20.0))
        values = indicator_values(an_indicator("100 * a / b"), {"a": a, "b": b}, a_catalogue())
        assert got(values) == {("KU205", "2024"): 50.0, ("KU205", "2025"): 75.0, ("SSS", "2025"): 25.0}

    def test_no_row_where_one_input_has_none(self):
        values = indicator_values(
            an_indicator("a / b"),
            {"a": rows(("KU205", "2024", 1.0), ("KU205", "2025", 1.0)), "b": rows(("KU205", "2025", 2.0))},
            a_catalogue(),
        )
        assert got(values) == {("KU205", "2025"): 0.5}

    def test_the_first_period_has_no_row_where_the_one_before_is_read(self):
        series = rows(("KU205", "2021", 1.0), ("KU205", "2022", 3.0), ("KU205", "2024", 9.0))
        values = indicator_values(an_indicator("a - a[t-1]"), {"a": series}, a_catalogue())
        assert got(values) == {("KU205", "2022"): 2.0}

    def test_earlier_months_are_found_over_the_turn_of_the_year(self):
        series = rows(("KU205", "2025M12", 5.0), ("KU205", "2026M01", 7.0))
        values = indicator_values(an_indicator("a - a[t-1]"), {"a": series}, a_catalogue())
        assert got(values) == {("KU205", "2026M01"): 2.0}

    def test_division_by_zero_is_a_plain_null(self):
        values = indicator_values(
            an_indicator("a / b"),
            {"a": rows(("KU205", "2025", 1.0)), "b": rows(("KU205", "2025", 0.0))},
            a_catalogue(),
        )
        assert got(values) == {("KU205", "2025"): ""}

    @pytest.mark.parametrize(
        ("a", "b", "symbol"),
        [("...", 1.0, "..."), ("...", "...", "..."), ("...", "..", ""), (".", np.nan, ".")],
    )
    def test_a_symbol_passes_where_all_that_is_missing_bears_it(self, a, b, symbol):
        values = indicator_values(
            an_indicator("a + b"),
            {"a": rows(("KU205", "2025", a)), "b": rows(("KU205", "2025", b))},
            a_catalogue(),
        )
        assert got(values) == {("KU205", "2025"): symbol}

    def test_it_is_preliminary_when_any_figure_is_also_an_earlier_one(self):
        a = rows(("KU205", "2023", 1.0), ("KU205", "2024", 1.0, "preliminary"), ("KU205", "2025", 1.0))
        values = indicator_values(an_indicator("a + a[t-1]"), {"a": a}, a_catalogue())
        assert list(values["status"]) == ["preliminary", "preliminary"]
        longer = rows(("KU205", "2022", 1.0), ("KU205", "2023", 1.0), ("KU205", "2024", 1.0, "preliminary"))
        values = indicator_values(an_indicator("a + a[t-1]"), {"a": longer}, a_catalogue())
        assert list(values["status"]) == ["final", "preliminary"]

    def test_inputs_of_different_frequencies_are_an_error(self):
        with pytest.raises(PeriodError, match="annual and quarterly"):
            indicator_values(
                an_indicator("a / b"),
                {"a": rows(("KU205", "2025", 1.0)), "b": rows(("KU205", "2025Q4", 1.0))},
                a_catalogue(),
            )

    def test_an_input_that_is_not_given_is_an_error(self):
        with pytest.raises(FormulaError, match="indicator 'i': its input 'b' is not given"):
            indicator_values(an_indicator("a / b"), {"a": rows()}, a_catalogue())

    def test_a_figure_entered_by_hand_has_nothing_to_compute(self):
        with pytest.raises(FormulaError, match="entered by hand"):
            indicator_values(replace(an_indicator("a"), formula=None), {}, a_catalogue())


class TestRegion:
    def test_a_count_is_summed_over_the_municipalities(self):
        series = rows(
            *((code, "2025", value) for code, value in zip(MEMBERS, (113.0, 100.0, 32.0), strict=True))
        )
        values = indicator_values(an_indicator("a", region="sum"), {"a": series}, a_catalogue())
        assert got(values)["MK18", "2025"] == 245.0

    def test_a_share_is_computed_from_the_sums_not_summed(self):
        a = rows(*((code, "2025", value) for code, value in zip(MEMBERS, (1.0, 2.0, 3.0), strict=True)))
        b = rows(*((code, "2025", 4.0) for code in MEMBERS))
        values = indicator_values(an_indicator("100 * a / b", region="sum"), {"a": a, "b": b}, a_catalogue())
        assert got(values)["MK18", "2025"] == 50.0

    def test_the_sources_own_figure_goes_before_a_sum(self):
        series = rows(
            ("MK18", "2025", 7.0), *((code, year, 1.0) for code in MEMBERS for year in ("2024", "2025"))
        )
        values = got(indicator_values(an_indicator("a", region="sum"), {"a": series}, a_catalogue()))
        assert values["MK18", "2025"] == 7.0 and values["MK18", "2024"] == 3.0

    def test_a_secret_figure_of_the_region_is_not_uncovered_by_a_sum(self):
        series = rows(("MK18", "2025", "..."), *((code, "2025", 1.0) for code in MEMBERS))
        values = got(indicator_values(an_indicator("a", region="sum"), {"a": series}, a_catalogue()))
        assert values["MK18", "2025"] == "..."

    def test_without_a_row_of_each_municipality_there_is_no_sum(self):
        series = rows(*((code, "2025", 1.0) for code in MEMBERS[:2]))
        values = got(indicator_values(an_indicator("a", region="sum"), {"a": series}, a_catalogue()))
        assert ("MK18", "2025") not in values and len(values) == 2

    def test_a_municipalitys_missing_figure_is_missing_from_the_region(self):
        series = rows(("KU205", "2025", 1.0), ("KU765", "2025", "..."), ("KU290", "2025", 2.0, "preliminary"))
        values = indicator_values(an_indicator("a", region="sum"), {"a": series}, a_catalogue())
        assert got(values)["MK18", "2025"] == "..."
        assert list(values[values["area_code"] == "MK18"]["status"]) == ["preliminary"]

    def test_what_is_no_count_is_not_summed(self):
        inputs = {
            "a": rows(*((code, "2025", 1.0) for code in MEMBERS)),
            "c": rows(*((code, "2025", 2.0) for code in MEMBERS)),
        }
        values = got(indicator_values(an_indicator("a / c", region="sum"), inputs, a_catalogue()))
        assert set(values) == {(code, "2025") for code in MEMBERS}

    @pytest.mark.parametrize("rule", ["none", "region_only", "direct"])
    def test_other_rules_compute_nothing(self, rule):
        series = rows(*((code, "2025", 1.0) for code in MEMBERS))
        indicator = an_indicator("a", region=rule, area_levels=("municipality", "region", "country"))
        assert "MK18" not in {
            area for area, _ in got(indicator_values(indicator, {"a": series}, a_catalogue()))
        }

    def test_sums_look_back_too(self):
        series = rows(
            *((code, year, value) for code in MEMBERS for year, value in (("2024", 1.0), ("2025", 3.0)))
        )
        values = got(indicator_values(an_indicator("a / a[t-1]", region="sum"), {"a": series}, a_catalogue()))
        assert values["MK18", "2025"] == 3.0


class TestClasses:
    AGES = ClassVariable(
        "age", ("Ikä",), (TOTAL, ValueChoice("20", code=("20",)), ValueChoice("30", code=("30",)))
    )
    SEX = ClassVariable("sex", ("Sukupuoli",), (TOTAL,))

    def test_a_sum_needs_every_class(self):
        dataset = a_dataset(classes=(self.AGES, self.SEX))
        young = Input("statfin/x", "a", {"age": ("20", "30"), "sex": ("total",)})
        everybody = Input("statfin/x", "a", {"age": ("total",), "sex": ("total",)})
        indicator = an_indicator("100 * sum(young) / everybody", {"young": young, "everybody": everybody})
        series = rows(
            ("KU205", "2024", 1.0, "final", "age=20"),
            ("KU205", "2024", 2.0, "final", "age=30"),
            ("KU205", "2024", 12.0, "final", "age=total"),
            ("KU205", "2025", 1.0, "final", "age=20"),
            ("KU205", "2025", "...", "final", "age=30"),
            ("KU205", "2025", 12.0, "final", "age=total"),
            ("KU765", "2025", 1.0, "final", "age=20"),
            ("KU765", "2025", 12.0, "final", "age=total"),
        )
        values = indicator_values(indicator, {"young": series, "everybody": series}, a_catalogue(dataset))
        assert got(values) == {("KU205", "2024"): 25.0, ("KU205", "2025"): "...", ("KU765", "2025"): ""}

    def test_classes_kept_apart_have_the_class_as_their_code(self):
        dataset = a_dataset(classes=(self.AGES,))
        kept = {"age": ("20", "30")}
        indicator = an_indicator(
            "a / b", {"a": Input("statfin/x", "a", kept), "b": Input("statfin/x", "b", kept)}, by="age"
        )
        a = rows(("KU205", "2025", 1.0, "final", "age=20"), ("KU205", "2025", 3.0, "final", "age=30"))
        b = rows(("KU205", "2025", 4.0, "final", "age=20"), ("KU205", "2025", 4.0, "final", "age=30"))
        values = indicator_values(indicator, {"a": a, "b": b}, a_catalogue(dataset))
        assert dict(zip(values["classes"], values["value"], strict=True)) == {"20": 0.25, "30": 0.75}

    def test_a_denominator_that_is_not_kept_apart_serves_all_classes(self):
        dataset, other = a_dataset(classes=(self.AGES,)), a_dataset("statfin/y")
        indicator = an_indicator(
            "a / b",
            {"a": Input("statfin/x", "a", {"age": ("20", "30")}), "b": Input("statfin/y", "b")},
            by="age",
        )
        a = rows(("KU205", "2025", 1.0, "final", "age=20"), ("KU205", "2025", 3.0, "final", "age=30"))
        values = indicator_values(
            indicator, {"a": a, "b": rows(("KU205", "2025", 2.0))}, a_catalogue(dataset, other)
        )
        assert dict(zip(values["classes"], values["value"], strict=True)) == {"20": 0.5, "30": 1.5}

    def test_classes_left_to_the_source_are_those_it_has(self):
        dataset = a_dataset(classes=(ClassVariable("stage", (), ()), self.AGES))
        one = Input("statfin/x", "a", {"stage": (), "age": ("total",)})
        series = rows(
            ("KU205", "2025", 1.0, "final", "age=total;stage=Valmis; osa=1"),
            ("KU205", "2025", 2.0, "final", "age=total;stage=Kesken"),
            ("KU205", "2025", 9.0, "final", "age=20;stage=Kesken"),
        )
        values = indicator_values(
            an_indicator("a", {"a": one}, by="stage"), {"a": series}, a_catalogue(dataset)
        )
        assert dict(zip(values["classes"], values["value"], strict=True)) == {
            "Valmis; osa=1": 1.0,
            "Kesken": 2.0,
        }

    def test_the_keys_of_an_input_are_those_of_its_observations(self):
        dataset = a_dataset(classes=(self.SEX, self.AGES))
        assert class_keys(dataset, {"age": ("20", "30"), "sex": ("total",)}) == ("age=20", "age=30")
        assert class_keys(a_dataset(), {}) == ("",)
        assert class_keys(a_dataset(classes=(self.AGES,)), {"age": ()}) == ()


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


RECORDED = {
    "statfin/ssaaty/121w": "121w-all-municipalities-2025.json",
    "statfin/tyonv/12r5": "12r5-all-areas-2026M06.json",
    "statfin/vaerak/11ra": "11ra-all-areas-2025-4-contents.json",
    "statfin/vkour/12bs": "12bs-all-areas-2025.json",
    "statfin/tjt/14ww": "14ww-all-areas-2024.json",
}


@pytest.mark.parametrize(
    ("indicator_id", "period", "expected", "decimals"),
    [
        ("net_migration_total", "2025", {"KU205": 113, "MK18": 245, "SSS": 31233}, 0),
        ("net_migration_domestic", "2025", {"KU205": -475}, 0),
        ("net_immigration", "2025", {"KU205": 588}, 0),
        ("unemployed_jobseekers", "2026M06", {"KU205": 2066, "MK18": 3423, "SSS": 352001}, 0),
        ("unemployed_per_vacancy", "2026M06", {"KU205": 8.2}, 1),
        ("long_term_unemployed_share", "2026M06", {"KU205": 30.3}, 1),
        ("population", "2025", {"KU205": 36370, "MK18": 69193, "SSS": 5652881}, 0),
        ("demographic_dependency_ratio", "2025", {"KU205": 65.8, "MK18": 79.5, "SSS": 61.6}, 1),
        ("tertiary_share", "2025", {"KU205": 31.3, "MK18": 27.3, "SSS": 34.5}, 1),
        ("education_level_index", "2025", {"KU205": 381.3, "MK18": 353.7, "SSS": 403.2}, 1),
        ("doctorate_holders", "2025", {"KU205": 122, "MK18": 193, "SSS": 57326}, 0),
        ("median_income", "2024", {"KU205": 29128, "MK18": 28747, "SSS": 30523}, 0),
        ("at_risk_of_poverty_rate", "2024", {"KU205": 15.2, "MK18": 15.4, "SSS": 14.2}, 1),
    ],
)
def test_real_answers_give_the_published_values(
    indicator_id, period, expected, decimals, catalogue, recorded_table
):
    indicator = catalogue.indicators[indicator_id]
    inputs = {}
    for name, one in indicator.inputs.items():
        dataset = catalogue.datasets[one.dataset]
        meta, table = recorded_table(RECORDED[one.dataset], dataset.table)
        meta = replace(meta, variables=tuple(replace(v, elimination=not v.time) for v in meta.variables))
        frame = observations(table, resolve(dataset, meta, catalogue.areas_for(dataset)))
        inputs[name] = frame[frame["content"] == one.content]
    values = got(indicator_values(indicator, inputs, catalogue))
    assert {area: round(values[area, period], decimals) for area in expected} == expected


def test_the_net_migration_of_kainuu_is_the_sum_of_its_eight_municipalities(catalogue, recorded_table):
    dataset = catalogue.datasets["statfin/ssaaty/121w"]
    meta, table = recorded_table("121w-all-municipalities-2025.json", dataset.table)
    frame = observations(table, resolve(dataset, meta, catalogue.areas_for(dataset)))
    assert "MK18" not in set(frame["area_code"])
    total = frame[(frame["content"] == "net_migration_total")].set_index("area_code")["value"]
    assert total[[area.code for area in catalogue.areas.region_municipalities]].sum() == 245
