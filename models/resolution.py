"""Finding in a table's own words what the catalogue means.

Variables and values by label, role and code hint.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from models.area import COUNTRY, STATISTICAL_LEVELS, Area
from models.dataset import ClassVariable, Dataset, TableQuery, ValueChoice
from models.errors import ResolutionError, printable
from models.period import PeriodError, from_source, parse_period
from models.table import TableMeta, Variable


@dataclass(frozen=True)
class Missing:
    """Something the catalogue asks for and the table has not exactly once, with what was found instead."""

    what: Literal["content", "class", "area", "period"]
    key: str  # content key, 'variable=key' of a class, area code, or period
    reason: str


@dataclass(frozen=True)
class Overrides:
    """Source codes that were accepted for our keys: used before any label.

    `contents` maps content key → source code, `classes` (class variable name, key) → source value code, and
    `variables` class variable name → source variable code. A code that the table lacks makes its key missing.
    """

    contents: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """A source code to which a key of ours that is missing may have moved.

    `key` is a content key, 'variable=key' of a class, or the name of a class variable. `rank` 1 is the most
    likely; equally likely ones share a rank. `score` is comparable among the proposals for one key, and
    `why` says what speaks for it. `trial` is the key under which its figures are read while it is proven,
    '' for a variable.
    """

    kind: Literal["content", "value", "variable"]
    key: str
    code: str
    label: str
    rank: int
    score: float
    why: str
    trial: str = ""


@dataclass(frozen=True)
class Resolution:
    """A dataset's query in the table's present codes.

    `areas` maps source area code → our area code; `contents` our content key → source code; `classes` our
    class variable name → (source variable code, our key → source value code), where None as variable code
    means that the table has no such variable, or that it is eliminated: only its total is asked, and the
    value code is ''. `totals` maps the codes of the variables that the catalogue does not name → the code
    of their total. `eliminated` are variables left out of the query so that the source sums them. So each
    variable of the table is in exactly one place: area, time, contents, `classes`, `totals` or
    `eliminated`. `periods` are the source's period codes, oldest first, and `preliminary` those of them
    that are not final. Where the table has no area variable, `area_variable` is None and `areas` has the
    one key ''. `series_classes` are the class variables that tell series apart (see `series_classes`).
    `variable_texts` maps the codes of all variables → their texts, and `class_labels` class variable name →
    the texts of the source values that `classes` names. `proposals` is empty but while a recode is proven
    (see models.recode.on_trial): `contents` and `classes` then have the proposed codes too, under trial keys.
    `table` is the table that answered, which may bear another id than the catalogue says.
    """

    dataset_id: str
    table: str
    area_variable: str | None
    areas: Mapping[str, str]
    time_variable: str
    periods: tuple[str, ...]
    preliminary: frozenset[str]
    contents_variable: str | None
    contents: Mapping[str, str]
    classes: Mapping[str, tuple[str | None, Mapping[str, str]]]
    totals: Mapping[str, str]
    eliminated: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)  # source content code → its text, for the record
    series_classes: tuple[str, ...] = ()
    variable_texts: Mapping[str, str] = field(default_factory=dict)
    class_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    # period code → the areas (source codes) whose figures of it are preliminary while those of others are final
    preliminary_areas: Mapping[str, frozenset[str]] = field(default_factory=dict)


def series_classes(dataset: Dataset) -> tuple[str, ...]:
    """The class variables that tell a dataset's series apart, in the catalogue's order.

    They are those that take more than their total; one that takes its total only does not stand in a class
    key. What the table happens to hold changes nothing, so a series keeps its name when a class goes
    missing.
    """
    return tuple(
        variable.name
        for variable in dataset.class_variables
        if not (len(variable.take) == 1 and variable.take[0].total)
    )


def _line(text: str) -> str:
    """`text` in one printable line of bounded length, whatever the source's own texts bring along."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


def _error(dataset: Dataset, text: str) -> ResolutionError:
    return ResolutionError(_line(f"{dataset.id}: {text}"))


LONGEST_LINE = 2000  # characters of a message
MOST_COMPARED = 5_000  # values of a variable that are looked through for one that is alike
_DASH = re.compile(r"\s*[-‐‑‒–—−]\s*")  # a hyphen and the dashes used for one
_CODE_PREFIX = re.compile(r"[^\W\d][\w-]*-([^-]+)")


