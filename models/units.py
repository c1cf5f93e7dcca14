"""Units beside a number and beside a difference, in Finnish, Swedish and English.

A unit of the catalogue is known by its `unit_fi`, which is the partitive that stands after all numbers but one (113
henkilöä, 1 henkilö). A difference of shares is in percentage points, one of an index or a mark in points. A unit that
is not listed is written as the catalogue has it (`unit_fi`, `unit_sv`, `unit`); where that has no Swedish one, the
Swedish number stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.indicator import Indicator
from models.numbers import MINUS, Language, number_text

# count: things that are counted one by one; other: amounts, ratios, shares, marks
UnitKind = Literal["count", "other"]


@dataclass(frozen=True)
class UnitForms:
    """One unit in one language: after the number one, after others; `before` stands before the number."""

    one: str
    many: str
    before: str = ""


@dataclass(frozen=True)
class Unit:
    """A unit of values and the unit of their differences, by language.

    `again` is what follows a value in a text that has named the unit already.
    """

    value: Mapping[Language, UnitForms]
    change: Mapping[Language, UnitForms]
    kind: UnitKind
    again: Mapping[Language, UnitForms]


def _of(fi: str, sv: str, en: str) -> dict[Language, UnitForms]:
    """Each text is 'one|many', or the one form of both."""
    forms: dict[Language, UnitForms] = {}
    both: tuple[tuple[Language, str], ...] = (("fi", fi), ("sv", sv), ("en", en))
    for language, text in both:
        one, _, many = text.partition("|")
        forms[language] = UnitForms(one, many or one)
    return forms


_POINTS = _of(
    "prosenttiyksikkö|prosenttiyksikköä",
    "procentenhet|procentenheter",
    "percentage point|percentage points",
)
_MARKS = _of("piste|pistettä", "poäng", "point|points")
_BARE = _of("", "", "")
_SIGNS = f"+{MINUS}"


def _count(fi: str, sv: str, en: str) -> Unit:
    forms = _of(fi, sv, en)
    return Unit(forms, forms, "count", forms)


def _amount(fi: str, sv: str, en: str) -> Unit:
    forms = _of(fi, sv, en)
    return Unit(forms, forms, "other", forms)


def _ratio(fi: str, sv: str, en: str) -> Unit:
    """A unit of many words, named once."""
    return Unit(_of(fi, sv, en), _BARE, "other", _BARE)


def _share(fi: str = "", sv: str = "", en: str = "") -> Unit:
    of_what = _of(f"% {fi}".rstrip(), f"% {sv}".rstrip(), f"% {en}".rstrip())
    return Unit(of_what, _POINTS, "other", _of("%", "%", "%"))


def _mark(fi: str, sv: str, en: str) -> Unit:
    """A number that is called by its kind before it: indeksiluku 310."""
    before: tuple[tuple[Language, str], ...] = (("fi", fi), ("sv", sv), ("en", en))
    return Unit({language: UnitForms("", "", text) for language, text in before}, _MARKS, "other", _BARE)


def _money(fi: str, sv: str, en: str, again: Unit | None = None) -> Unit:
    """English writes EUR before the number; `again` is the unit without what it is per."""
    forms = _of(fi, sv, en)
    forms["en"] = UnitForms(en, en, "EUR")
    return Unit(forms, again.value if again else forms, "other", again.value if again else forms)


PERCENT = _share()
_EUROS = _money("euro|euroa", "euro", "")

# By unit_fi of the catalogue.
UNITS: Mapping[str, Unit] = {
    "%": PERCENT,
    "% ikäluokasta": _share("ikäluokasta", "av åldersgruppen", "of the age group"),
    "% valmistuneista": _share("valmistuneista", "av de utexaminerade", "of graduates"),
    "% kotitalouksista": _share("kotitalouksista", "av hushållen", "of households"),
    "% 15 vuotta täyttäneistä": _share(
        "15 vuotta täyttäneistä",
        "av den 15-åriga och äldre befolkningen",
        "of the population aged 15 and over",
    ),
    "prosenttiyksikköä": Unit(_POINTS, _POINTS, "other", _POINTS),
    "euroa": _EUROS,
    "1 000 euroa": _money("tuhat euroa|tuhatta euroa", "tusen euro", "thousand"),
    "milj. euroa": _money("milj. euroa", "miljoner euro", "million"),
    "miljoonaa euroa": _money("miljoona euroa|miljoonaa euroa", "miljoner euro", "million"),
    "euroa asukasta kohti": _money(
        "euro asukasta kohti|euroa asukasta kohti", "euro per invånare", "per inhabitant", _EUROS
    ),
    "euroa/m²": _money("euro/m²|euroa/m²", "euro/m²", "per m²", _EUROS),
    "euroa/m²/kk": _money("euro/m²/kk|euroa/m²/kk", "euro/m²/mån.", "per m² a month", _EUROS),
    "euroa vuodessa": _money("euro vuodessa|euroa vuodessa", "euro/år", "a year", _EUROS),
    "euroa ja %": _amount("euroa ja %", "euro och %", "EUR and %"),
    "milj. ajoneuvokilometriä": _amount(
        "milj. ajoneuvokilometriä", "miljoner fordonskilometer", "million vehicle-kilometres"
    ),
    "m²": _amount("m²", "m²", "m²"),
    "hehtaaria (sovittava)": _amount("hehtaari|hehtaaria", "hektar", "hectare|hectares"),
    "henkilötyövuotta": _amount(
        "henkilötyövuosi|henkilötyövuotta", "årsverke|årsverken", "person-year|person-years"
    ),
    "indeksiluku": _mark("indeksiluku", "indextal", "index"),
    "indeksi 0–100": _mark("indeksiluku", "indextal", "index"),
    "NPS (−100…100)": _mark("NPS", "NPS", "NPS"),
    "arvosana": _mark("arvosana", "betyget", "a score of"),
    "kyselyn arvosana": _mark("arvosana", "betyget", "a score of"),
    "rikosta 1 000 asukasta kohti": _ratio(
        "rikos 1 000 asukasta kohti|rikosta 1 000 asukasta kohti",
        "brott per 1 000 invånare",
        "offence per 1,000 inhabitants|offences per 1,000 inhabitants",
    ),
    "henkilöä 1 000 asukasta kohti": _ratio(
        "henkilö 1 000 asukasta kohti|henkilöä 1 000 asukasta kohti",
        "person per 1 000 invånare|personer per 1 000 invånare",
        "person per 1,000 inhabitants|persons per 1,000 inhabitants",
    ),
    "työn ulkopuolella olevaa sataa työllistä kohti": _ratio(
        "työn ulkopuolella oleva sataa työllistä kohti|työn ulkopuolella olevaa sataa työllistä kohti",
        "utanför arbetslivet per 100 sysselsatta",
        "outside work per 100 employed",
    ),
    "alle 15- ja yli 64-vuotiasta sataa 15–64-vuotiasta kohti": _ratio(
        "alle 15- tai yli 64-vuotias sataa 15–64-vuotiasta kohti|"
        "alle 15- ja yli 64-vuotiasta sataa 15–64-vuotiasta kohti",
        "under 15 och över 64 år per 100 i åldern 15–64 år",
        "under 15 and over 64 per 100 aged 15–64",
    ),
    "hakijaa aloituspaikkaa kohti": _ratio(
        "hakija aloituspaikkaa kohti|hakijaa aloituspaikkaa kohti",
        "sökande per nybörjarplats",
        "applicant per study place|applicants per study place",
    ),
    "työtöntä avointa työpaikkaa kohti": _ratio(
        "työtön avointa työpaikkaa kohti|työtöntä avointa työpaikkaa kohti",
        "arbetslös per ledig plats|arbetslösa per ledig plats",
        "unemployed per vacancy",
    ),
    "henkilöä": _count("henkilö|henkilöä", "person|personer", "person|persons"),
    "onnettomuutta": _count("onnettomuus|onnettomuutta", "olycka|olyckor", "accident|accidents"),
    "yhteistyötoimea": _count(
        "yhteistyötoimi|yhteistyötoimea", "samarbetsåtgärd|samarbetsåtgärder", "action|actions"
    ),
    "hakijaa": _count("hakija|hakijaa", "sökande", "applicant|applicants"),
    "saapunutta": _count("saapunut|saapunutta", "ankomst|ankomster", "arrival|arrivals"),
    "varausta tai käyttäjää": _count(
        "varaus tai käyttäjä|varausta tai käyttäjää",
        "bokning eller användare|bokningar eller användare",
        "booking or user|bookings or users",
    ),
    "rakennusta": _count("rakennus|rakennusta", "byggnad|byggnader", "building|buildings"),
    "kampanjaa": _count("kampanja|kampanjaa", "kampanj|kampanjer", "campaign|campaigns"),
    "asiakastapausta": _count("asiakastapaus|asiakastapausta", "kundfall", "customer case|customer cases"),
    "yhtiötä": _count("yhtiö|yhtiötä", "bolag", "company|companies"),
    "sopimusta": _count("sopimus|sopimusta", "avtal", "contract|contracts"),
    "asiakasta": _count("asiakas|asiakasta", "kund|kunder", "customer|customers"),
    "asiakasta palveluittain": _count("asiakas|asiakasta", "kund|kunder", "customer|customers"),
    "tutkintoa": _count("tutkinto|tutkintoa", "examen|examina", "qualification|qualifications"),
    "asuntoa": _count("asunto|asuntoa", "bostad|bostäder", "dwelling|dwellings"),
    "työntekijää": _count("työntekijä|työntekijää", "anställd|anställda", "employee|employees"),
    "yritystä": _count("yritys|yritystä", "företag", "enterprise|enterprises"),
    "toimipaikkaa": _count(
        "toimipaikka|toimipaikkaa", "arbetsställe|arbetsställen", "establishment|establishments"
    ),
    "tapahtumaa": _count("tapahtuma|tapahtumaa", "evenemang", "event|events"),
    "osumaa": _count("osuma|osumaa", "träff|träffar", "hit|hits"),
    "työpaikkaa": _count("työpaikka|työpaikkaa", "arbetsplats|arbetsplatser", "job|jobs"),
    "yöpymistä": _count("yöpyminen|yöpymistä", "övernattning|övernattningar", "night|nights"),
    "matkustajaa": _count("matkustaja|matkustajaa", "passagerare", "passenger|passengers"),
    "lupaa": _count("lupa|lupaa", "tillstånd", "permit|permits"),
    "aloituspaikkaa": _count(
        "aloituspaikka|aloituspaikkaa", "nybörjarplats|nybörjarplatser", "study place|study places"
    ),
    "paikkaa": _count("paikka|paikkaa", "plats|platser", "place|places"),
    "suunnitelmaa": _count("suunnitelma|suunnitelmaa", "plan|planer", "plan|plans"),
    "kaavaa": _count("kaava|kaavaa", "plan|planer", "plan|plans"),
    "tuotetta": _count("tuote|tuotetta", "produkt|produkter", "product|products"),
    "koulutusta": _count("koulutus|koulutusta", "utbildning|utbildningar", "programme|programmes"),
    "hanketta": _count("hanke|hanketta", "projekt", "project|projects"),
    "palvelua": _count("palvelu|palvelua", "tjänst|tjänster", "service|services"),
    "opiskelijaa": _count("opiskelija|opiskelijaa", "studerande", "student|students"),
    "väitöstutkimusta": _count(
        "väitöstutkimus|väitöstutkimusta", "doktorsavhandling|doktorsavhandlingar", "thesis|theses"
    ),
    "junaa": _count("juna|junaa", "tåg", "train|trains"),
    "käyttäjää (sovittava)": _count("käyttäjä|käyttäjää", "användare", "user|users"),
    "avointa työpaikkaa": _count(
        "avoin työpaikka|avointa työpaikkaa", "ledig plats|lediga platser", "vacancy|vacancies"
    ),
}


def unit_of(indicator: Indicator) -> Unit:
    """The unit of an indicator's published figures; a share whose unit is not listed changes in points, too."""
    known = UNITS.get(indicator.unit_fi)
    if known is not None:
        return known
    forms = _of(indicator.unit_fi, indicator.unit_sv, indicator.unit)
    return Unit(forms, _POINTS if indicator.unit_fi.startswith("%") else forms, "other", forms)


def with_unit(
    value: float,
    forms: Mapping[Language, UnitForms],
    language: Language,
    decimals: int,
    *,
    signed: bool = False,
) -> str:
    """A finite number with its unit: '1 henkilö', '36 370 henkilöä', '12,2 %', 'EUR 1,500'."""
    one = forms[language]
    number = number_text(value, language, decimals, signed=signed)
    word = one.one if decimals == 0 and number.lstrip(_SIGNS) == "1" else one.many
    before = f"{one.before} " if one.before else ""
    if not word:
        return before + number
    if word.startswith("%"):
        return f"{before}{number}{word}" if language == "en" else f"{before}{number}\u00a0{word}"
    return f"{before}{number} {word}"
