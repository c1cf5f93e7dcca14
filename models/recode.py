"""Codes that a source renamed: what was known, what changed, what is proposed, and whether the figures prove it.

The way of one collection, all of it pure:

    resolution = on_trial(known, dataset, meta, areas, overrides)      # done by the connector's fetch and read
    changes = changed_codes(known, resolution)
    finding = prove(known, changes, resolution.proposals, frame, stored, past)

`frame` are the observations under that resolution. What is proven for a key that was missing stands in the
finding's overrides; the kept answers are read again with them before anything is stored. How figures prove is
said in models.recode_evidence.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from models.area import Area
from models.dataset import Dataset
from models.errors import MittaristoError
from models.recode_evidence import (
    AREA,
    MIN_TELLING,
    MIN_TELLING_AREA,
    Cell,
    Comparison,
    Evidence,
    OtherMatch,
    Store,
    Swap,
    cell_text,
    class_part,
    renamed,
    values_of,
)
from models.resolution import Overrides, Proposal, Resolution, plain, resolve
from models.table import TableMeta, Variable

ChangeKind = Literal["table", "division", "variable", "total", "content", "value"]
FindingState = Literal["none", "proven", "unproven"]

LONGEST_LABEL = 500  # characters of a label that are compared
LIKE = 0.6  # likeness of two labels (difflib ratio) from which on the one may be the other
NEIGHBOURS_BONUS = 0.5  # for the same place among the same number of values, both neighbours unchanged
PLACE_BONUS = 0.25  # for the same place among the same number of values
SAME_CODE_BONUS = 0.5
EQUAL_SCORES = 0.05  # scores as near as this are equally good
MAX_CANDIDATES = 4  # codes tried for one key
_STAMPED = re.compile(r"(?P<stem>.*?)(?:19|20)\d\d(?:\d{4})?")
_PREFIXED = re.compile(r"[^\W\d][\w-]*-([^-]+)")


# What was known


@dataclass(frozen=True)
class KnownVariable:
    """A variable as it was: its code ('' where the table had none), all its values in order, and our keys.

    `values` are (code, label), and `keys` maps our key → (code, label), which are '' where no value was named
    since only the total of the whole was taken.
    """

    code: str
    values: tuple[tuple[str, str], ...] = ()
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def place(self, key: str) -> int | None:
        """Where the value that our key meant stood in the variable; None where it was none."""
        codes = [code for code, _ in self.values]
        return codes.index(self.keys[key][0]) if self.keys[key][0] in codes else None


@dataclass(frozen=True)
class KnownCodes:
    """The source's codes at the last good collection of a dataset.

    `totals` maps the codes of the variables that the catalogue does not name → the code of their total, ''
    where the source sums them itself; `variables` maps the codes of all variables → their texts.
    """

    dataset_id: str
    table: str
    area_variable: str
    time_variable: str
    contents: KnownVariable
    classes: Mapping[str, KnownVariable] = field(default_factory=dict)
    totals: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def known_codes(resolution: Resolution, meta: TableMeta, before: KnownCodes | None = None) -> KnownCodes:
    """What `resolution` knows of the table's codes, with the places that `meta` gives them.

    With `before`, keys that the resolution records as missing stay known as they were, so that they are still
    looked for.
    """
    variables = {variable.code: variable for variable in meta.variables}
    trials = _trials(resolution.proposals)
    missing = {one.key for one in resolution.missing if one.what != "area"}

    def known(
        code: str | None, found: Mapping[str, str], earlier: KnownVariable | None, prefix: str
    ) -> KnownVariable:
        variable = variables.get(code or "")
        values = tuple(zip(variable.values, variable.texts, strict=True)) if variable is not None else ()
        labels = dict(values)
        keys = {key: (one, labels.get(one, "")) for key, one in found.items() if key not in trials}
        for key, one in earlier.keys.items() if earlier is not None else ():
            if f"{prefix}{key}" in missing:
                keys[key] = one
        return KnownVariable(code or "", values, keys)

    contents = known(
        resolution.contents_variable, resolution.contents, before.contents if before is not None else None, ""
    )
    classes = {
        name: known(code, keys, before.classes.get(name) if before is not None else None, f"{name}=")
        for name, (code, keys) in resolution.classes.items()
    }
    return KnownCodes(
        dataset_id=resolution.dataset_id,
        table=resolution.table,
        area_variable=resolution.area_variable or "",
        time_variable=resolution.time_variable,
        contents=contents,
        classes=classes,
        totals=_totals(resolution),
        variables=dict(resolution.variable_texts),
    )


def known_to_json(known: KnownCodes) -> str:
    """`known` as JSON text."""
    return json.dumps(asdict(known), ensure_ascii=False, sort_keys=True)


def known_from_json(text: str) -> KnownCodes | None:
    """What known_to_json wrote; None for '' (nothing is known yet). Raises MittaristoError for anything else."""
    if not text:
        return None

    def known(one: Mapping[str, Any]) -> KnownVariable:
        return KnownVariable(
            one["code"],
            tuple((code, label) for code, label in one["values"]),
            {key: (code, label) for key, (code, label) in one["keys"].items()},
        )

    with _of_database("the known codes of a dataset"):
        plain_values = json.loads(text)
        return KnownCodes(
            **{
                **plain_values,
                "contents": known(plain_values["contents"]),
                "classes": {name: known(one) for name, one in plain_values["classes"].items()},
            }
        )


@contextmanager
def _of_database(what: str) -> Iterator[None]:
    """A context in which JSON of the database is read: what is not as it was written is an error of ours."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MittaristoError(
            f"{what} cannot be read from the database ({type(error).__name__}); restore a backup, or replay"
        ) from error