def plain(text: str) -> str:
    """`text` as it is compared.

    NFC, without case, single spaces, dashes as hyphens without spaces round them.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return _DASH.sub("-", " ".join(folded.split()))


def _plain_start(text: str) -> str:
    """The same of a beginning, whose last space counts: 'A ' begins 'A Maatalous' and not 'Ammatit'."""
    return plain(text) + (" " if text != text.rstrip() else "")


def _code_forms(code: str) -> frozenset[str]:
    """The forms of a code that a hint may give: itself, and without a prefix that ends in a hyphen.

    ssaaty-vm01 has the forms ssaaty-vm01 and vm01. A number is no prefix: 15-19 has one form.
    """
    folded = code.casefold()
    prefixed = _CODE_PREFIX.fullmatch(folded)
    return frozenset({folded, prefixed[1]} if prefixed else {folded})


def _values(variable: Variable, codes: Iterable[str]) -> str:
    texts = dict(zip(variable.values, variable.texts, strict=True))
    return ", ".join(f"'{' '.join(texts[code].split())}' ({code})" for code in codes)


def _some(variable: Variable, near: Sequence[str] = ()) -> str:
    """The values of `variable` for a message: all where they are few, else those nearest to `near`."""
    if len(variable.values) <= 12:
        return _values(variable, variable.values)
    pairs = zip(variable.values, variable.texts, strict=True)
    by_text = {plain(text): code for code, text in islice(pairs, MOST_COMPARED)}
    close = [by_text[t] for n in near for t in difflib.get_close_matches(plain(n), by_text, 4, 0.5)]
    shown = list(dict.fromkeys(close))[:4] or list(variable.values[:4])
    return f"{_values(variable, shown)} and {len(variable.values) - len(shown)} more"


def _variables(variables: Iterable[Variable]) -> str:
    return ", ".join(f"'{variable.text}' ({variable.code})" for variable in variables) or "none"


def _one(
    dataset: Dataset, role: str, found: Sequence[Variable], all_variables: Sequence[Variable], hint: str
) -> Variable:
    """The one variable in `found`, or ResolutionError with the candidates."""
    if len(found) == 1:
        return found[0]
    if found:
        raise _error(dataset, f"more than one variable can be the {role}: {_variables(found)}; {hint}")
    raise _error(dataset, f"no variable is the {role} among {_variables(all_variables)}; {hint}")


def _by_text(variables: Iterable[Variable], texts: Iterable[str]) -> list[Variable]:
    wanted = {plain(text) for text in texts}
    return [variable for variable in variables if plain(variable.text) in wanted]


def _time_variable(dataset: Dataset, query: TableQuery, variables: Sequence[Variable]) -> Variable:
    found = [variable for variable in variables if variable.time] or _by_text(variables, query.time)
    return _one(dataset, "time", found, variables, "give its text under `time` in the catalogue")


def _contents_variable(dataset: Dataset, query: TableQuery, variables: Sequence[Variable]) -> Variable:
    found = [variable for variable in variables if variable.code.casefold() == "contentscode"]
    found = found or _by_text(variables, (*query.contents_variable, "Tiedot"))
    return _one(
        dataset, "contents", found, variables, "give its text under `contents_variable` in the catalogue"
    )


def _area_variable(dataset: Dataset, query: TableQuery, variables: Sequence[Variable]) -> Variable | None:
    """The area variable.

    None where the catalogue names none, since the table is of the whole country only.
    """
    if not query.area:
        return None
    found = (
        _by_text(variables, query.area)
        or [variable for variable in variables if variable.map]
        or [variable for variable in variables if variable.code.casefold().startswith(("alue", "kunta"))]
    )
    return _one(dataset, "area", found, variables, "give its text under `area` in the catalogue")


def _find(choice: ValueChoice, variable: Variable) -> tuple[str | None, str]:
    """The code of the one value that `choice` means, or None and the reason."""
    labels = {plain(label) for label in choice.label}
    starts = tuple(_plain_start(start) for start in choice.starts_with)
    hints = {code.casefold() for code in choice.code}
    by_text, by_code = [], []
    for code, text in zip(variable.values, variable.texts, strict=True):
        compared = plain(text)
        if compared in labels or (starts and f"{compared} ".startswith(starts)):
            by_text.append(code)
        if hints & _code_forms(code):
            by_code.append(code)
    found = list(dict.fromkeys((*by_text, *by_code)))
    if len(found) == 1:
        return found[0], ""
    if not found:
        asked = " / ".join((*choice.label, *(f"{s.strip()}…" for s in choice.starts_with), *choice.code))
        return None, (
            f"no value of '{variable.text}' ({variable.code}) is {asked}; "
            f"it has {_some(variable, (*choice.label, *choice.starts_with))}"
        )
    if len(by_text) == len(by_code) == 1:
        return None, (
            f"the label means {_values(variable, by_text)} but the code means {_values(variable, by_code)} "
            f"in '{variable.text}' ({variable.code})"
        )
    return (
        None,
        f"more than one value of '{variable.text}' ({variable.code}) fits: {_values(variable, found)}",
    )


# Totals are recognised by StatFin's code SSS, by these texts, or by the variable's own word in the plural
# ('Toimialat yhteensä' of Toimiala, 'Kaikki ammattiryhmät' of Ammattiryhmä). Any other '... yhteensä' is a
# subtotal ('Ulkomaat yhteensä', 'Yrittäjät yhteensä'). S and SS are totals only as a variable's first
# value, and not where the text begins with them: S is also an industry ('S Muu palvelutoiminta').
_TOTAL_TEXTS = frozenset(
    plain(text)
    for text in (
        "Yhteensä",
        "Kaikki",
        "Kaikki yhteensä",
        "Koko maa",
        "Koko väestö",
        "Väestö yhteensä",
        "Molemmat sukupuolet",
        "Miehet ja naiset",
        "Miehet ja naiset yhteensä",
        "Sukupuolet yhteensä",
        "Ikäluokat yhteensä",
        "Ikäryhmät yhteensä",
        "Kaikki ikäluokat",
        "Kaikki ikäryhmät",
        "Kaikki iät",
        "Toimialat yhteensä",
        "Kaikki toimialat",
        "Sektorit yhteensä",
        "Maat yhteensä",
        "Kaikki maat",
        "Asuinmaat yhteensä",
        "Koko kansantalous",
        "Rakennukset yhteensä",
        "Kaikki rakennukset",
        "Asunnot yhteensä",
        "Kaikki asunnot",
        "Tiet yhteensä",
        "Kaikki tiet",
    )
)
_PLURAL_TOTAL = re.compile(r"(?:kaikki (?P<after>[^\W\d_]+)|(?P<before>[^\W\d_]+) yhteensä)")
_STEM = 5  # letters that a Finnish word and its plural share at least: toimi|ala, toimi|alat


def _is_total(variable: Variable, position: int) -> bool:
    """Whether the value at `position` is the variable's total."""
    code, text = variable.values[position], plain(variable.texts[position])
    if code == "SSS" or text in _TOTAL_TEXTS:
        return True
    if code in ("S", "SS") and position == 0 and not text.startswith(f"{code.casefold()} "):
        return True
    plural = _PLURAL_TOTAL.fullmatch(text)
    word = (plural["after"] or plural["before"]) if plural else ""
    return len(word) >= _STEM and any(part[:_STEM] == word[:_STEM] for part in plain(variable.text).split())


