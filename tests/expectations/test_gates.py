"""What each gate holds back, what it lets pass, and how it says so."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from expectations import check_observations, check_source, validation
from expectations.suites import Rule
from models.resolution import Missing


def failed(report):
    return {check.rule: check for check in report.checks if not check.passed}


def in_one_line(report):
    return all(len(text.splitlines()) <= 1 for c in report.checks for text in (c.saw, c.expected, c.cause))


class TestSource:
    def test_a_whole_answer_passes(self, case):
        report = check_source(case.reading, case.dataset)
        assert not report.held_back and report.reason == "" and report.warnings == ()
        assert report.gate == "shape" and failed(report) == {}
        assert {check.rule for check in report.checks} == {
            "rows",
            "all cells",
            "dimensions",
            "no duplicates",
            "known symbols",
            "no empty value list",
            "codes asked for",
        }
        assert all(check.saw and check.expected for check in report.checks)

    def test_an_answer_without_rows(self, case):
        report = check_source(case.with_frame(lambda frame: frame.iloc[:0]), case.dataset)
        assert report.held_back
        assert "rows: saw 0 rows, expected at least 1 row" in report.reason

    def test_an_empty_value_list(self, case):
        reading = case.with_frame(lambda frame: frame.assign(value=np.nan))
        found = failed(check_source(reading, case.dataset))
        assert list(found) == ["no empty value list"]
        assert found["no empty value list"].severity == "critical"
        assert found["no empty value list"].saw == "0 % with a figure"

    def test_a_dimension_too_few_and_one_too_many(self, case):
        reading = case.with_frame(lambda frame: frame.rename(columns={"sukupuoli": "kieli"}))
        found = failed(check_source(reading, case.dataset))
        assert found["dimensions"].saw == "lacking sukupuoli; besides kieli"
        assert found["codes asked for"].rows == (
            {"dimension": "sukupuoli", "code": "SSS"},
            {"dimension": "sukupuoli", "code": "2"},
        )
        assert set(found) == {"dimensions", "codes asked for"}

    @pytest.mark.parametrize(
        ("dimension", "code"),
        [("alue", "KU003"), ("vuosi", "2025"), ("contentscode", "sub-c2"), ("sukupuoli", "2")],
    )
    def test_a_code_that_was_asked_for_and_is_not_there(self, case, dimension, code):
        reading = case.with_frame(lambda frame: frame[frame[dimension] != code])
        found = failed(check_source(reading, case.dataset))
        assert set(found) == {"all cells", "codes asked for"}
        assert found["codes asked for"].rows == ({"dimension": dimension, "code": code},)
        assert f"dimension {dimension}, code {code}" in found["codes asked for"].saw

    def test_one_cell_that_is_not_there(self, case):
        report = check_source(case.with_frame(lambda frame: frame.drop(index=7)), case.dataset)
        assert list(failed(report)) == ["all cells"]
        assert report.held_back
        assert failed(report)["all cells"].saw == "159 cells"
        assert failed(report)["all cells"].expected.startswith("160 cells (4 alue × 10 vuosi ×")

    def test_cells_beyond_those_asked_for_do_no_harm(self, case):
        fewer = dict(list(case.resolution.areas.items())[:2])
        resolution = replace(case.resolution, areas=fewer, periods=case.resolution.periods[3:])
        assert failed(check_source(replace(case.reading, resolution=resolution), case.dataset)) == {}

    def test_a_cell_that_comes_twice_for_another(self, case):
        def twice(frame):
            frame.iloc[5] = frame.iloc[6]
            return frame

        found = failed(check_source(case.with_frame(twice), case.dataset))
        assert list(found) == ["no duplicates"]
        assert len(found["no duplicates"].rows) == 2
        assert {row["value"] for row in found["no duplicates"].rows} == {7.0}

    def test_an_unknown_symbol_holds_back_since_it_may_be_a_figure(self, case):
        def unknown(frame):
            frame["symbol"] = frame["symbol"].cat.rename_categories({"...": "1 234"})
            return frame

        report = check_source(case.with_frame(unknown), case.dataset)
        assert report.held_back and list(failed(report)) == ["known symbols"]
        assert failed(report)["known symbols"].rows[0]["symbol"] == "1 234"

    @pytest.mark.parametrize("symbol", [".", "..", "...", "-"])
    def test_the_symbols_of_statfin_are_known(self, case, symbol):
        reading = case.with_frame(
            lambda frame: frame.assign(symbol=frame["symbol"].cat.rename_categories({"...": symbol}))
        )
        assert failed(check_source(reading, case.dataset)) == {}

    def test_another_tables_answer(self, case, make_case):
        other = make_case(areas=1, periods=3).with_frame(lambda frame: frame.rename(columns={"alue": "maa"}))
        report = check_source(replace(case.reading, table=other.table), case.dataset)
        assert report.held_back and {"dimensions", "all cells", "codes asked for"} <= set(failed(report))
        assert in_one_line(report)

    def test_a_reading_of_another_dataset_is_a_mistake_of_the_caller(self, case):
        with pytest.raises(ValueError, match="is not one of statfin/x"):
            check_source(case.reading, replace(case.dataset, id="statfin/x"))

    def test_a_variable_that_is_absent_is_not_expected(self, case):
        reading = case.with_frame(lambda frame: frame[frame["sukupuoli"] == "SSS"].drop(columns="sukupuoli"))
        resolution = replace(case.resolution, classes={"sex": (None, {"total": ""})})
        assert failed(check_source(replace(reading, resolution=resolution), case.dataset)) == {}


class TestObservations:
    def check(self, case, frame=None, bounds=None, resolution=None):
        return check_observations(
            case.observations() if frame is None else frame,
            case.dataset,
            bounds or {},
            resolution or case.resolution,
        )

    def test_whole_observations_pass(self, case):
        report = self.check(case, bounds={"c1": (0, 1000), ("c2", "sex=women"): (None, 1000)})
        assert report.gate == "values" and failed(report) == {} and not report.held_back
        assert len(report.checks) == 11

    def test_what_was_seen_is_said_of_rules_that_pass_too(self, case):
        saw = {check.rule: check.saw for check in self.check(case).checks}
        assert saw["coverage"] == "160 rows"
        assert saw["no duplicates"] == saw["upper bounds"] == "160 rows, none otherwise"
        assert saw["codes asked for"] == "18 codes, none otherwise"

    def test_a_value_outside_its_bounds_is_shown_with_its_key_and_limits(self, case):
        frame = case.observations()
        frame.loc[20, "value"] = 5000.0
        frame.loc[22, "value"] = -5.0
        report = self.check(case, frame, {"c1": (0, 1000)})
        found = failed(report)
        assert set(found) == {"lower bounds", "upper bounds"} and report.held_back
        assert found["upper bounds"].rows == (
            {
                "content": "c1",
                "classes": "sex=women",
                "area_code": "KU001",
                "period": "2016",
                "value": 5000.0,
                "symbol": "",
                "status": "final",
                "highest": 1000.0,
            },
        )
        assert found["lower bounds"].rows[0]["lowest"] == 0.0
        assert "1 of 160 rows otherwise (the first: content c1" in found["upper bounds"].saw

    def test_the_bounds_themselves_are_credible(self, case):
        frame = case.observations()
        in_c1 = frame["content"] == "c1"
        frame.loc[in_c1, "value"] = np.where(np.arange(in_c1.sum()) % 2, 10.0, 20.0)
        assert failed(self.check(case, frame, {"c1": (10, 20)})) == {}
        assert set(failed(self.check(case, frame, {"c1": (10.5, 19.5)}))) == {"lower bounds", "upper bounds"}

    def test_bounds_of_one_class_are_about_that_class_only(self, case):
        frame = case.observations()
        frame["value"] = np.where(frame["classes"] == "sex=women", 1.0, 500.0)
        frame["symbol"] = pd.Categorical([""] * len(frame))
        assert failed(self.check(case, frame, {("c1", "sex=women"): (0, 10)})) == {}
        assert list(failed(self.check(case, frame, {("c1", "sex=total"): (0, 10)}))) == ["upper bounds"]
        assert list(failed(self.check(case, frame, {"c1": (0, 600), ("c1", "sex=total"): (0, 10)}))) == [
            "upper bounds"
        ]

    def test_bounds_of_what_is_not_there_change_nothing(self, case):
        assert failed(self.check(case, bounds={"other": (1, 2), ("c1", "sex=men"): (1, 2)})) == {}

    def test_a_missing_value_is_within_any_bounds(self, case):
        frame = case.observations()
        frame["value"] = frame["value"].where(frame["content"] != "c2")
        report = self.check(case, frame, {"c2": (1, 2)})
        assert list(failed(report)) == ["contents with figures"]

    def test_the_same_key_twice(self, case):
        frame = case.observations()
        frame.iloc[5, :4] = frame.iloc[6, :4]
        found = failed(self.check(case, frame))
        assert list(found) == ["no duplicates"] and len(found["no duplicates"].rows) == 2

    def test_a_lost_period_is_named(self, case):
        frame = case.observations()
        found = failed(self.check(case, frame[frame["period"] != "2020"]))
        assert set(found) == {"coverage", "codes asked for"}
        assert found["codes asked for"].rows == ({"dimension": "period", "code": "2020"},)
        assert found["coverage"].expected == "160 rows (2 content × 2 classes × 4 area_code × 10 period)"

    def test_one_lost_observation(self, case):
        assert list(failed(self.check(case, case.observations().iloc[1:]))) == ["coverage"]

    def test_nothing_at_all(self, case):
        report = self.check(case, case.observations().iloc[:0])
        assert report.held_back and {"rows", "coverage", "codes asked for"} <= set(failed(report))

    def test_a_value_beside_a_symbol(self, case):
        frame = case.observations()
        frame.loc[frame["symbol"] == "...", "value"] = 0.0
        found = failed(self.check(case, frame))
        assert list(found) == ["no figure beside a symbol"]
        assert found["no figure beside a symbol"].rows[0]["symbol"] == "..."

    def test_a_plain_null_has_no_symbol_and_passes(self, case):
        frame = case.observations()
        frame.loc[9, "value"] = np.nan
        assert failed(self.check(case, frame)) == {}

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_infinity(self, case, value):
        frame = case.observations()
        frame.loc[9, "value"] = value
        assert list(failed(self.check(case, frame))) == ["lower bounds" if value < 0 else "upper bounds"]

    def test_an_unknown_status(self, case):
        frame = case.observations()
        frame["status"] = pd.Categorical(frame["status"].astype("str").where(frame.index != 3, "guess"))
        assert list(failed(self.check(case, frame))) == ["known statuses"]

    def test_an_area_that_the_table_lacks_is_a_warning_that_names_it(self, case):
        resolution = replace(case.resolution, missing=(Missing("area", "MK18", "not there"),))
        report = self.check(case, resolution=resolution)
        assert not report.held_back
        assert [check.rule for check in report.warnings] == ["areas of the catalogue"]
        assert report.warnings[0].rows == ({"dimension": "area_code", "code": "MK18"},)

    def test_a_missing_content_or_class_is_no_matter_of_the_gate(self, case):
        resolution = replace(
            case.resolution, missing=(Missing("content", "c9", "none"), Missing("class", "sex=men", "none"))
        )
        assert failed(self.check(case, resolution=resolution)) == {}

    def test_a_content_without_a_figure_is_a_warning(self, case):
        frame = case.observations()
        frame.loc[frame["content"] == "c2", "value"] = np.nan
        report = self.check(case, frame)
        assert not report.held_back
        assert report.warnings[0].rows == ({"dimension": "content", "code": "c2"},)

    def test_plain_text_columns_are_checked_just_the_same(self, case):
        frame = case.observations().astype(
            dict.fromkeys(("content", "classes", "area_code", "period", "symbol", "status"), "str")
        )
        assert failed(self.check(case, frame, {"c1": (0, 1000)})) == {}
        frame.loc[20, "value"] = 5000.0
        assert list(failed(self.check(case, frame, {"c1": (0, 1000)}))) == ["upper bounds"]

    def test_at_most_twenty_rows_are_shown(self, case):
        report = self.check(case, bounds={"c1": (None, 1)})
        found = failed(report)["upper bounds"]
        assert len(found.rows) == 20
        assert found.saw.startswith("79 of 160 rows otherwise")
        assert in_one_line(report)


class TestTheLibraryDecides:
    def frame(self):
        return pd.DataFrame({"value": [1.0, 2.0]})

    def test_a_check_that_cannot_be_evaluated_has_failed(self):
        rule = Rule("odd", "ExpectColumnValuesToBeNull", {"column": "absent"}, "x", "y", "warning")
        report = validation.validate("shape", [(self.frame(), [rule])])
        assert [(c.passed, c.severity) for c in report.checks] == [(False, "warning")]
        assert "could not be evaluated" in report.checks[0].saw and "absent" in report.checks[0].saw
        assert in_one_line(report)

    def test_where_nothing_was_evaluated_the_frame_is_held_back(self):
        report = validation.validate("shape", [(self.frame(), [])])
        assert report.held_back and report.reason == "gate shape: no check was evaluated"

    def test_the_answer_to_each_rule_is_its_own(self):
        rules = [
            Rule(
                f"over {limit}",
                "ExpectColumnValuesToBeBetween",
                {"column": "value", "min_value": limit},
                "",
                "",
            )
            for limit in (0, 2, 1, 3)
        ]
        report = validation.validate("values", [(self.frame(), rules), (self.frame() + 10, rules)])
        assert [check.rule for check in report.checks] == [rule.name for rule in rules] * 2
        assert [check.passed for check in report.checks] == [True, False, True, False] + [True] * 4

    def test_it_is_given_the_columns_that_a_rule_reads_and_no_others(self, monkeypatch):
        engine = validation._great_expectations().execution_engine.PandasExecutionEngine
        load, given = engine.load_batch_data, []

        def seen(self, name, frame):
            given.append(list(frame.columns))
            load(self, name, frame)

        monkeypatch.setattr(engine, "load_batch_data", seen)
        frame = pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 3.0], "c": ["", ""]})
        low = {"min_value": 0}
        rules = [
            Rule("a", "ExpectColumnValuesToBeBetween", {"column": "a", **low}, "", ""),
            Rule(
                "pair", "ExpectColumnPairValuesAToBeGreaterThanB", {"column_A": "a", "column_B": "b"}, "", ""
            ),
            Rule("a again", "ExpectColumnValuesToBeUnique", {"column": "a"}, "", ""),
        ]
        report = validation.validate("values", [(frame, rules)])
        assert given == [["a"], ["a", "b"]]
        assert [check.passed for check in report.checks] == [True, False, True]
        assert report.checks[1].rows == ({"a": 2.0, "b": 3.0, "c": ""},)  # people see all of the row

    def test_a_failure_whose_rows_it_does_not_bring_is_a_failure_all_the_same(self, monkeypatch):
        validator = validation._great_expectations().validator.validator.Validator
        answered = validator.graph_validate
        calls = []

        def once(self, configurations, *rest):
            calls.append(len(configurations))
            return answered(self, configurations, *rest) if len(calls) == 1 else []

        monkeypatch.setattr(validator, "graph_validate", once)
        rules = [
            Rule("low", "ExpectColumnValuesToBeBetween", {"column": "value", "max_value": 1}, "", ""),
            Rule("high", "ExpectColumnValuesToBeBetween", {"column": "value", "max_value": 2}, "", ""),
        ]
        report = validation.validate("values", [(self.frame(), rules)])
        assert calls == [2, 1]  # the rows are asked for where the verdict was bad, and only there
        assert [(check.rule, check.passed) for check in report.checks] == [("low", False), ("high", True)]
        assert report.checks[0].saw == "no answer of the check" and report.held_back

    def test_threads_do_not_mix_their_gates(self, make_case):
        wanted = {1: "MK01", 2: "MK02", 3: "MK03", 4: "MK04"}
        seen: dict[int, list[str]] = {number: [] for number in wanted}

        def check(number):
            case = make_case(areas=number)
            resolution = replace(case.resolution, missing=(Missing("area", wanted[number], ""),))
            for _ in range(3):
                report = check_observations(case.observations(), case.dataset, {}, resolution)
                seen[number] += [str(row["code"]) for check in failed(report).values() for row in check.rows]

        threads = [threading.Thread(target=check, args=(number,)) for number in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == {number: [code] * 3 for number, code in wanted.items()}


PROBE = """
import socket, sys
def refuse(*args, **kwargs): raise SystemExit("an outside call")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
sys.path[:0] = [{tests!r}, {root!r}]
import expectations
assert "great_expectations" not in sys.modules, "imported too early"
import conftest
case = conftest.Case(conftest.a_reading(), conftest.DATASET)
first = expectations.check_source(case.reading, case.dataset)
bounds = {{"c1": (None, 1)}}
second = expectations.check_observations(case.observations(), case.dataset, bounds, case.resolution)
assert not first.held_back and second.held_back
"""


def test_gates_print_nothing_write_nothing_call_nobody_and_import_late(tmp_path):
    here = Path(__file__).parent
    script = tmp_path / "probe.py"
    script.write_text(PROBE.format(tests=str(here), root=str(here.parents[1])), "utf-8")
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", str(script)],
        capture_output=True,
        text=True,
        cwd=home,
        env={"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin"},
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