def overrides_to_json(overrides: Overrides) -> str:
    """`overrides` as JSON text: {"classes": {variable: {key: code}}, "contents": ..., "variables": ...}."""
    classes: dict[str, dict[str, str]] = {}
    for (name, key), code in overrides.classes.items():
        classes.setdefault(name, {})[key] = code
    wanted = {
        "contents": dict(overrides.contents),
        "classes": classes,
        "variables": dict(overrides.variables),
    }
    return json.dumps(wanted, ensure_ascii=False, sort_keys=True)


def overrides_from_json(text: str) -> Overrides:
    """What overrides_to_json wrote; none for ''. Raises MittaristoError for anything else."""
    if not text:
        return Overrides()
    with _of_database("the accepted codes of a dataset"):
        values = json.loads(text)
        return Overrides(
            contents=dict(values["contents"]),
            classes={
                (name, key): code for name, keys in values["classes"].items() for key, code in keys.items()
            },
            variables=dict(values["variables"]),
        )


def merged(earlier: Overrides, later: Overrides) -> Overrides:
    """Both; where they say different things of one key, what `later` says."""
    return Overrides(
        contents={**earlier.contents, **later.contents},
        classes={**earlier.classes, **later.classes},
        variables={**earlier.variables, **later.variables},
    )


# What changed


@dataclass(frozen=True)
class CodeChange:
    """One code that is not as known.

    `kind` and `key`: `table` (''); `division` ('area'): only the year stamp of the area variable moved;
    `variable` ('area', 'time', 'contents', the name of a class variable, or the text of a variable that is
    totalled); `total` (that text): the code of its total; `content` (content key); `value` ('variable=key').
    `old` is '' for a variable that was not there, `new` '' for what is not found now.
    """

    kind: ChangeKind
    key: str
    old: str
    new: str
    old_label: str = ""
    new_label: str = ""