def total_of(variable: Variable) -> str | None:
    """The code of the variable's one recognised total; None where there is none, or more than one."""
    found = [variable.values[i] for i in range(len(variable.values)) if _is_total(variable, i)]
    return found[0] if len(found) == 1 else None


def _without_doubles(
    found: dict[str, str],
    what: Literal["content", "class"],
    prefix: str,
    missing: list[Missing],
    accepted: Collection[str],
) -> dict[str, str]:
    """`found` without the keys that mean one and the same value; these are recorded as missing.

    A key whose code was accepted (one of `accepted`) keeps it against keys that only look like it.
    """
    kept: dict[str, str] = {}
    for key, code in found.items():
        others = [other for other, its_code in found.items() if its_code == code and other != key]
        if key in accepted:
            others = [other for other in others if other in accepted]
        if others:
            missing.append(Missing(what, f"{prefix}{key}", f"{code} is also {', '.join(others)}"))
        else:
            kept[key] = code
    return kept


def _accepted(code: str, variable: Variable) -> tuple[str | None, str]:
    """An accepted code where `variable` has it, else None and the reason."""
    if code in variable.values:
        return code, ""
    return None, (
        f"the accepted code is {code}, which '{variable.text}' ({variable.code}) lacks; it has {_some(variable)}"
    )


