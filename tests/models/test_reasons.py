"""The sentences: what people read, word for word."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from models.catalogue import load_catalogue
from models.judge import verdict_frame

CATALOGUE = load_catalogue()
T = datetime(2026, 6, 1, 5, tzinfo=UTC)
NBSP = "\u00a0"
PEERS = ("KU740", "KU491", "KU272")
NO_TARGET = ("Tavoitetta ei ole asetettu.", "Inget mål har ställts.", "No target has been set.")


def told(indicator_id, values, *, preliminary=(), others=(), **fields):
    """The one row of Kajaani, for an indicator with some fields changed."""
    indicators = dict(CATALOGUE.indicators)
    indicators[indicator_id] = replace(indicators[indicator_id], **fields)
    catalogue = replace(CATALOGUE, indicators=MappingProxyType(indicators))
    observations = pd.DataFrame(
        [
            (indicator_id, area, "", period, value, "preliminary" if period in preliminary else "final", T)
            for area, series in (("KU205", values), *others)
            for period, value in series.items()
        ],
        columns=["indicator_id", "area_code", "class_code", "period", "value", "status", "recorded_at"],
    )
    table = verdict_frame(observations, catalogue)
    return table[table.area_code == "KU205"].iloc[0]


def reasons(row):
    return row.reason_fi, row.reason_sv, row.reason_en


def yearly(first, *values):
    return {str(first + place): float(value) for place, value in enumerate(values) if value is not None}


FLAT = (10, 40, 10, 40, 10, 40, 10, 40, 10, 40, 31)  # 2011-2021; changes of 30, the last of 9


def test_a_clear_change_tells_figures_change_and_usual_movement():
    row = told("net_migration_total", yearly(2011, *FLAT, 60, 80, 90, 113))
    assert row.verdict == "improved"
    assert reasons(row) == (
        "Tilanne on parantunut: luku oli 113 henkilöä vuonna 2025 ja 31 henkilöä vuonna 2021. Muutos neljässä "
        "vuodessa, +82 henkilöä, on suurempi kuin sarjan tavanomainen vaihtelu samassa ajassa, 60 henkilöä "
        "(10 vuosimuutoksen mediaani 30 henkilöä, vuodet 2011–2021). Tavoitetta ei ole asetettu.",
        "Läget har förbättrats: värdet var 113 personer år 2025 och 31 personer år 2021. Förändringen på fyra år, "
        "+82 personer, är större än seriens vanliga variation under samma tid, 60 personer (medianen av 10 "
        "årsförändringar är 30 personer, åren 2011–2021). Inget mål har ställts.",
        "The situation has improved: the figure was 113 persons in 2025 and 31 persons in 2021. The change in four "
        "years, +82 persons, is larger than the series' usual movement over that time, 60 persons (the median of "
        "10 yearly changes is 30 persons, 2011–2021). No target has been set.",
    )


@pytest.mark.parametrize(
    ("direction", "newest", "opening"),
    [
        ("down", 113, "Tilanne on heikentynyt: "),
        ("down", -50, "Tilanne on parantunut: "),
        ("neutral", 113, "Luku on noussut: "),
        ("neutral", -50, "Luku on laskenut: "),
        ("up", 40, "Selvää muutosta ei ole: "),
    ],
)
def test_the_verdict_opens_the_sentence(direction, newest, opening):
    row = told("net_migration_total", yearly(2011, *FLAT, 60, 80, 90, newest), direction=direction)
    assert row.reason_fi.startswith(opening)


def test_a_change_that_is_not_clear_says_what_it_does_not_exceed():
    row = told("tertiary_share", yearly(2011, *(30 + 0.3 * (k % 2) for k in range(11)), 30.1, 30.2))
    assert row.reason_fi == (
        f"Selvää muutosta ei ole: luku oli 30,2{NBSP}% 15 vuotta täyttäneistä vuonna 2023 ja 30,0{NBSP}% vuonna "
        "2021. Muutos kahdessa vuodessa, +0,2 prosenttiyksikköä, ei ylitä sarjan tavanomaista vaihtelua samassa "
        "ajassa, 0,42 prosenttiyksikköä (10 vuosimuutoksen mediaani 0,3 prosenttiyksikköä, vuodet 2011–2021). "
        "Tavoitetta ei ole asetettu."
    )


def test_a_tie_is_called_one():
    rates = {"2016": 12.1, "2017": 10.6, "2018": 9.1, "2019": 8.7, "2020": 9.1, "2021": 8.5, "2025": 9.7}
    row = told("unemployment_rate", {f"{year}M09": value for year, value in rates.items()})
    assert row.verdict == "no_clear_change"
    assert row.reason_fi == (
        f"Selvää muutosta ei ole: luku oli 9,7{NBSP}% syyskuussa 2025 ja 8,5{NBSP}% syyskuussa 2021. Muutos neljässä "
        "vuodessa, +1,2 prosenttiyksikköä, on juuri yhtä suuri kuin sarjan tavanomainen vaihtelu samassa ajassa, "
        "1,2 prosenttiyksikköä (5 vuosimuutoksen mediaani 0,6 prosenttiyksikköä, vuodet 2016–2021). Tavoitetta ei "
        "ole asetettu."
    )


def test_what_is_larger_also_reads_larger():
    row = told("tertiary_share", yearly(2011, *(30 + 0.3 * (k % 2) for k in range(11)), None, 30.4243))
    assert row.verdict == "improved"
    assert "+0,4243 prosenttiyksikköä, on suurempi" not in row.reason_fi
    assert "+0,4243" in row.reason_fi or "+0,424 " in row.reason_fi
    change = row.reason_fi.split("vuodessa, +")[1].split(" ")[0]
    threshold = row.reason_fi.split("ajassa, ")[1].split(" ")[0]
    assert change > threshold
    assert len(change) == len(threshold)


def test_no_change_at_all_is_said_plainly():
    row = told("net_migration_total", yearly(2011, *FLAT, 60, 31))
    assert " Se on sama kuin vertailuvuonna. " in row.reason_fi
    assert " Det är detsamma som jämförelseåret. " in row.reason_sv
    assert " It is the same as in the baseline year. " in row.reason_en


def test_a_series_that_never_moved_makes_the_smallest_change_clear_and_says_so():
    row = told("adm_business_area_plans", yearly(2011, *[1] * 11, 1, 2))
    assert row.verdict == "improved"
    assert row.reason_fi == (
        "Tilanne on parantunut: luku oli 2 kaavaa vuonna 2023 ja 1 kaava vuonna 2021. Sarja ei ennen vertailuvuotta "
        "yleensä muuttunut lainkaan (10 vuosimuutoksen mediaani 0, vuodet 2011–2021), joten pienikin muutos, nyt "
        "+1 kaava kahdessa vuodessa, ylittää sen tavanomaisen vaihtelun. Luvut ovat pieniä (alle 20), joten "
        "yksittäiset tapaukset ja sattuma näkyvät niissä. Tavoitetta ei ole asetettu."
    )
    assert "now +1 plan in two years, is larger" in row.reason_en


# --- too little data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "fi", "sv", "en"),
    [
        (
            {"2025": 36370.0},
            f"luku oli 36{NBSP}370 henkilöä vuonna 2025, mutta siihen verrattavaa lukua vuodelta 2021 tai sen "
            "jälkeiseltä ajalta ei ole.",
            f"värdet var 36{NBSP}370 personer år 2025, men det finns inget jämförbart värde från 2021 eller senare.",
            "the figure was 36,370 persons in 2025, but there is no earlier figure of 2021 or later to compare it "
            "with.",
        ),
        (
            {"2019": 36709.0, "2021": 36493.0},
            f"luku oli 36{NBSP}493 henkilöä vuonna 2021, eikä vertailuvuoden 2021 jälkeistä lukua ole.",
            f"värdet var 36{NBSP}493 personer år 2021, och det finns inget värde efter jämförelseåret 2021.",
            "the figure was 36,493 persons in 2021, and there is no figure after the baseline year 2021.",
        ),
        (
            {"2021": 36493.0, "2025": 36370.0},
            f"luku oli 36{NBSP}370 henkilöä vuonna 2025 ja 36{NBSP}493 henkilöä vuonna 2021, mutta vertailuvuotta "
            "edeltävältä ajalta yhtään vuosimuutosta ei tunneta, kun tavanomaisen vaihtelun arvioimiseen tarvitaan "
            "vähintään 5.",
            f"värdet var 36{NBSP}370 personer år 2025 och 36{NBSP}493 personer år 2021, men inga årsförändringar är "
            "kända från tiden före jämförelseåret; det behövs minst 5 för att bedöma den vanliga variationen.",
            "the figure was 36,370 persons in 2025 and 36,493 persons in 2021, but no yearly change is known from "
            "before the baseline; at least 5 are needed to tell the usual movement.",
        ),
        ({"2025": np.nan}, "lukuja ei ole.", "det finns inga värden.", "there are no figures."),
    ],
)
def test_too_little_data_says_what_is_lacking(values, fi, sv, en):
    row = told("population", values)
    assert row.verdict == "too_little_data"
    openings = (
        "Arvioon on liian vähän tietoa: ",
        "Det finns för lite uppgifter för en bedömning: ",
        "There is too little data for a verdict: ",
    )
    for text, opening, said, ending in zip(reasons(row), openings, (fi, sv, en), NO_TARGET, strict=True):
        assert text == f"{opening}{said} {ending}"


# --- windows and growth -------------------------------------------------------------------------------------


def test_twelve_months_are_named_by_their_end_and_the_baseline_by_its_year():
    values = {f"{y}M{m:02d}": 100.0 + 10 * (y % 2) for y in range(2009, 2026) for m in range(1, 13)}
    values |= {f"2026M{m:02d}": 300.0 for m in range(1, 9)}
    row = told("hotel_nights_total_kajaani", values)
    assert row.reason_fi == (
        f"Tilanne on parantunut: luku oli 2{NBSP}840 yöpymistä elokuuhun 2026 päättyneinä 12 kuukautena ja "
        f"1{NBSP}320 yöpymistä vuonna 2019. Muutos 6,7 vuodessa, +1{NBSP}520 yöpymistä, on suurempi kuin sarjan "
        "tavanomainen vaihtelu samassa ajassa, 310 yöpymistä (10 vuosimuutoksen mediaani 120 yöpymistä, vuodet "
        "2009–2019). Vertailuvuosi on 2019. Vuosi 2021 oli matkustamisessa pandemiavuosi. Tavoitetta ei ole "
        "asetettu."
    )
    assert "Jämförelseåret är 2019. År 2021 var ett pandemiår för resandet." in row.reason_sv
    assert "in the 12 months to August 2026 and 1,320 nights in 2019" in row.reason_en


def test_growth_is_told_as_growth_with_the_level_behind_it():
    row = told("employed_foreign_nationals", yearly(2010, *(100 + 10 * k + 5 * (k % 2) for k in range(15))))
    assert row.reason_fi.startswith(
        f"Selvää muutosta ei ole: muutos edellisvuodesta oli +2,1{NBSP}% vuonna 2024 ja +7,5{NBSP}% vuonna 2021. Ero "
        "vertailuvuoteen, −5,4 prosenttiyksikköä, ei ylitä sarjan tavanomaista vaihtelua kolmessa vuodessa, "
    )
    assert "Itse luku oli 240 henkilöä vuonna 2024 ja 215 henkilöä vuonna 2021." in row.reason_fi
    assert "The figure itself was 240 persons in 2024 and 215 persons in 2021." in row.reason_en


# --- baseline -----------------------------------------------------------------------------------------------


def test_a_later_baseline_says_which_years_are_missing():
    row = told("population", yearly(2010, *(100 + k % 2 for k in range(11)), None, None, 100, 101))
    assert "Vertailuvuosi on 2023, sillä vuosilta 2021–2022 ei ole lukua." in row.reason_fi
    assert "Jämförelseåret är 2023, eftersom värde saknas för 2021–2022." in row.reason_sv
    assert "The baseline is 2023, since there is no figure for 2021–2022." in row.reason_en


def test_a_break_is_the_reason_for_a_later_baseline():
    row = told(
        "population",
        yearly(2010, *(100 + k % 2 for k in range(16))),
        breaks=("2023",),
        breaks_reason_fi="Tilastointitapa muuttui.",
        breaks_reason_en="The way of counting changed.",
    )
    assert "Vertailuvuosi on 2023, sillä sarja katkeaa vuonna 2023. Tilastointitapa muuttui." in row.reason_fi
    assert "Jämförelseåret är 2023, eftersom serien bryts år 2023. Inget mål" in row.reason_sv


# --- preliminary figures ------------------------------------------------------------------------------------


def test_preliminary_figures_that_would_turn_the_verdict_are_told_and_do_not_decide():
    row = told("net_migration_total", yearly(2011, *FLAT, 60, 60, 60, 113), preliminary={"2025"})
    assert row.verdict == "no_clear_change"
    assert (
        "Ennakkotiedot mukaan lukien (113 henkilöä vuonna 2025) tilanne olisi parantunut, mutta ennakkotieto ei "
        "yksin ratkaise." in row.reason_fi
    )
    assert (
        "Med förhandsuppgifterna (113 personer år 2025) skulle läget ha förbättrats, men förhandsuppgifter avgör "
        "inte ensamma." in row.reason_sv
    )
    assert (
        "With the preliminary figures (113 persons in 2025) the situation would have improved, but preliminary "
        "figures do not decide alone." in row.reason_en
    )


def test_a_preliminary_figure_that_turns_nothing_is_named():
    row = told("net_migration_total", yearly(2011, *FLAT, 60, 60, 113, 113), preliminary={"2025"})
    assert row.verdict == "improved"
    assert "Uusin luku on ennakkotieto; ilman ennakkotietoja arvio olisi sama." in row.reason_fi


def test_where_only_preliminary_figures_are_there_the_final_ones_are_missed():
    row = told("population", yearly(2011, *FLAT), preliminary={str(year) for year in range(2011, 2022)})
    assert row.reason_fi.startswith(
        "Arvioon on liian vähän tietoa: luku oli"
    )  # with or without them the same
    rich = yearly(2011, *FLAT, 60, 60, 113, 113)
    row = told("population", rich, preliminary=set(rich))
    assert row.reason_fi.startswith(
        "Arvioon on liian vähän tietoa: lopullisia lukuja ei ole. Ennakkotiedot mukaan"
    )


# --- targets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "direction", "fi"),
    [
        (75.0, "up", f"Tavoitteeseen 75,0{NBSP}% (2029) on matkaa 1,0 prosenttiyksikköä."),
        (74.0, "up", f"Tavoite 74,0{NBSP}% (2029) on saavutettu."),
        (70.0, "down", f"Tavoitteeseen 70,0{NBSP}% (2029) on matkaa 4,0 prosenttiyksikköä."),
        (75.0, "neutral", f"Tavoitteeseen 75,0{NBSP}% (2029) on matkaa 1,0 prosenttiyksikköä."),
    ],
)
def test_a_target_is_told_with_the_way_to_it(target, direction, fi):
    row = told(
        "employment_rate", yearly(2023, 73, 74), target=target, target_year="2029", direction=direction
    )
    assert row.reason_fi.endswith(fi)


# --- beside -------------------------------------------------------------------------------------------------


def test_region_country_and_peers_stand_beside():
    others = [
        ("MK18", yearly(2021, 60, None, None, 61)),
        ("SSS", yearly(2024, 80)),
        *((code, yearly(2021, 60 + k, None, None, 72 + k)) for k, code in enumerate(PEERS)),
    ]
    row = told("tertiary_share", yearly(2021, 62, None, None, 71), others=others)
    assert row.beside_fi == (
        f"Vertailuksi vuonna 2024: Kainuu 61,0{NBSP}% 15 vuotta täyttäneistä (vertailuvuonna 60,0{NBSP}%) ja koko maa "
        f"80,0{NBSP}% 15 vuotta täyttäneistä. Vertailukaupunkien mediaani on 73,0{NBSP}% ja ero "
        "siihen −2,0 prosenttiyksikköä; vertailuvuonna ero oli +1,0 prosenttiyksikköä."
    )
    assert "Kajanaland 61,0" in row.beside_sv
    assert "hela landet 80,0" in row.beside_sv
    assert "the whole country 80.0%" in row.beside_en


def test_counts_are_told_by_their_growth_beside_the_peers():
    others = [(code, yearly(2021, 1000, None, None, 1000 + 10 * k)) for k, code in enumerate(PEERS)]
    row = told("workplaces", yearly(2021, 100, None, None, 130), others=others)
    assert row.beside_fi == (
        f"Muutos vertailuvuodesta on +30,0{NBSP}%, vertailukaupunkien mediaani +1,0{NBSP}%."
    )


def test_where_there_is_nothing_beside_nothing_is_said():
    assert told("tertiary_share", yearly(2021, 62, None, None, 71)).beside_fi == ""