def changed_codes(known: KnownCodes, resolution: Resolution) -> tuple[CodeChange, ...]:
    """How the codes of `resolution` differ from those known; () where they are the same.

    New areas and periods are no change, nor is what the catalogue asks more or less than before, nor a key
    that now means another value which the table already had, of the same code and label: it was the catalogue
    (or a person) that moved it. Keys that the resolution records as missing are changes to ''.
    """
    missing = {one.key for one in resolution.missing if one.what != "area"}
    changes: list[CodeChange] = []

    def changed(kind: ChangeKind, key: str, old: str, new: str, *labels: str) -> None:
        if old != new:
            changes.append(CodeChange(kind, key, old, new, *labels))

    changed("table", "", known.table, resolution.table)
    area = resolution.area_variable or ""
    changed(
        "division" if _stamp_moved(known.area_variable, area) else "variable",
        "area",
        known.area_variable,
        area,
    )
    changed("variable", "time", known.time_variable, resolution.time_variable)
    changed("variable", "contents", known.contents.code, resolution.contents_variable or "")
    for name, (code, _) in resolution.classes.items():
        if name in known.classes:
            changed("variable", name, known.classes[name].code, code or "")
    _changed_totals(known, resolution, changed)
    for key, (old, label) in known.contents.keys.items():
        new = resolution.contents.get(key, "")
        texts = (label, resolution.labels.get(new, ""))
        if (new and (new, texts[1]) not in known.contents.values) or (not new and key in missing):
            changed("content", key, old, new, *texts)
    for name, (_, values) in resolution.classes.items():
        before = known.classes.get(name, KnownVariable(""))
        for key, (old, label) in before.keys.items():
            new = values.get(key, "")
            texts = (label, resolution.class_labels.get(name, {}).get(new, ""))
            lost = not new and f"{name}={key}" in missing
            if old and ((new and (new, texts[1]) not in before.values) or lost):
                changed("value", f"{name}={key}", old, new, *texts)
    return tuple(changes)


def _stamp_moved(old: str, new: str) -> bool:
    one, other = _STAMPED.fullmatch(old), _STAMPED.fullmatch(new)
    return one is not None and other is not None and one["stem"] == other["stem"]


def _totals(resolution: Resolution) -> dict[str, str]:
    return {**resolution.totals, **dict.fromkeys(resolution.eliminated, "")}


def _changed_totals(known: KnownCodes, resolution: Resolution, changed: Callable[..., None]) -> None:
    """The variables that are only totalled: told by their codes, or by their texts."""
    now, texts_now = _totals(resolution), resolution.variable_texts
    by_text = {plain(texts_now[code]): code for code in now if code in texts_now}
    matched = set()
    for code, total in known.totals.items():
        text = known.variables.get(code, code)
        found = code if code in now else by_text.get(plain(text))
        if found is not None:
            matched.add(found)
            changed("variable", text, code, found)
            changed("total", text, total, now[found])
        elif code not in texts_now and plain(text) not in map(plain, texts_now.values()):
            changed("variable", text, code, "")
    before = {*known.variables, *map(plain, known.variables.values())}
    for code in now:
        text = texts_now.get(code, code)
        if code not in matched and code not in before and plain(text) not in before:
            changed("variable", text, "", code)


# What is proposed


def propose(
    known: KnownCodes, dataset: Dataset, meta: TableMeta, resolution: Resolution
) -> tuple[Proposal, ...]:
    """For each key that is missing and was known the codes it may have moved to, likeliest first.

    A code is a candidate where its label is like the known one, where it stands in the same place among the
    same number of values, or where it is the known code itself. None is one that another key has, nor one
    whose label the table already had for another value. For a class variable that is not found: the
    variables that have all its known values, or its code.
    """
    missing = {one.key for one in resolution.missing if one.what != "area"}
    variables = {variable.code: variable for variable in meta.variables}
    given = _trials(resolution.proposals)
    found: list[Proposal] = []
    trials: dict[str, dict[str, str]] = {}

    def add(
        kind: Literal["content", "value"],
        name: str,
        key: str,
        before: KnownVariable,
        variable: Variable,
        taken: set[str],
    ) -> None:
        # one trial key for each code, whatever number of keys it is proposed for
        of_variable = trials.setdefault(name, {})
        for one in _candidates(before, key, variable, taken):
            trial = of_variable.setdefault(one.code, f"?{len(of_variable) + 1}")
            whole = key if kind == "content" else f"{name}={key}"
            found.append(replace(one, kind=kind, key=whole, trial=trial))

    contents = variables.get(resolution.contents_variable or "")
    if contents is not None:
        taken = {code for key, code in resolution.contents.items() if key not in given}
        for choice in dataset.content_choices:
            if choice.key in missing and choice.key in known.contents.keys:
                add("content", "", choice.key, known.contents, contents, taken)
    for asked in dataset.class_variables:
        code, values = resolution.classes.get(asked.name, (None, {}))
        before = known.classes.get(asked.name)
        lost = [choice.key for choice in asked.take if f"{asked.name}={choice.key}" in missing]
        if before is None or not before.code or not lost:
            continue
        if code is None:
            found.extend(_variable_candidates(asked.name, before, known, meta, resolution))
            continue
        taken = {one for key, one in values.items() if key not in given}
        for key in lost:
            if key in before.keys and before.keys[key][0]:
                add("value", asked.name, key, before, variables[code], taken)
    return tuple(found)