def _contents(
    dataset: Dataset,
    query: TableQuery,
    variable: Variable,
    overrides: Overrides,
    missing: list[Missing],
    partial: bool,
) -> dict[str, str]:
    found: dict[str, str] = {}
    for choice in query.contents:
        code, reason = (
            _accepted(overrides.contents[choice.key], variable)
            if choice.key in overrides.contents
            else _find(choice, variable)
        )
        if code is None:
            missing.append(Missing("content", choice.key, reason))
        else:
            found[choice.key] = code
    found = _without_doubles(found, "content", "", missing, overrides.contents)
    if not found and not partial:
        reasons = "; ".join(f"{m.key}: {m.reason}" for m in missing[:2])
        raise _error(dataset, f"none of its contents is in the table: {reasons}")
    return found


def _class(
    dataset: Dataset,
    asked: ClassVariable,
    free: Sequence[Variable],
    overrides: Overrides,
    eliminated: list[str],
    missing: list[Missing],
    partial: bool,
) -> tuple[str | None, dict[str, str]]:
    """One class variable in the table's codes; keys that cannot be had go to `missing`."""
    accepted = overrides.variables.get(asked.name)
    if accepted is None:
        candidates = _by_text(free, asked.variable)
        wanted = " / ".join(asked.variable)
    else:
        candidates = [variable for variable in free if variable.code == accepted]
        wanted = f"the accepted {accepted}"
    if len(candidates) > 1:
        raise _error(
            dataset,
            f"more than one variable is '{asked.name}': {_variables(candidates)}; "
            "give its text more exactly in the catalogue",
        )
    failed: list[Missing] = []
    found: dict[str, str] = {}
    code: str | None = None
    if not candidates:
        for choice in asked.take:
            if choice.total:
                found[choice.key] = ""
            else:
                failed.append(
                    Missing(
                        "class",
                        f"{asked.name}={choice.key}",
                        f"no variable is {wanted}; besides area, time and contents "
                        f"the table has {_variables(free)}",
                    )
                )
    else:
        variable = candidates[0]
        code = variable.code
        total = total_of(variable)
        settled = {key for name, key in overrides.classes if name == asked.name}
        if (
            total is None
            and variable.elimination
            and not settled
            and all(choice.total for choice in asked.take)
        ):
            eliminated.append(variable.code)
            return None, {choice.key: "" for choice in asked.take}
        for choice in asked.take:
            value: str | None
            if (asked.name, choice.key) in overrides.classes:
                value, reason = _accepted(overrides.classes[asked.name, choice.key], variable)
            elif choice.total:
                value, reason = total, _no_total(variable)
            else:
                value, reason = _find(choice, variable)
            if value is None:
                failed.append(Missing("class", f"{asked.name}={choice.key}", reason))
            else:
                found[choice.key] = value
        found = _without_doubles(found, "class", f"{asked.name}=", failed, settled)
    if not found and not partial:
        reasons = "; ".join(f"{m.key}: {m.reason}" for m in failed[:2])
        raise _error(dataset, f"nothing of the variable '{asked.name}' can be had: {reasons}")
    missing.extend(failed)
    return code, found


def _no_total(variable: Variable) -> str:
    found = [variable.values[i] for i in range(len(variable.values)) if _is_total(variable, i)]
    if found:
        return (
            f"more than one value of '{variable.text}' ({variable.code}) is a total: "
            f"{_values(variable, found)}"
        )
    return (
        f"no value of '{variable.text}' ({variable.code}) is known as its total; it has "
        f"{_some(variable, ('Yhteensä',))}"
    )


