"""Changes make a new table of an old one and leave the old one as it was."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from demo import changes
from demo.answers import data
from demo.sample import load_sample
from demo.table import SampleError


@pytest.fixture(scope="module")
def sample():
    return load_sample()


def test_a_renamed_variable_keeps_figures_roles_and_total(sample):
    before = sample["vaerak/11ra"]
    after = changes.rename_variable(before, "alue_23_20260101", "alue_23_20270101")
    assert after.codes == ("alue_23_20270101", "timeperiod_y", "contentscode")
    assert after.area_variable == "alue_23_20270101"
    assert after.totals == {"alue_23_20270101": "SSS"}
    assert after.cell(alue_23_20270101="KU205", contentscode="vaerak-vaesto") == (36370.0, "")
    assert before.codes[0] == "alue_23_20260101"


def test_renamed_contents_keep_their_text_unit_and_decimals(sample):
    before = sample["vaerak/11re"]
    after = changes.rename_contents(before, {"vaerak-vaesto": "vaesto2"})
    assert after.variable("contentscode").values == ("vaesto2",)
    assert after.variable("contentscode").texts == ("Väestö 31.12.",)
    assert (after.units, after.decimals) == ({"vaesto2": "lukumäärä"}, {"vaesto2": 0})


def test_two_codes_can_change_places(sample):
    before = sample["vaerak/11ra"]
    after = changes.rename_values(before, "alue_23_20260101", {"KU205": "KU765", "KU765": "KU205"})
    moved = after.cell(alue_23_20260101="KU765", contentscode="vaerak-vaesto")
    assert moved == before.cell(alue_23_20260101="KU205", contentscode="vaerak-vaesto")


def test_a_renamed_total_is_still_the_total(sample):
    after = changes.rename_values(sample["vaerak/11ra"], "alue_23_20260101", {"SSS": "000"})
    assert after.totals == {"alue_23_20260101": "000"}


def test_a_code_that_would_stand_twice_is_refused(sample):
    with pytest.raises(SampleError, match="one twice"):
        changes.rename_values(sample["vaerak/11ra"], "alue_23_20260101", {"KU205": "KU765"})


def test_swapped_contents_change_their_figures_and_keep_code_and_text(sample):
    before = sample["vaerak/11ra"]
    after = changes.swap_contents(before, "vaesto_alle15_p", "vaesto_yli64_p")
    here = {"alue_23_20260101": "KU205"}
    assert after.cell(**here, contentscode="vaesto_alle15_p") == before.cell(
        **here, contentscode="vaesto_yli64_p"
    )
    assert after.variables == before.variables


def test_swapped_contents_keep_the_decimals_of_their_figures(sample):
    after = changes.swap_contents(sample["vaerak/11ra"], "vaerak-vaesto", "vaesto_keski_ika")
    answer = json.loads(data(after, b'{"query":[],"response":{"format":"json"}}', max_cells=10))
    assert answer["data"] == [{"key": ["2025"], "values": ["44.1", "14.3", "23.8", "5652881"]}]


def test_dropped_periods_are_gone(sample):
    after = changes.drop_periods(sample["tyonv/12tf"], ["2016M09", "2020M01"])
    assert len(after.variable("timeperiod_m").values) == 118
    assert after.cell(timeperiod_m="2016M10") == (12.0, "")
    assert after.cell(timeperiod_m="2026M08") == (10.8, "")
    with pytest.raises(SampleError, match="no value '2020M01'"):
        after.cell(timeperiod_m="2020M01")


def test_a_period_more_has_the_last_ones_figures_times_a_factor(sample):
    after = changes.add_period(sample["tyonv/12tf"], "2026M09", factor=1.1, preliminary=True)
    assert after.cell(timeperiod_m="2026M09") == (11.9, "")
    assert after.variable("timeperiod_m").texts[-1] == "2026M09*"
    assert after.cell(timeperiod_m="2026M08") == (10.8, "")
    with pytest.raises(SampleError, match="already"):
        changes.add_period(after, "2026M09")


def test_a_period_more_keeps_missing_symbols(sample):
    before = sample["tyonv/12r5"]
    after = changes.add_period(before, "2026M07")
    assert (after.symbols[:, 1] == before.symbols[:, 0]).all()
    assert np.array_equal(after.values[:, 1], before.values[:, 0], equal_nan=True)


def test_revised_figures_keep_their_decimals_and_others_stay(sample):
    before = sample["tyonv/12tf"]
    after = changes.revise(before, {"timeperiod_m": ["2026M06", "2026M07"]}, factor=1.05)
    assert after.cell(timeperiod_m="2026M06") == (12.8, "")
    assert after.cell(timeperiod_m="2026M08") == before.cell(timeperiod_m="2026M08")
    assert before.cell(timeperiod_m="2026M06") == (12.2, "")


def test_a_figure_can_be_set_and_withdrawn(sample):
    before = sample["tyonv/12tf"]
    assert (
        changes.revise(before, {"timeperiod_m": "2026M06"}, value=99.9).cell(timeperiod_m="2026M06")[0]
        == 99.9
    )
    value, symbol = changes.revise(before, {"timeperiod_m": "2026M06"}, symbol="...").cell(
        timeperiod_m="2026M06"
    )
    assert np.isnan(value)
    assert symbol == "..."


def test_a_factor_leaves_missing_cells_missing(sample):
    before = sample["tyonv/12r5"]
    after = changes.revise(before, {}, factor=2.0)
    assert (after.symbols == before.symbols).all()
    assert np.isnan(after.values[after.symbols > 0]).all()


@pytest.mark.parametrize("given", [{}, {"factor": 1.1, "value": 2.0}, {"symbol": "x"}])
def test_a_revision_says_exactly_one_thing(sample, given):
    with pytest.raises(SampleError):
        changes.revise(sample["tyonv/12tf"], {}, **given)


def test_an_unknown_place_is_refused_with_what_there_is(sample):
    with pytest.raises(SampleError, match="no variable 'alue'; it has Alue, timeperiod_m, contentscode"):
        changes.revise(sample["tyonv/12tf"], {"alue": "KU205"}, factor=2.0)


def test_a_new_release_moves_the_files_stamp_too(sample):
    after = changes.set_updated(sample["vaerak/11ra"], datetime(2027, 5, 28, 5, tzinfo=UTC))
    assert after.updated.year == after.file_time.year == 2027
    assert after.file_time < after.updated.replace(tzinfo=None)


def test_final_figures_lose_their_star(sample):
    starred = changes.add_period(sample["tyonv/12tf"], "2026M09", preliminary=True)
    assert changes.finalise(starred).variable("timeperiod_m").texts[-1] == "2026M09"


def test_the_old_form_has_finnish_names_long_id_and_no_prefixes(sample):
    after = changes.old_form(sample["vaerak/11re"])
    assert after.codes == ("Alue", "Ikä", "Sukupuoli", "Vuosi", "Tiedot")
    assert after.variable("Tiedot").values == ("vaesto",)
    assert after.file_name == "statfin_vaerak_pxt_11re.px"
    assert after.table_id == "statfin_vaerak_pxt_11re"
    assert after.stub == ("Alue", "Ikä")
    assert after.cell(Alue="KU205", Sukupuoli="1", Vuosi="2025") == (18322.0, "")


def test_the_old_form_can_stand_at_the_present_address(sample):
    after = changes.old_form(sample["ssaaty/121w"], long_id=False)
    assert after.file_name == "121w.px"
    assert "vm43_netto" in after.variable("Tiedot").values