def _trials(proposals: Iterable[Proposal]) -> frozenset[str]:
    return frozenset(one.trial for one in proposals if one.trial)


def _like(one: str, other: str) -> float:
    texts = plain(one)[:LONGEST_LABEL], plain(other)[:LONGEST_LABEL]
    return difflib.SequenceMatcher(None, *texts, autojunk=False).ratio()


def _bare(code: str) -> str:
    """A code without case and without the prefix that ends in a hyphen."""
    prefixed = _PREFIXED.fullmatch(code.casefold())
    return prefixed[1] if prefixed else code.casefold()


def _candidates(before: KnownVariable, key: str, variable: Variable, taken: set[str]) -> list[Proposal]:
    """The values of `variable` that may be what `key` was."""
    (own_code, own_label), place = before.keys[key], before.place(key)
    others = {plain(label) for code, label in before.values if code != own_code} - {plain(own_label)}
    found: list[Proposal] = []
    for index, (code, label) in enumerate(zip(variable.values, variable.texts, strict=True)):
        if code in taken or plain(label) in others:
            continue
        like = _like(own_label, label)
        why = [f"label alike {like:.2f}"]
        score = like
        same_code = _bare(code) == _bare(own_code)
        if same_code:
            score += SAME_CODE_BONUS
            why.append("same code")
        same_place = index == place and len(before.values) == len(variable.values)
        if same_place and _neighbours_stand(before, variable, index):
            score += NEIGHBOURS_BONUS
            why.append("same place, neighbours unchanged")
        elif same_place:
            score += PLACE_BONUS
            why.append("same place")
        if like >= LIKE or same_code or same_place:
            found.append(Proposal("content", key, code, label, 0, round(score, 4), ", ".join(why)))
    return _ranked(found)[:MAX_CANDIDATES]


def _neighbours_stand(before: KnownVariable, variable: Variable, index: int) -> bool:
    """Whether the values before and after `index` are as they were, by code or by label."""
    return all(
        before.values[place][0] == variable.values[place]
        or plain(before.values[place][1]) == plain(variable.texts[place])
        for place in (index - 1, index + 1)
        if 0 <= place < len(variable.values)
    )


def _ranked(found: list[Proposal]) -> list[Proposal]:
    """`found` best first, with ranks; scores within EQUAL_SCORES of a rank's best share it."""
    ordered = sorted(found, key=lambda one: -one.score)
    ranked: list[Proposal] = []
    best, rank = 0.0, 0
    for one in ordered:
        if not ranked or one.score < best - EQUAL_SCORES:
            best, rank = one.score, rank + 1
        ranked.append(replace(one, rank=rank))
    return ranked


def _variable_candidates(
    name: str, before: KnownVariable, known: KnownCodes, meta: TableMeta, resolution: Resolution
) -> list[Proposal]:
    """The variables that may be the class variable `name`, which is not found by its text."""
    placed = {
        resolution.area_variable,
        resolution.time_variable,
        resolution.contents_variable,
        *(code for code, _ in resolution.classes.values()),
    }
    wanted = [(code, plain(label)) for code, label in before.keys.values() if code]
    text = known.variables.get(before.code, "")
    found = []
    for variable in meta.variables:
        if variable.code in placed:
            continue
        codes, texts = set(variable.values), {plain(one) for one in variable.texts}
        held = sum(code in codes or label in texts for code, label in wanted)
        same_code = variable.code == before.code
        if same_code or (wanted and held == len(wanted)):
            like = _like(text, variable.text)
            score = like + held / max(len(wanted), 1) + (SAME_CODE_BONUS if same_code else 0.0)
            why = f"text alike {like:.2f}, has {held} of its {len(wanted)} values" + (
                ", same code" if same_code else ""
            )
            found.append(Proposal("variable", name, variable.code, variable.text, 0, round(score, 4), why))
    return _ranked(found)[:MAX_CANDIDATES]


