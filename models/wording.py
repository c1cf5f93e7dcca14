"""When something was and how long it took, in running Finnish, Swedish and English."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from babel.dates import get_month_names

from models.numbers import LOCALES, Language, number_text
from models.period import Period, parse_period

_QUARTERS: Mapping[Language, tuple[str, ...]] = {
    "fi": ("ensimmäisellä", "toisella", "kolmannella", "neljännellä"),
    "sv": ("första", "andra", "tredje", "fjärde"),
    "en": ("first", "second", "third", "fourth"),
}
_TO_QUARTER_FI = ("ensimmäiseen", "toiseen", "kolmanteen", "neljänteen")
_YEARS: Mapping[Language, tuple[str, ...]] = {
    "fi": (
        *("vuodessa", "kahdessa vuodessa", "kolmessa vuodessa", "neljässä vuodessa", "viidessä vuodessa"),
        *("kuudessa vuodessa", "seitsemässä vuodessa", "kahdeksassa vuodessa", "yhdeksässä vuodessa"),
        "kymmenessä vuodessa",
    ),
    "sv": (
        *("på ett år", "på två år", "på tre år", "på fyra år", "på fem år", "på sex år", "på sju år"),
        *("på åtta år", "på nio år", "på tio år"),
    ),
    "en": (
        *("in one year", "in two years", "in three years", "in four years", "in five years", "in six years"),
        *("in seven years", "in eight years", "in nine years", "in ten years"),
    ),
}


@cache
def _months(language: Language) -> Mapping[int, str]:
    return {
        int(number): str(name)
        for number, name in get_month_names("wide", context="stand-alone", locale=LOCALES[language]).items()
    }


@lru_cache(maxsize=16384)
def in_period(code: str, language: Language) -> str:
    """'vuonna 2025', 'i januari 2026', 'in the second quarter of 2026'. Raises PeriodError for no period."""
    period = parse_period(code)
    year, start = period.code[:4], period.start
    match period.frequency:
        case "annual":
            return {"fi": f"vuonna {year}", "sv": f"år {year}", "en": f"in {year}"}[language]
        case "school_year":
            years = f"{year}–{int(year) + 1}"
            return {
                "fi": f"lukuvuonna {years}",
                "sv": f"läsåret {years}",
                "en": f"in the school year {years}",
            }[language]
        case "monthly":
            month = _months(language)[start.month]
            return {"fi": f"{month}ssa {year}", "sv": f"i {month} {year}", "en": f"in {month} {year}"}[
                language
            ]
        case "quarterly":
            quarter = _QUARTERS[language][(start.month - 1) // 3]
            return {
                "fi": f"vuoden {year} {quarter} neljänneksellä",
                "sv": f"under {quarter} kvartalet {year}",
                "en": f"in the {quarter} quarter of {year}",
            }[language]
        case "weekly":
            week = int(period.code[5:])
            return {
                "fi": f"vuoden {year} viikolla {week}",
                "sv": f"vecka {week} år {year}",
                "en": f"in week {week} of {year}",
            }[language]


@lru_cache(maxsize=16384)
def in_year_to(code: str, language: Language) -> str:
    """The twelve months or four quarters that end with `code`; those that are a calendar year are called so.

    'elokuuhun 2026 päättyneinä 12 kuukautena', 'in the four quarters to the second quarter of 2026'. Of other
    periods as `in_period`.
    """
    period = parse_period(code)
    year = period.code[:4]
    if period.frequency not in ("monthly", "quarterly"):
        return in_period(code, language)
    if _ends_a_year(period):
        return in_period(year, language)
    if period.frequency == "monthly":
        month = _months(language)[period.start.month]
        return {
            "fi": f"{month}hun {year} päättyneinä 12 kuukautena",
            "sv": f"under de tolv månader som slutade i {month} {year}",
            "en": f"in the 12 months to {month} {year}",
        }[language]
    place = (period.start.month - 1) // 3
    return {
        "fi": f"vuoden {year} {_TO_QUARTER_FI[place]} neljännekseen päättyneinä neljänä neljänneksenä",
        "sv": f"under de fyra kvartal som slutade med {_QUARTERS['sv'][place]} kvartalet {year}",
        "en": f"in the four quarters to the {_QUARTERS['en'][place]} quarter of {year}",
    }[language]


def _ends_a_year(period: Period) -> bool:
    return (period.end.month, period.end.day) == (12, 31)


def in_years(years: float, language: Language) -> str:
    """How long it took: 'neljässä vuodessa', 'på 4,7 år', 'in 12 years'."""
    whole = round(years)
    if abs(years - whole) < 1e-9:
        if 1 <= whole <= len(_YEARS[language]):
            return _YEARS[language][whole - 1]
        text = number_text(whole, language, 0)
    else:
        text = number_text(years, language, 1)
    return {"fi": f"{text} vuodessa", "sv": f"på {text} år", "en": f"in {text} years"}[language]
