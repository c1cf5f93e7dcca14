"""A verdict's reason in plain Finnish, Swedish and English, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10

from models.area import Area
from models.catalogue import Areas
from models.indicator import Indicator
from models.movement import LEAST_CHANGES, ROLLING, YEAR_ON_YEAR, Movement, Point, Since, Usual
from models.numbers import Language, decimals_for, decimals_of, number_text, places_of
from models.period import parse_period, year_of
from models.units import PERCENT, Unit, UnitForms, unit_of, with_unit
from models.verdict import SMALL_COUNT, Peers, Verdict, VerdictKind
from models.wording import in_period, in_year_to, in_years

_OPENING: Mapping[Language, Mapping[VerdictKind, str]] = {
    "fi": {
        "improved": "Tilanne on parantunut",
        "declined": "Tilanne on heikentynyt",
        "rose": "Luku on noussut",
        "fell": "Luku on laskenut",
        "no_clear_change": "Selvää muutosta ei ole",
        "too_little_data": "Arvioon on liian vähän tietoa",
    },
    "sv": {
        "improved": "Läget har förbättrats",
        "declined": "Läget har försämrats",
        "rose": "Värdet har stigit",
        "fell": "Värdet har sjunkit",
        "no_clear_change": "Det finns ingen tydlig förändring",
        "too_little_data": "Det finns för lite uppgifter för en bedömning",
    },
    "en": {
        "improved": "The situation has improved",
        "declined": "The situation has become worse",
        "rose": "The figure has risen",
        "fell": "The figure has fallen",
        "no_clear_change": "There is no clear change",
        "too_little_data": "There is too little data for a verdict",
    },
}
_WOULD_BE: Mapping[Language, Mapping[VerdictKind, str]] = {
    "fi": {
        "improved": "tilanne olisi parantunut",
        "declined": "tilanne olisi heikentynyt",
        "rose": "luku olisi noussut",
        "fell": "luku olisi laskenut",
        "no_clear_change": "selvää muutosta ei olisi",
        "too_little_data": "tietoa olisi liian vähän",
    },
    "sv": {
        "improved": "skulle läget ha förbättrats",
        "declined": "skulle läget ha försämrats",
        "rose": "skulle värdet ha stigit",
        "fell": "skulle värdet ha sjunkit",
        "no_clear_change": "skulle det inte finnas någon tydlig förändring",
        "too_little_data": "skulle det finnas för lite uppgifter",
    },
    "en": {
        "improved": "the situation would have improved",
        "declined": "the situation would have become worse",
        "rose": "the figure would have risen",
        "fell": "the figure would have fallen",
        "no_clear_change": "there would be no clear change",
        "too_little_data": "there would be too little data",
    },
}


@dataclass(slots=True)
class _Teller:
    """What the sentences of one verdict have in common: language, units, decimals, how periods are called."""

    language: Language
    unit: Mapping[Language, UnitForms]
    unit_again: Mapping[Language, UnitForms]
    change_unit: Mapping[Language, UnitForms]
    level_unit: Mapping[Language, UnitForms]
    decimals: int
    level_decimals: int
    is_change: bool  # the figures are changes on the year before
    is_mean: bool
    is_window: bool

    def say(self, fi: str, sv: str, en: str) -> str:
        return {"fi": fi, "sv": sv, "en": en}[self.language]

    def figure(self, value: float, *, again: bool = False) -> str:
        unit = self.unit_again if again else self.unit
        return with_unit(value, unit, self.language, self.decimals, signed=self.is_change)

    def difference(self, value: float, decimals: int, *, signed: bool = False) -> str:
        return with_unit(value, self.change_unit, self.language, decimals, signed=signed)

    def level(self, value: float) -> str:
        return with_unit(value, self.level_unit, self.language, self.level_decimals)

    def when(self, period: str) -> str:
        return in_year_to(period, self.language) if self.is_window else in_period(period, self.language)

    def was(self) -> str:
        """What goes before the first figure: 'luku oli'."""
        if self.is_change:
            return self.say(
                "muutos edellisvuodesta oli",
                "förändringen från året innan var",
                "the change on the year before was",
            )
        if self.is_mean:
            return self.say("luku oli keskimäärin", "värdet var i genomsnitt", "the figure was on average")
        return self.say("luku oli", "värdet var", "the figure was")


def _teller(one: Verdict, indicator: Indicator, language: Language) -> _Teller:
    unit = unit_of(indicator)
    how = YEAR_ON_YEAR.get(indicator.transform)
    shown: Unit = PERCENT if how == "percent" else unit
    if how == "difference":
        shown = Unit(unit.change, unit.change, unit.kind, unit.change)
    levels = [value for value in one.levels or () if value is not None]
    points = [point.figure for point in (one.movement.newest, one.movement.baseline) if point is not None]
    level_decimals = indicator.decimals if indicator.decimals is not None else decimals_of(levels or points)
    return _Teller(
        language=language,
        unit=shown.value,
        unit_again=shown.again,
        change_unit=shown.change,
        level_unit=unit.value,
        decimals=1 if how == "percent" else level_decimals,
        level_decimals=level_decimals,
        is_change=how is not None,
        is_mean=indicator.transform in ROLLING and ROLLING[indicator.transform][0] == "mean",
        is_window=indicator.transform in ROLLING,
    )


def verdict_texts(one: Verdict, indicator: Indicator, areas: Areas, language: Language) -> tuple[str, str]:
    """Why the verdict is what it is, in two to seven short sentences, and what stands beside it.

    Beside it are the region, the country and the comparable municipalities at the same periods; '' where there are
    none.
    """
    tell = _teller(one, indicator, language)
    return _reason(one, indicator, tell), _beside(one, areas, tell)


def _reason(one: Verdict, indicator: Indicator, tell: _Teller) -> str:
    found = one.movement
    parts = [f"{_OPENING[tell.language][one.verdict]}: {_figures(one, tell)}."]
    if found.since is not None and found.usual is not None:
        parts.append(_measure(found, found.since, found.usual, tell))
    parts.extend(_levels(one, tell))
    parts.extend(_baseline(found, indicator, tell))
    parts.extend(_preliminary(one, tell))
    if one.is_small:
        parts.append(
            tell.say(
                f"Luvut ovat pieniä (alle {SMALL_COUNT}), joten yksittäiset tapaukset ja sattuma näkyvät niissä.",
                f"Talen är små (under {SMALL_COUNT}), så enskilda fall och slumpen syns i dem.",
                f"The numbers are small (below {SMALL_COUNT}), so that single cases and chance show in them.",
            )
        )
    parts.append(_target(one, tell))
    return " ".join(parts)


def _points(newest: Point, baseline: Point | None, tell: _Teller) -> str:
    """Both figures: 'luku oli 113 henkilöä vuonna 2025 ja 31 henkilöä vuonna 2021'."""
    text = f"{tell.was()} {tell.figure(newest.figure)} {tell.when(newest.period)}"
    if baseline is None:
        return text
    both = tell.say("ja", "och", "and")
    return f"{text} {both} {tell.figure(baseline.figure, again=True)} {tell.when(baseline.period)}"


def _figures(one: Verdict, tell: _Teller) -> str:
    found, year = one.movement, str(one.movement.baseline_year)
    is_final = one.with_preliminary is not None  # those that are left are final
    if found.newest is None:
        return tell.say(
            "lopullisia lukuja ei ole" if is_final else "lukuja ei ole",
            "det finns inga slutliga värden" if is_final else "det finns inga värden",
            "there are no final figures" if is_final else "there are no figures",
        )
    text = _points(found.newest, found.baseline, tell)
    if found.lacking == "nothing_later":
        return text + tell.say(
            f", eikä vertailuvuoden {year} jälkeistä {'lopullista ' if is_final else ''}lukua ole",
            f", och det finns inget {'slutligt ' if is_final else ''}värde efter jämförelseåret {year}",
            f", and there is no {'final ' if is_final else ''}figure after the baseline year {year}",
        )
    if found.lacking == "no_baseline":
        return text + tell.say(
            f", mutta siihen verrattavaa lukua vuodelta {year} tai sen jälkeiseltä ajalta ei ole",
            f", men det finns inget jämförbart värde från {year} eller senare",
            f", but there is no earlier figure of {year} or later to compare it with",
        )
    if found.lacking == "few_changes":
        count = len(found.changes)
        known_fi = {0: "yhtään vuosimuutosta ei tunneta", 1: "tunnetaan vain yksi vuosimuutos"}
        known_sv = {0: "inga årsförändringar är kända", 1: "bara en årsförändring är känd"}
        known_en = {0: "no yearly change is known", 1: "only one yearly change is known"}
        return text + tell.say(
            ", mutta vertailuvuotta edeltävältä ajalta "
            + known_fi.get(count, f"tunnetaan vain {count} vuosimuutosta")
            + f", kun tavanomaisen vaihtelun arvioimiseen tarvitaan vähintään {LEAST_CHANGES}",
            ", men "
            + known_sv.get(count, f"bara {count} årsförändringar är kända")
            + f" från tiden före jämförelseåret; det behövs minst {LEAST_CHANGES} för att bedöma den vanliga "
            "variationen",
            ", but "
            + known_en.get(count, f"only {count} yearly changes are known")
            + f" from before the baseline; at least {LEAST_CHANGES} are needed to tell the usual movement",
        )
    return text


def _measure(found: Movement, since: Since, usual: Usual, tell: _Teller) -> str:
    """The change against the usual movement."""
    tolerance = found.tolerance
    took = in_years(since.years, tell.language)
    if abs(since.change) <= tolerance:
        return tell.say(
            "Se on sama kuin vertailuvuonna.",
            "Det är detsamma som jämförelseåret.",
            "It is the same as in the baseline year.",
        )
    # The figures have fewer decimals than their binary differences: 9.7 - 8.5 is 1.2.
    places = max(0, floor(-log10(tolerance))) if tolerance > 0 else 0
    since, usual = (
        since._replace(change=round(since.change, places)),
        Usual(round(usual.change, places), round(usual.threshold, places)),
    )
    usual_decimals = decimals_for(usual.change, tell.decimals, 2)
    span = f"{year_of(found.changes[0].start)}–{year_of(found.changes[-1].end)}"
    count = len(found.changes)
    median = tell.difference(usual.change, usual_decimals)
    threshold_decimals = decimals_for(usual.threshold, tell.decimals, 2)
    change_decimals = tell.decimals
    if places_of(since.change) > change_decimals:
        change_decimals = max(threshold_decimals, decimals_for(since.change, tell.decimals, 1))
    is_tie = abs(abs(since.change) - usual.threshold) <= tolerance
    if usual.change <= tolerance:
        change = tell.difference(since.change, change_decimals, signed=True)
        return tell.say(
            f"Sarja ei ennen vertailuvuotta yleensä muuttunut lainkaan ({count} vuosimuutoksen mediaani 0, vuodet "
            f"{span}), joten pienikin muutos, nyt {change} {took}, ylittää sen tavanomaisen vaihtelun.",
            f"Före jämförelseåret ändrades serien vanligen inte alls (medianen av {count} årsförändringar är 0, åren "
            f"{span}), så även en liten förändring, nu {change} {took}, överskrider dess vanliga variation.",
            f"Before the baseline the series usually did not move at all (the median of {count} yearly changes is 0, "
            f"{span}), so that even a small change, now {change} {took}, is larger than its usual movement.",
        )
    # What is larger shall also look larger: more decimals where the two would read the same.
    while not is_tie and threshold_decimals < tell.decimals + 9 and _same(since, usual, threshold_decimals):
        threshold_decimals += 1
        change_decimals = max(change_decimals, threshold_decimals)
    change = tell.difference(since.change, change_decimals, signed=True)
    threshold = tell.difference(usual.threshold, threshold_decimals)
    if found.is_clear:
        relation = tell.say("on suurempi kuin", "är större än", "is larger than")
    elif is_tie:
        relation = tell.say("on juuri yhtä suuri kuin", "är precis lika stor som", "is exactly as large as")
    else:
        relation = tell.say("ei ylitä", "överskrider inte", "does not exceed")
    usual_fi = "sarjan tavanomaista vaihtelua" if relation == "ei ylitä" else "sarjan tavanomainen vaihtelu"
    what = (
        tell.say(
            "Ero vertailuvuoteen", "Skillnaden mot jämförelseåret", "The difference from the baseline year"
        )
        if tell.is_change
        else tell.say(f"Muutos {took}", f"Förändringen {took}", f"The change {took}")
    )
    over = took if tell.is_change else tell.say("samassa ajassa", "under samma tid", "over that time")
    return tell.say(
        f"{what}, {change}, {relation} {usual_fi} {over}, {threshold} "
        f"({count} vuosimuutoksen mediaani {median}, vuodet {span}).",
        f"{what}, {change}, {relation} seriens vanliga variation {over}, {threshold} "
        f"(medianen av {count} årsförändringar är {median}, åren {span}).",
        f"{what}, {change}, {relation} the series' usual movement {over}, {threshold} "
        f"(the median of {count} yearly changes is {median}, {span}).",
    )


def _same(since: Since, usual: Usual, decimals: int) -> bool:
    return number_text(abs(since.change), "en", decimals) == number_text(usual.threshold, "en", decimals)


def _levels(one: Verdict, tell: _Teller) -> list[str]:
    """What a year-on-year change was made of."""
    newest, baseline = one.movement.newest, one.movement.baseline
    if one.levels is None or newest is None:
        return []
    now, then = one.levels
    text = f"{tell.level(now)} {tell.when(newest.period)}"
    if then is not None and baseline is not None:
        text += f" {tell.say('ja', 'och', 'and')} {tell.level(then)} {tell.when(baseline.period)}"
    return [
        tell.say(f"Itse luku oli {text}.", f"Själva värdet var {text}.", f"The figure itself was {text}.")
    ]


def _baseline(found: Movement, indicator: Indicator, tell: _Teller) -> list[str]:
    """Why the baseline is another year than that of all indicators."""
    if found.baseline is None:
        return []
    used, asked = year_of(found.baseline.period), found.baseline_year
    if found.moved:
        lacking = str(asked) if used - asked == 1 else f"{asked}–{used - 1}"
        if found.moved == "break":
            first = next(
                code
                for code in reversed(indicator.breaks)
                if parse_period(code).start <= parse_period(found.baseline.period).end
            )
            cut = year_of(first)
            why = tell.say(indicator.breaks_reason_fi, indicator.breaks_reason_sv, indicator.breaks_reason_en)
            said = tell.say(
                f"Vertailuvuosi on {used}, sillä sarja katkeaa vuonna {cut}.",
                f"Jämförelseåret är {used}, eftersom serien bryts år {cut}.",
                f"The baseline is {used}, since the series breaks in {cut}.",
            )
            return [said, why] if why else [said]
        years_fi = "vuodelta" if used - asked == 1 else "vuosilta"
        return [
            tell.say(
                f"Vertailuvuosi on {used}, sillä {years_fi} {lacking} ei ole lukua.",
                f"Jämförelseåret är {used}, eftersom värde saknas för {lacking}.",
                f"The baseline is {used}, since there is no figure for {lacking}.",
            )
        ]
    if not indicator.baseline:
        return []
    why = tell.say(indicator.baseline_reason_fi, indicator.baseline_reason_sv, indicator.baseline_reason_en)
    said = tell.say(f"Vertailuvuosi on {used}.", f"Jämförelseåret är {used}.", f"The baseline is {used}.")
    return [said, why] if why else [said]


def _preliminary(one: Verdict, tell: _Teller) -> list[str]:
    if one.with_preliminary is not None:
        kind, found = one.with_preliminary
        newest = found.newest
        shown = (
            f"{tell.figure(newest.figure, again=True)} {tell.when(newest.period)}"
            if newest is not None
            else ""
        )
        would = _WOULD_BE[tell.language][kind]
        return [
            tell.say(
                f"Ennakkotiedot mukaan lukien ({shown}) {would}, mutta ennakkotieto ei yksin ratkaise.",
                f"Med förhandsuppgifterna ({shown}) {would}, men förhandsuppgifter avgör inte ensamma.",
                f"With the preliminary figures ({shown}) {would}, but preliminary figures do not decide alone.",
            )
        ]
    points: list[Point] = [
        point
        for point in (one.movement.newest, one.movement.baseline)
        if point is not None and point.preliminary
    ]
    if not points:
        return []
    if len(points) == 2:
        said = tell.say(
            "Luvut ovat ennakkotietoja", "Värdena är förhandsuppgifter", "The figures are preliminary"
        )
    elif points[0] is one.movement.newest:
        said = tell.say(
            "Uusin luku on ennakkotieto",
            "Det nyaste värdet är en förhandsuppgift",
            "The newest figure is preliminary",
        )
    else:
        said = tell.say(
            "Vertailuvuoden luku on ennakkotieto",
            "Jämförelseårets värde är en förhandsuppgift",
            "The baseline figure is preliminary",
        )
    return [
        said
        + tell.say(
            "; ilman ennakkotietoja arvio olisi sama.",
            "; utan förhandsuppgifter vore bedömningen densamma.",
            "; without preliminary figures the verdict would be the same.",
        )
    ]


def _target(one: Verdict, tell: _Teller) -> str:
    if one.target is None:
        return tell.say("Tavoitetta ei ole asetettu.", "Inget mål har ställts.", "No target has been set.")
    year = f" ({one.target.year})" if one.target.year else ""
    target = tell.figure(one.target.value, again=one.movement.newest is not None)
    if one.target.distance is None:
        return tell.say(
            f"Tavoite on {target}{year}.", f"Målet är {target}{year}.", f"The target is {target}{year}."
        )
    if one.target.is_reached or one.target.distance == 0:
        return tell.say(
            f"Tavoite {target}{year} on saavutettu.",
            f"Målet {target}{year} har nåtts.",
            f"The target of {target}{year} has been reached.",
        )
    decimals = decimals_for(one.target.distance, tell.decimals, 1)
    away = tell.difference(abs(one.target.distance), decimals)
    return tell.say(
        f"Tavoitteeseen {target}{year} on matkaa {away}.",
        f"Till målet {target}{year} återstår {away}.",
        f"The target of {target}{year} is {away} away.",
    )


# --- beside the verdict -------------------------------------------------------------------------------------


def _name(area: Area, language: Language) -> str:
    name = {"fi": area.name_fi, "sv": area.name_sv, "en": area.name_en}[language] or area.name_fi
    if area.level == "country":
        return f"the {name.lower()}" if language == "en" else name.lower()
    return name


def _beside(one: Verdict, areas: Areas, tell: _Teller) -> str:
    found = one.movement
    if found.newest is None:
        return ""
    parts = []
    for place, area in ((one.region, areas.region), (one.country, areas.country)):
        if place is None or place.figure is None:
            continue
        text = f"{_name(area, tell.language)} {tell.figure(place.figure)}"
        if place.baseline_figure is not None and found.baseline is not None:
            then = tell.figure(place.baseline_figure, again=True)
            text += tell.say(f" (vertailuvuonna {then})", f" (jämförelseåret {then})", f" (baseline {then})")
        parts.append(text)
    sentences = []
    if parts:
        listed = tell.say(" ja ", " och ", " and ").join(parts)
        when = tell.when(found.newest.period)
        sentences.append(
            tell.say(
                f"Vertailuksi {when}: {listed}.",
                f"Till jämförelse {when}: {listed}.",
                f"For comparison {when}: {listed}.",
            )
        )
    if one.peers is not None:
        sentences.append(_peers(one.peers, tell, again=bool(parts)))
    return " ".join(sentences)


def _peers(peers: Peers, tell: _Teller, *, again: bool) -> str:
    if peers.change_pct is not None and peers.median_change_pct is not None:
        own, median = (
            with_unit(value, PERCENT.value, tell.language, 1, signed=True)
            for value in (peers.change_pct, peers.median_change_pct)
        )
        return tell.say(
            f"Muutos vertailuvuodesta on {own}, vertailukaupunkien mediaani {median}.",
            f"Förändringen från jämförelseåret är {own}, jämförelsestädernas median {median}.",
            f"The change since the baseline is {own}, the median of the comparable cities {median}.",
        )
    decimals = tell.decimals
    now = tell.difference(peers.distance, decimals, signed=True)
    median = tell.figure(peers.median, again=again)
    text = tell.say(
        f"Vertailukaupunkien mediaani on {median} ja ero siihen {now}",
        f"Jämförelsestädernas median är {median} och avståndet till den {now}",
        f"The median of the comparable cities is {median} and the distance to it {now}",
    )
    if peers.baseline_distance is not None:
        then = tell.difference(peers.baseline_distance, decimals, signed=True)
        text += tell.say(
            f"; vertailuvuonna ero oli {then}",
            f"; jämförelseåret var avståndet {then}",
            f"; in the baseline year it was {then}",
        )
    return text + "."