def on_trial(
    known: KnownCodes | None,
    dataset: Dataset,
    meta: TableMeta,
    areas: Sequence[Area],
    overrides: Overrides | None = None,
) -> Resolution:
    """`resolve`, and where keys that `known` had are missing, their proposed codes beside the others.

    The proposed codes stand in `contents` and `classes` under trial keys ('?1'), so that they are asked for
    and read; the keys themselves stay in `missing`. A class variable that is not found is taken where there
    is one likeliest candidate for it. Without `known`, or where nothing is missing, it is just `resolve`.
    Raises ResolutionError as `resolve` does, where the proposals do not help.
    """
    if known is None:
        return resolve(dataset, meta, areas, overrides)
    given = overrides or Overrides()
    found = resolve(dataset, meta, areas, given, partial=True)
    proposals = propose(known, dataset, meta, found)
    first = [one for one in proposals if one.kind == "variable" and one.rank == 1]
    sole = {one.key: one.code for one in first if sum(other.key == one.key for other in first) == 1}
    if sole:
        found = resolve(dataset, meta, areas, merged(given, Overrides(variables=sole)), partial=True)
        variables = [one for one in proposals if one.kind == "variable"]
        proposals = (*variables, *propose(known, dataset, meta, found))
    if proposals:
        found = _with_trials(found, proposals)
    return found if _complete(found, meta) else resolve(dataset, meta, areas, given)


def _with_trials(found: Resolution, proposals: tuple[Proposal, ...]) -> Resolution:
    contents, labels = dict(found.contents), dict(found.labels)
    classes = {name: (code, dict(values)) for name, (code, values) in found.classes.items()}
    class_labels = {name: dict(texts) for name, texts in found.class_labels.items()}
    for one in proposals:
        if one.kind == "content":
            contents[one.trial] = one.code
            labels[one.code] = one.label
        elif one.kind == "value":
            name = one.key.partition("=")[0]
            classes[name][1][one.trial] = one.code
            class_labels[name][one.code] = one.label
    return replace(
        found,
        contents=contents,
        labels=labels,
        classes=classes,
        class_labels=class_labels,
        proposals=proposals,
    )


def _complete(found: Resolution, meta: TableMeta) -> bool:
    """Whether there is something to ask of every variable, and each has its place."""
    placed = {
        found.area_variable,
        found.time_variable,
        found.contents_variable,
        *(code for code, _ in found.classes.values()),
        *found.totals,
        *found.eliminated,
    }
    return (
        bool(found.contents)
        and all(values for _, values in found.classes.values())
        and all(variable.code in placed for variable in meta.variables)
    )


# What is proven


