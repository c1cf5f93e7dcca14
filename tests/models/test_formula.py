"""Formulas: small arithmetic that is parsed and never evaluated by Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.formula import (
    MAX_DEPTH,
    MAX_LAG,
    MAX_LENGTH,
    FormulaError,
    evaluate,
    is_plain,
    matrix_names,
    parse_formula,
    reads,
)

NAN = math.nan


def series(**values):
    """Series by name: a flat list is one class, a list of lists several."""
    return {name: np.atleast_2d(np.array(value, dtype=float)) for name, value in values.items()}


class TestWhatIsAllowed:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("population", ("population",)),
            ("population[t]", ("population",)),
            ("1000 * net[t] / ((pop[t] + pop[t-1]) / 2)", ("net", "pop")),
            ("100 * (under15 + over64) / (100 - under15 - over64)", ("under15", "over64")),
            ("100 * sum(young) / all", ("young", "all")),
            ("duncan_index(women, men)", ("women", "men")),
            ("-a + .5*b - 1e3", ("a", "b")),
            ("  openings  -  closures  ", ("openings", "closures")),
        ],
    )
    def test_these_parse(self, text, names):
        assert parse_formula(text).names == names

    def test_each_name_has_the_most_periods_it_looks_back(self):
        formula = parse_formula("a[t-2] + a[t-5] - a + b[t]")
        assert formula.lags == {"a": 5, "b": 0}
        assert reads(formula) == (("a", 2), ("a", 5), ("a", 0), ("b", 0))

    def test_names_outside_a_function_must_have_one_class(self):
        assert matrix_names(parse_formula("100 * sum(young) / all")) == {"all"}
        assert matrix_names(parse_formula("sum(a) / a")) == {"a"}
        assert matrix_names(parse_formula("duncan_index(a, b)")) == frozenset()

    def test_a_series_as_it_stands_is_plain(self):
        assert is_plain(parse_formula("a")) and is_plain(parse_formula("a[t]"))
        assert not any(is_plain(parse_formula(text)) for text in ("a[t-1]", "1*a", "sum(a)", "-a"))


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a ** 2", r"\*\*"),
            ("a.real", "a.real"),
            ("a // 2", "a // 2"),
            ("a % 2", "'%'"),
            ("a < b", "'<'"),
            ("a == b", "'='"),
            ("a if b else c", "'if' is a reserved word"),
            ("100 * in / all", "'in' is a reserved word"),
            ("not a", "'not' is a reserved word"),
            ("lambda", "'lambda' is a reserved word"),
            ("'a'", '"\'"'),
            ("abs(a)", r"abs\(a\)"),
            ("__import__(os)", "__import__"),
            ("sum(a)(b)", r"sum\(a\)\(b\)"),
            ("sum()", "sum takes 1 series, not 0"),
            ("sum(a, b)", "sum takes 1 series, not 2"),
            ("duncan_index(a)", "duncan_index takes 2 series, not 1"),
            ("sum(a + b)", r"a \+ b"),
            ("sum(*a)", r"\*a"),
            ("sum(2)", "2"),
            ("sum", "'sum' cannot name a series"),
            ("t", "'t' cannot name a series"),
            ("Population", "'Population' cannot name a series"),
            ("_a", "'_a' cannot name a series"),
            ("a[0]", "no earlier figure"),
            ("a[t+1]", "no earlier figure"),
            ("a[t-b]", "no earlier figure"),
            ("a[t-1.5]", "no earlier figure"),
            (f"a[t-{MAX_LAG + 1}]", "no earlier figure"),
            ("a[t][t]", "not allowed"),
            ("(a + b)[t-1]", "not allowed"),
            ("a / 0", "divides by '0', which is zero"),
            ("a / (2 - 1 - 1)", "which is zero"),
            ("a / -0.0", "which is zero"),
            ("1 / (1e308 * 1e308) + a", "divides"),
            ("+a", r"\+a"),
            ("a, b", r"\(a, b\)"),
            ("[a]", r"\[a\]"),
            ("()", r"\(\)"),
            ("", "does not parse"),
            ("a +", "does not parse"),
            ("a b", "does not parse"),
            ("1_0 * a b", "does not parse"),
            ("3j * a", "3j"),
            ("1e999 * a", "too large"),
            ("9" * 400 + " * a", "too large"),
            ("1 + 1", "reads no series"),
            ("a\n+ b", "not allowed"),
            ("a; b", "';'"),
            ("väestö", "'ä'"),
            ("[" * 190 + "a" + "]" * 190, "not allowed"),
            ("(" * 240 + "a" + ")" * 240, "does not parse"),
            ("+".join(["a"] * MAX_LENGTH), f"longer than {MAX_LENGTH}"),
            ("(" * 60 + "-" * (MAX_DEPTH + 2) + "a" + ")" * 60, f"deeper than {MAX_DEPTH}"),
        ],
    )
    def test_these_are_refused_in_one_line_that_says_why(self, text, said):
        with pytest.raises(FormulaError, match=said) as error:
            parse_formula(text)
        assert len(str(error.value).splitlines()) == 1
        assert len(str(error.value)) < 400

    @settings(max_examples=400, deadline=None)
    @given(st.one_of(st.text(max_size=80), st.text("abt01.+-*/()[], _e'\"\\\n=<", max_size=60)))
    def test_no_text_raises_anything_else(self, text):
        try:
            formula = parse_formula(text)
        except FormulaError as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert formula.names


class TestValues:
    def test_one_series_is_given_as_it_is(self):
        values = [12.2, NAN, -0.0, 1e-300]
        np.testing.assert_array_equal(evaluate(parse_formula("a"), series(a=values)), values)

    def test_an_earlier_figure_is_the_one_so_many_columns_before(self):
        got = evaluate(parse_formula("a - a[t-2]"), series(a=[1, 2, 4, 8]))
        np.testing.assert_array_equal(got, [NAN, NAN, 3, 6])

    def test_a_lag_beyond_the_series_gives_nothing(self):
        np.testing.assert_array_equal(evaluate(parse_formula("a[t-9]"), series(a=[1, 2])), [NAN, NAN])

    def test_division_by_zero_gives_nothing_and_never_infinity(self):
        got = evaluate(parse_formula("a / b + 0 / b"), series(a=[1, 0, -1, 6], b=[0, 0, 0, 3]))
        np.testing.assert_array_equal(got, [NAN, NAN, NAN, 2])

    def test_what_overflows_gives_nothing_also_when_divided_away(self):
        got = evaluate(parse_formula("1 / (a * a)"), series(a=[1e300, 2]))
        np.testing.assert_array_equal(got, [NAN, 0.25])

    def test_sum_goes_over_the_classes_and_needs_them_all(self):
        got = evaluate(
            parse_formula("100 * sum(young) / all"), series(young=[[1, 2], [3, NAN]], all=[16, 16])
        )
        np.testing.assert_array_equal(got, [25, NAN])

    def test_sum_of_earlier_figures(self):
        got = evaluate(parse_formula("sum(a[t-1])"), series(a=[[1, 2], [3, 4]]))
        np.testing.assert_array_equal(got, [NAN, 4])

    def test_duncan_index_of_equal_distributions_is_zero_and_of_separate_ones_a_hundred(self):
        formula = parse_formula("duncan_index(women, men)")
        got = evaluate(
            formula,
            series(women=[[10, 10, 30, NAN, 0], [30, 0, 10, 1, 0]], men=[[1, 0, 10, 1, 0], [3, 7, 30, 1, 5]]),
        )
        np.testing.assert_allclose(got, [0, 100, 50, NAN, NAN])

    def test_axes_between_classes_and_periods_are_kept(self):
        values = np.arange(12.0).reshape(2, 3, 2)
        got = evaluate(parse_formula("sum(a) - 1"), {"a": values})
        np.testing.assert_array_equal(got, values.sum(axis=0) - 1)

    @pytest.mark.parametrize(
        ("text", "given_series", "said"),
        [
            ("a + b", series(a=[1]), "reads 'b', which is not given"),
            (
                "a + b",
                series(a=[1], b=[[1], [2]]),
                r"'b' as one series, but it has 2 classes; write sum\(b\)",
            ),
            ("a + b", series(a=[1], b=[1, 2]), "do not cover the same"),
            ("duncan_index(a, b)", series(a=[[1], [2]], b=[[1]]), "2 with 1 classes"),
            ("a", {"a": np.array([1.0])}, "axes"),
        ],
    )
    def test_series_that_do_not_fit_are_an_error(self, text, given_series, said):
        with pytest.raises(FormulaError, match=said):
            evaluate(parse_formula(text), given_series)


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-6)
EXPRESSIONS = st.recursive(
    st.one_of(st.sampled_from(["a", "b", "c"]), st.integers(1, 99).map(str), st.sampled_from(["0.5", "2e2"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        inner.map(lambda x: f"(-{x})"),
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_random_arithmetic_agrees_with_python(expression, rows):
    text = f"a + {expression}"
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        assert "which is zero" in str(error)
        return
    columns = {name: [row[i] for row in rows] for i, name in enumerate("abc")}
    got = evaluate(formula, series(**{name: columns[name] for name in formula.names}))
    for value, (a, b, c) in zip(got, rows, strict=True):
        try:
            expected = eval(text, {"__builtins__": {}}, {"a": a, "b": b, "c": c})  # noqa: S307 (our own text)
        except ZeroDivisionError:
            assert math.isnan(value)
        else:
            assert math.isnan(value) if not math.isfinite(expected) else value == expected
