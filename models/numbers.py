"""Numbers as people read them in Finnish, Swedish and English, by the symbols of CLDR.

Decimal comma and a no-break space between thousands in Finnish and Swedish, point and comma in English, and a real
minus (U+2212) in all three. A half is rounded away from zero, as spreadsheets do, on the shortest decimal form of the
value: 2.675 is shown as 2,68.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache, lru_cache
from typing import Literal

from babel import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")
LOCALES: dict[Language, Locale] = {
    "fi": Locale("fi", "FI"),
    "sv": Locale("sv", "FI"),
    "en": Locale("en", "GB"),
}
MINUS = "\u2212"

_EXACT = Context(prec=800, rounding=ROUND_HALF_UP)  # enough for every finite float


@cache
def _symbols(language: Language) -> dict[int, str]:
    """What a language writes for what Python writes as comma, point and minus."""
    locale = LOCALES[language]
    return str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale), "-": MINUS})


@lru_cache(maxsize=16384)
def _rounded(value: float, decimals: int) -> str:
    """As `rounded`, as Python writes it with commas between thousands."""
    written = repr(float(value))
    if "e" not in written:
        places = len(written) - written.index(".") - 1
        # Only a half in the shortest decimal form can be rounded otherwise than the binary value is; and beyond the
        # shortest form the binary value has digits that nobody wrote.
        if places != decimals + 1 or written[-1] != "5":
            text = format(value, f",.{min(places, decimals)}f")
            if decimals > places:
                text += "0" * (decimals - places)
            return text if text[0] != "-" or text.strip("-0.") else text[1:]
    return f"{_exact(written, decimals):,f}"


def _exact(written: str, decimals: int) -> Decimal:
    result = Decimal(written).quantize(Decimal(1).scaleb(-decimals), context=_EXACT)
    return result if result else abs(result)


def rounded(value: float, decimals: int) -> Decimal:
    """`value` with so many decimals, halves away from zero; never a negative zero. `value` must be finite."""
    return _exact(repr(float(value)), decimals)


@lru_cache(maxsize=65536)
def number_text(value: float, language: Language, decimals: int, *, signed: bool = False) -> str:
    """The finite `value` with so many decimals; with `signed` a plus before what is above zero."""
    text = _rounded(value, decimals)
    shown = text.translate(_symbols(language))
    return f"+{shown}" if signed and text[0] != "-" and text.strip("0.,") else shown


@lru_cache(maxsize=16384)
def places_of(value: float) -> int:
    """How many decimals the shortest form of a finite number has: 0 for 7.0, 2 for 0.25."""
    written = repr(float(value))
    if "e" in written:
        exponent = Decimal(written).normalize().as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0
    return 0 if written.endswith(".0") else len(written) - written.index(".") - 1


def decimals_of(values: Iterable[float], *, most: int = 2) -> int:
    """How many decimals show all `values` as they are, at most `most`."""
    return min(most, max((places_of(value) for value in values), default=0))


def decimals_for(value: float, least: int, digits: int) -> int:
    """How many decimals show `digits` significant figures of `value`, at least `least`.

    A value that `least` decimals show as it is gets no others; one of four figures at most may show one more.
    """
    places = places_of(value)
    if places <= least or (places == least + 1 and abs(value) * 10**least < 1000):
        return max(least, places)
    first = Decimal(repr(float(value))).adjusted()  # the power of ten of the first figure
    return max(least, digits - 1 - first)