@dataclass(frozen=True)
class RecodeFinding:
    """Whether codes changed, and whether the figures prove that the series go on under the new ones.

    `mapping` are the changes, with the code that was proposed where a key was missing. `overrides` are the
    codes to be accepted for keys that labels do not find. `reason` is one line, '' where nothing changed.
    """

    dataset_id: str
    state: FindingState
    mapping: tuple[CodeChange, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    overrides: Overrides = field(default_factory=Overrides)
    reason: str = ""

    def to_json(self) -> str:
        """The finding as JSON text."""
        values = {
            "dataset_id": self.dataset_id,
            "state": self.state,
            "mapping": [asdict(one) for one in self.mapping],
            "evidence": [asdict(one) for one in self.evidence],
            "overrides": json.loads(overrides_to_json(self.overrides)),
            "reason": self.reason,
        }
        return json.dumps(values, ensure_ascii=False, sort_keys=True)


def finding_from_json(text: str) -> RecodeFinding:
    """The finding that to_json wrote. Raises MittaristoError for anything else."""
    with _of_database("a finding about renamed codes"):
        values = json.loads(text)
        evidence = [
            Evidence(
                **{
                    **one,
                    "largest": Cell(**one["largest"]) if one["largest"] else None,
                    "other": OtherMatch(**one["other"]) if one["other"] else None,
                    "shown": tuple(Cell(**cell) for cell in one["shown"]),
                }
            )
            for one in values["evidence"]
        ]
        return RecodeFinding(
            dataset_id=values["dataset_id"],
            state=values["state"],
            mapping=tuple(CodeChange(**one) for one in values["mapping"]),
            evidence=tuple(evidence),
            overrides=overrides_from_json(json.dumps(values["overrides"])),
            reason=values["reason"],
        )


def overrides_of(finding: RecodeFinding) -> str:
    """The codes to be accepted with `finding`, as JSON text; to be merged with those accepted before."""
    return overrides_to_json(finding.overrides)


def examine(
    known: KnownCodes | None,
    resolution: Resolution,
    frame: pd.DataFrame,
    stored: pd.DataFrame,
    past: pd.DataFrame,
) -> RecodeFinding:
    """`changed_codes` and `prove` for one collection; nothing changed where nothing was known."""
    if known is None:
        return RecodeFinding(resolution.dataset_id, "none")
    return prove(known, changed_codes(known, resolution), resolution.proposals, frame, stored, past)


def prove(
    known: KnownCodes,
    changes: Sequence[CodeChange],
    proposals: Sequence[Proposal],
    frame: pd.DataFrame,
    stored: pd.DataFrame,
    past: pd.DataFrame,
) -> RecodeFinding:
    """Whether the figures prove `changes`, with the code that fits best where `proposals` has several.

    `frame` are the observations under the changed codes, proposed ones under their trial keys; `stored` the
    dataset's current values (both OBSERVATION_COLUMNS); `past` its revisions so far (content, classes,
    area_code, period, old, new; NaN where there was no figure), empty where there were none.

    Each changed content is compared with what is stored for it, each changed class value likewise; a changed
    table, variable or total concerns all contents. A change to '' without a proposal is something that the
    source no longer has: nothing to prove. A division that moved is nothing to prove either.
    """
    offered: dict[str, list[Proposal]] = {}
    for one in proposals:
        if one.trial:
            offered.setdefault(one.key, []).append(one)
    concerned = [
        one
        for one in changes
        if one.kind != "division" and (one.kind not in ("content", "value") or one.new or one.key in offered)
    ]
    divisions = tuple(one for one in changes if one.kind == "division")
    if not concerned:
        moved = "; ".join(f"the area division moved: {one.old} → {one.new}" for one in divisions)
        return RecodeFinding(known.dataset_id, "none", divisions, reason=moved)

    store = Store(stored, past)
    chosen, objections = _chosen(known, store, frame, offered, concerned)
    mapping = [
        replace(one, new=chosen[one.key].code, new_label=chosen[one.key].label) if one.key in chosen else one
        for one in concerned
    ]
    comparison = Comparison(store, _named(frame, chosen.values(), offered))
    evidence = [
        _judged(known, comparison, kind, key, mapping) for kind, key in _units(known, comparison, mapping)
    ]
    evidence = [
        replace(one, reason=objections[one.key]) if one.proven and one.key in objections else one
        for one in evidence
    ]
    reasons = [
        *_open_variables(mapping, proposals),
        *(f"{_about(one)}: {one.reason}" for one in evidence if not one.proven),
    ]
    if not evidence and not reasons:
        reasons = ["no content can be compared with what is stored"]
    return RecodeFinding(
        dataset_id=known.dataset_id,
        state="unproven" if reasons else "proven",
        mapping=(*divisions, *mapping),
        evidence=tuple(evidence),
        overrides=_accepted(chosen, mapping, proposals),
        reason=_several(reasons) if reasons else _summary(mapping, evidence),
    )


def swapped(frame: pd.DataFrame, stored: pd.DataFrame) -> tuple[Swap, ...]:
    """The contents of `frame` that bear the figures stored for another content, and the areas that bear those of
    another area (both OBSERVATION_COLUMNS).

    For collections whose codes did not change: two whose figures changed places give two swaps.
    """
    if not len(stored):
        return ()
    comparison = Comparison(Store(stored, stored.iloc[:0]), frame)
    return (*comparison.swaps("", MIN_TELLING), *comparison.swaps(AREA, MIN_TELLING_AREA))


def _named(
    frame: pd.DataFrame, chosen: Iterable[Proposal], offered: Mapping[str, Sequence[Proposal]]
) -> pd.DataFrame:
    """`frame` with the chosen trial keys renamed to ours, the other trial keys left out."""
    trials = {one.trial for ones in offered.values() for one in ones}
    if not trials:
        return frame
    contents: dict[str, str] = {}
    classes: dict[tuple[str, str], str] = {}
    for one in chosen:
        if one.kind == "content":
            contents.setdefault(one.trial, one.key)
        else:
            name, _, key = one.key.partition("=")
            classes.setdefault((name, one.trial), key)
    return renamed(frame, contents, classes, trials)


def _chosen(
    known: KnownCodes,
    store: Store,
    frame: pd.DataFrame,
    offered: Mapping[str, Sequence[Proposal]],
    changes: Sequence[CodeChange],
) -> tuple[dict[str, Proposal], dict[str, str]]:
    """For each key the proposal whose figures fit best; and for each key that is not settled the reason."""
    chosen: dict[str, Proposal] = {}
    objections: dict[str, str] = {}
    for key, ones in offered.items():
        tried = []
        for one in ones:
            others = [best[0] for other, best in offered.items() if other != key]
            comparison = Comparison(store, _named(frame, [one, *others], offered))
            kind: Literal["content", "value"] = "content" if one.kind == "content" else "value"
            tried.append((one, _judged(known, comparison, kind, key, _with(changes, one))))
        passing = [one for one, evidence in tried if evidence.proven]
        chosen[key] = passing[0] if passing else max(tried, key=lambda both: both[1].equal)[0]
        if len(passing) > 1:
            codes = " and ".join(one.code for one in passing)
            objections[key] = f"equally good: the codes {codes} all bear its figures"
    return chosen, objections


def _with(changes: Sequence[CodeChange], proposal: Proposal) -> list[CodeChange]:
    return [
        replace(one, new=proposal.code, new_label=proposal.label) if one.key == proposal.key else one
        for one in changes
    ]


def _judged(
    known: KnownCodes,
    comparison: Comparison,
    kind: Literal["content", "value"],
    key: str,
    changes: Sequence[CodeChange],
) -> Evidence:
    """The evidence for one key; the keys from which its unchanged label (or code) tells it are told apart."""
    name, _, own = key.partition("=") if kind == "value" else ("", "", key)
    before = known.classes[name] if kind == "value" else known.contents
    change = next((one for one in changes if one.kind == kind and one.key == key), None)
    old, label = before.keys[own]
    unchanged = change is None or (bool(label) and plain(label) == plain(change.new_label))
    told_apart = {
        f"{name}={other}" if kind == "value" else other
        for other, (_, its_label) in before.keys.items()
        if unchanged and plain(its_label) != plain(label)
    }
    new = change.new if change is not None else old
    return comparison.evidence(kind, key, old=old, new=new, unchanged=unchanged, told_apart=told_apart)


def _units(
    known: KnownCodes, comparison: Comparison, changes: Sequence[CodeChange]
) -> list[tuple[Literal["content", "value"], str]]:
    """What is to be compared: the changed contents and class values, or all contents where all are concerned."""
    contents = {one.key for one in changes if one.kind == "content"}
    values = [one.key for one in changes if one.kind == "value"]
    stored_classes = values_of(comparison.store.frame["classes"])
    # a class of which only the total is taken stands in no class key: it concerns every value
    kept_apart = [
        one for one in values if any(class_part(key, one.partition("=")[0]) for key in stored_classes)
    ]
    whole = any(one.kind in ("table", "variable", "total") for one in changes)
    if whole or len(kept_apart) < len(values):
        contents |= values_of(comparison.answered["content"])
    return [
        *(("content", key) for key in known.contents.keys if key in contents),
        *(("value", key) for key in kept_apart),
    ]


def _open_variables(changes: Sequence[CodeChange], proposals: Sequence[Proposal]) -> list[str]:
    """Class variables that are not found and for which several others are equally good."""
    found = []
    for change in changes:
        if change.kind == "variable" and not change.new:
            codes = [one.code for one in proposals if one.kind == "variable" and one.key == change.key]
            if codes:
                found.append(f"variable {change.key}: equally good are {', '.join(codes)}")
    return found


def _accepted(
    chosen: Mapping[str, Proposal], changes: Sequence[CodeChange], proposals: Sequence[Proposal]
) -> Overrides:
    variables = {
        one.key: one.code
        for one in proposals
        if one.kind == "variable"
        and any(
            change.kind == "variable" and change.key == one.key and change.new == one.code
            for change in changes
        )
    }
    contents = {key: one.code for key, one in chosen.items() if one.kind == "content"}
    classes: dict[tuple[str, str], str] = {}
    for key, one in chosen.items():
        if one.kind == "value":
            name, _, own = key.partition("=")
            classes[name, own] = one.code
    return Overrides(contents=contents, classes=classes, variables=variables)


# In words


def _about(evidence: Evidence) -> str:
    codes = evidence.old if evidence.old == evidence.new else f"{evidence.old} → {evidence.new}"
    return f"{'content' if evidence.kind == 'content' else 'class'} {evidence.key} ({codes})"


def _several(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - 2} more" if len(reasons) > 2 else ""
    return "; ".join(reasons[:2]) + more


_WORDS: Mapping[ChangeKind, str] = {
    "table": "table id",
    "division": "area division",
    "variable": "variable code",
    "total": "code of a total",
    "content": "content code",
    "value": "class code",
}


def _summary(changes: Sequence[CodeChange], evidence: Sequence[Evidence]) -> str:
    parts = []
    for kind, word in _WORDS.items():
        ones = [one for one in changes if one.kind == kind]
        if len(ones) == 1:
            key = f" of {ones[0].key}" if ones[0].key else ""
            parts.append(f"{word}{key} {ones[0].old or 'none'} → {ones[0].new or 'none'}")
        elif ones:
            parts.append(f"{len(ones)} {word}s")
    compared, equal = sum(one.compared for one in evidence), sum(one.equal for one in evidence)
    figures = f"{compared} cells compared, " + (
        "all equal" if equal == compared else f"{equal} equal and {compared - equal} within what is usual"
    )
    return f"{', '.join(parts)}; {figures}"


_MARKS = {"equal": "=", "usual": "~", "different": "≠"}
_BAR = 20


def picture(finding: RecodeFinding) -> list[str]:
    """The finding as lines for a terminal: what changed, and per key the cells and a few of them old → new."""
    lines = [
        f"{finding.dataset_id}: recode {finding.state}" + (f": {finding.reason}" if finding.reason else "")
    ]
    for one in finding.mapping:
        label = f"  '{one.old_label}' → '{one.new_label}'" if one.old_label != one.new_label else ""
        lines.append(f"  {_WORDS[one.kind]:<14} {one.key:<24} {one.old or '-'} → {one.new or '-'}{label}")
    for evidence in finding.evidence:
        lines.append(f"  {_about(evidence)}: {'proven' if evidence.proven else evidence.reason}")
        lines.append(f"    {_bar(evidence)} {_counts(evidence)}")
        if evidence.other is not None:
            other = evidence.other
            lines.append(
                f"    next best: '{other.key}', equal in {other.equal}; where the two differ "
                f"{other.own} of {other.telling} are its own, {other.others} the other's"
            )
        lines.extend(f"    {_MARKS[cell.verdict]} {cell_text(cell)}" for cell in evidence.shown)
    return lines


def _bar(evidence: Evidence) -> str:
    """Cells as a bar: full for equal, half for within the usual, empty for different."""
    if not evidence.compared:
        return "[" + " " * _BAR + "]"
    full = evidence.equal * _BAR // evidence.compared
    half = (evidence.equal + evidence.within) * _BAR // evidence.compared - full
    return "[" + "█" * full + "▒" * half + "·" * (_BAR - full - half) + "]"


def _counts(evidence: Evidence) -> str:
    return (
        f"{evidence.compared} cells: {evidence.equal} equal, {evidence.within} within what is usual "
        f"(at most {evidence.allowed}), {evidence.different} different"
    )