def _rest(
    dataset: Dataset, variables: Iterable[Variable], eliminated: list[str], partial: bool
) -> dict[str, str]:
    """The totals of the variables that the catalogue does not name."""
    totals: dict[str, str] = {}
    for variable in variables:
        total = total_of(variable)
        if total is not None:
            totals[variable.code] = total
        elif variable.elimination:
            eliminated.append(variable.code)
        elif not partial:
            raise _error(
                dataset,
                f"the table has a variable the catalogue does not name, and "
                f"{_no_total(variable)}; "
                "name it under `classes` in the catalogue and say which values are meant",
            )
    return totals


def _areas(
    dataset: Dataset,
    query: TableQuery,
    variable: Variable | None,
    areas: Sequence[Area],
    missing: list[Missing],
) -> dict[str, str]:
    """Source area code → our code, for the areas of the query's levels."""
    if variable is None:
        return {"": next((area.code for area in areas if area.level == "country"), COUNTRY)}
    wanted = {area.code: area for area in areas if area.level in query.levels}
    if query.area_names:
        named = {plain(name) for name in query.area_names}
        wanted = {
            code: area
            for code, area in wanted.items()
            if area.level in STATISTICAL_LEVELS or plain(area.name_fi) in named
        }
        known = {plain(area.name_fi) for area in wanted.values()}
        missing.extend(
            Missing("area", name.upper(), f"the catalogue has no area called {name}")
            for name in query.area_names
            if plain(name) not in known
        )
    codes = set(variable.values)
    texts: dict[str, list[str]] = {}
    for value, text in zip(variable.values, variable.texts, strict=True):
        texts.setdefault(plain(text), []).append(value)
    bare = not any(re.fullmatch(r"KU[0-9]{3}", code) for code in codes)
    found: dict[str, str] = {}
    for area in wanted.values():
        candidates: list[str]
        if area.level not in STATISTICAL_LEVELS:
            candidates = texts.get(plain(area.name_fi), [])
        elif area.code in codes:
            candidates = [area.code]
        elif area.level == "municipality" and bare and area.code[2:] in codes:
            candidates = [area.code[2:]]
        elif area.level == "country":
            candidates = texts.get("koko maa", [])
        else:
            candidates = []
        if len(candidates) == 1 and candidates[0] not in found:
            found[candidates[0]] = area.code
        else:
            seen = _values(variable, candidates) if candidates else "not there"
            missing.append(
                Missing(
                    "area",
                    area.code,
                    f"{area.name_fi} ({area.code}) among the {len(codes)} values of '{variable.text}' "
                    f"({variable.code}): {seen}",
                )
            )
    if not found:
        raise _error(
            dataset,
            f"none of the {len(wanted)} areas asked for ({', '.join(list(wanted)[:4])}…) "
            f"is among {_some(variable)} of '{variable.text}' ({variable.code})",
        )
    return found


_PERIOD = r"[0-9]{4}(?:[QMW][0-9]{1,2}|/[0-9]{4})?"
_TITLE_END = re.compile(rf"(?:({_PERIOD})(\*?)\s*[-–—]+\s*)?({_PERIOD})\*\W*$")


def _periods(dataset: Dataset, meta: TableMeta, variable: Variable) -> tuple[tuple[str, ...], frozenset[str]]:
    """The source's period codes, oldest first, and those of them that are preliminary."""
    ours: dict[str, str] = {}
    for code in variable.values:
        try:
            ours[code] = from_source(code)
        except PeriodError as error:
            raise _error(
                dataset,
                f"value '{code[:40]}' of the time variable '{variable.text}' "
                f"({variable.code}) is no period such as 2025, 2025Q1, 2025M06, 2026W23 or 2023/2024",
            ) from error
    if not ours:
        raise _error(dataset, f"the time variable '{variable.text}' ({variable.code}) has no values")
    if len(set(ours.values())) < len(variable.values):
        raise _error(dataset, f"the time variable '{variable.text}' ({variable.code}) has a period twice")
    parsed = {code: parse_period(period) for code, period in ours.items()}
    frequencies = sorted({period.frequency for period in parsed.values()})
    if len(frequencies) > 1:
        raise _error(
            dataset,
            f"the time variable '{variable.text}' ({variable.code}) mixes "
            f"{' and '.join(frequencies)} periods; ask for one kind only",
        )
    ordered = tuple(sorted(ours, key=lambda code: parsed[code].start))
    if dataset.preliminary:
        return ordered, frozenset(ordered)
    starred = {code for code, text in zip(variable.values, variable.texts, strict=True) if "*" in text}
    title = _TITLE_END.search(meta.title)
    if title is not None:
        starred.add(ordered[-1])
        if title[2]:
            # "2025M01*-2026M04*": preliminary from the first on
            try:
                first = parse_period(title[1])
            except PeriodError:
                first = parsed[ordered[0]]
            starred.update(code for code in ordered if parsed[code].start >= first.start)
    return ordered, frozenset(starred)


def resolve(
    dataset: Dataset,
    meta: TableMeta,
    areas: Sequence[Area],
    overrides: Overrides | None = None,
    *,
    partial: bool = False,
) -> Resolution:
    """`dataset`'s query resolved against `meta` for `areas`. Raises ResolutionError with the candidates.

    Variables and values are compared without regard to case, repeated spaces, line feeds and spaces round
    hyphens; codes may bear a prefix that ends in a hyphen. A content or class value that is not found
    exactly once is recorded in `missing`, as are areas that the table lacks; what the whole dataset depends
    on raises. `overrides` come before labels and code hints; a code of theirs that the table lacks makes its
    key missing. With `partial` it does not raise where no content or no class value at all is found, nor
    where a variable has no place: such a resolution is to be completed before anything is asked by it.
    """
    accepted = overrides or Overrides()
    query = dataset.query
    if query is None:
        raise _error(dataset, "the catalogue gives no table query; add one to its dataset")
    missing: list[Missing] = []
    eliminated: list[str] = []
    time = _time_variable(dataset, query, meta.variables)
    others = [variable for variable in meta.variables if variable is not time]
    contents_variable = _contents_variable(dataset, query, others)
    others = [variable for variable in others if variable is not contents_variable]
    area_variable = _area_variable(dataset, query, others)
    free = [variable for variable in others if variable is not area_variable]

    contents = _contents(dataset, query, contents_variable, accepted, missing, partial)
    classes: dict[str, tuple[str | None, Mapping[str, str]]] = {}
    for asked in query.classes:
        classes[asked.name] = _class(dataset, asked, free, accepted, eliminated, missing, partial)
        same = [
            name for name, (code, _) in classes.items() if code is not None and code == classes[asked.name][0]
        ]
        if len(same) > 1:
            raise _error(
                dataset,
                f"the variable {classes[asked.name][0]} is both '{same[0]}' and '{same[1]}'; "
                "give their texts more exactly in the catalogue",
            )
    named = {code for code, _ in classes.values() if code is not None} | set(eliminated)
    rest = [variable for variable in free if variable.code not in named]
    totals = _rest(dataset, rest, eliminated, partial)
    found_areas = _areas(dataset, query, area_variable, areas, missing)
    periods, preliminary = _periods(dataset, meta, time)
    content_texts = dict(zip(contents_variable.values, contents_variable.texts, strict=True))
    return Resolution(
        dataset_id=dataset.id,
        table=meta.table,
        area_variable=area_variable.code if area_variable is not None else None,
        areas=found_areas,
        time_variable=time.code,
        periods=periods,
        preliminary=preliminary,
        contents_variable=contents_variable.code,
        contents=contents,
        classes=classes,
        totals=totals,
        eliminated=tuple(eliminated),
        missing=tuple(replace(one, reason=_line(one.reason)) for one in missing),
        labels={code: content_texts[code] for code in contents.values()},
        series_classes=series_classes(dataset),
        variable_texts={variable.code: variable.text for variable in meta.variables},
        class_labels={name: _texts(free, code, values.values()) for name, (code, values) in classes.items()},
    )


def _texts(variables: Iterable[Variable], code: str | None, values: Iterable[str]) -> dict[str, str]:
    """Source value code → text for `values` of the variable `code`; empty where there is no such variable."""
    for variable in variables:
        if variable.code == code:
            texts = dict(zip(variable.values, variable.texts, strict=True))
            return {value: texts[value] for value in values}
    return {}
