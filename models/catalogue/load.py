"""Loading: all files of a catalogue folder into one frozen Catalogue, or every problem in them at once."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from models.catalogue.areas_file import read_areas
from models.catalogue.catalogue import Catalogue, content_hash
from models.catalogue.datasets_file import read_datasets, read_sources
from models.catalogue.exceptions_file import read_exceptions
from models.catalogue.fields import Draft
from models.catalogue.indicators_file import read_indicators
from models.catalogue.items import Item, Place, Problem, read_items
from models.catalogue.programme_file import read_programme
from models.dataset import Dataset, Source
from models.errors import CatalogueError
from models.indicator import Indicator
from models.programme import Programme

PACKAGED = Path(__file__).resolve().parent
FILES = ("programme.yaml", "areas.yaml", "sources.yaml")
EXCEPTIONS = "exceptions.yaml"  # a catalogue without it has none
FOLDERS = ("measures", "datasets", "indicators")


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """The catalogue in `folder` (None: the packaged one). Raises CatalogueError with all problems."""
    home = PACKAGED if folder is None else Path(folder)
    shown = "models/catalogue" if home == PACKAGED else home.resolve().name
    if not home.is_dir():
        raise CatalogueError([f"{home}: there is no such catalogue folder; see MITTARISTO_PROGRAMME"])
    return _loaded(home, shown, _state(home))


def _state(home: Path) -> str:
    """Changes whenever a file of the catalogue does."""
    state = hashlib.sha256()
    for within in sorted(_names(home)):
        path = home / within
        content = path.read_bytes() if path.is_file() else b""
        state.update(f"{within}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


@lru_cache(maxsize=8)  # a catalogue is frozen, and takes a second to read
def _loaded(home: Path, shown: str, state: str) -> Catalogue:
    draft = Draft()
    items = _files(home, shown, draft)
    catalogue = _read(draft, items)
    if draft.problems or catalogue is None:
        raise CatalogueError([str(problem) for problem in sorted(set(draft.problems))])
    return catalogue


def _files(home: Path, shown: str, draft: Draft) -> dict[str, Item]:
    """The readable YAML files by their path within the folder, in natural order (2.yaml before 10.yaml)."""
    found: dict[str, Item] = {}
    seen: set[str] = set()
    for within in sorted(_names(home), key=_natural):
        name = f"{shown}/{within}"
        place = Place(name, 1)
        seen.add(within)
        if not within.endswith(".yaml"):
            draft.wrong(place, "the name of a catalogue file ends in .yaml; rename it")
        elif within not in (*FILES, EXCEPTIONS) and within.partition("/")[0] not in FOLDERS:
            wanted = (
                f"{', '.join((*FILES, EXCEPTIONS))} and files in {', '.join(f'{one}/' for one in FOLDERS)}"
            )
            draft.wrong(place, f"this file is not part of a catalogue, which has {wanted}")
        else:
            item = read_items(home / within, name, draft.problems)
            if item is not None and item.kind != "mapping":
                text = f"the file must be a set of keys, not {item.instead}"
                draft.problems.append(Problem(item.place, text, loses=True))
            elif item is not None:
                found[within] = item
    for file in FILES:
        if file not in seen:
            draft.problems.append(Problem(Place(f"{shown}/{file}", 1), "the file is missing", loses=True))
    for one in FOLDERS:
        if not any(within.startswith(f"{one}/") for within in seen):
            text = "the folder is missing, or has no .yaml file"
            draft.problems.append(Problem(Place(f"{shown}/{one}", 1), text, loses=True))
    return found


def _names(home: Path) -> list[str]:
    paths = (path for path in home.rglob("*") if path.suffix.lower() in (".yaml", ".yml"))
    return with_plain_names([path.relative_to(home).as_posix() for path in paths])


def with_plain_names(names: list[str]) -> list[str]:
    """`names` of files. Raises CatalogueError for those that are not UTF-8, and so can be neither kept nor shown."""
    wrong = [one for one in names if any("\ud800" <= letter <= "\udfff" for letter in one)]
    if wrong:
        shown = sorted(os.fsencode(one).decode("utf-8", "backslashreplace") for one in wrong)
        raise CatalogueError([f"{one}: the name of the file is not UTF-8; rename it" for one in shown])
    return names


def _natural(name: str) -> list[str | int]:
    # text and digits take turns, text first, so that int and str are never compared
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", name))]


def _within(items: dict[str, Item], folder: str) -> list[Item]:
    return [item for name, item in items.items() if name.startswith(f"{folder}/")]


def _read(draft: Draft, items: dict[str, Item]) -> Catalogue | None:
    # what could not be read must not make the references to it look wrong
    whole = not any(problem.loses for problem in draft.problems)
    areas = read_areas(draft, items["areas.yaml"]) if "areas.yaml" in items else None
    sources = read_sources(draft, items["sources.yaml"]) if "sources.yaml" in items else {}
    datasets: dict[str, Dataset] = {}
    for item in _within(items, "datasets"):
        datasets |= read_datasets(draft, item, areas.all() if areas else ())
    indicators: dict[str, Indicator] = {}
    for item in _within(items, "indicators"):
        indicators |= read_indicators(draft, item, datasets)
    programme = (
        read_programme(draft, items["programme.yaml"], _within(items, "measures"))
        if "programme.yaml" in items
        else None
    )
    exceptions = read_exceptions(draft, items[EXCEPTIONS], datasets) if EXCEPTIONS in items else ()
    if whole:
        _check_references(draft)
        _check_sources(draft, sources, datasets, indicators)
        _check_meters(draft, programme, indicators)
        if programme and areas and programme.municipality != areas.focus.code:
            place = items["programme.yaml"].entries["municipality"].place
            text = (
                f"'municipality' is {programme.municipality}, but the focus of areas.yaml {areas.focus.code}"
            )
            draft.wrong(place, f"programme: {text}")
    if areas is None or programme is None:
        return None
    return Catalogue(
        programme=programme,
        areas=areas,
        sources=MappingProxyType(sources),
        datasets=MappingProxyType(datasets),
        indicators=MappingProxyType(indicators),
        fingerprint=content_hash({name: item.plain() for name, item in items.items()}),
        exceptions=exceptions,
    )


def _check_references(draft: Draft) -> None:
    for one in draft.references:
        if one.id not in draft.declared.get(one.kind, {}):
            draft.wrong(one.place, f"{one.what}: there is no {one.kind} '{one.id}'")


def _check_sources(
    draft: Draft,
    sources: dict[str, Source],
    datasets: dict[str, Dataset],
    indicators: dict[str, Indicator],
) -> None:
    """Datasets are of automatic sources, figures entered by hand of others."""
    for dataset in datasets.values():
        if dataset.source in sources and not sources[dataset.source].automatic:
            place = draft.place("dataset", dataset.id)
            draft.wrong(place, f"dataset '{dataset.id}': source '{dataset.source}' is not automatic")
    for indicator in indicators.values():
        if not indicator.inputs and indicator.source in sources and sources[indicator.source].automatic:
            place = draft.place("indicator", indicator.id)
            text = f"is entered by hand, but source '{indicator.source}' is automatic"
            draft.wrong(place, f"indicator '{indicator.id}': {text}")


def _check_meters(draft: Draft, programme: Programme | None, indicators: dict[str, Indicator]) -> None:
    """Meters list their indicators and indicators their meters: the two must agree, in kind too."""
    if programme is None:
        return
    meters = {meter.id: meter for measure in programme.measures for meter in measure.meters}
    for meter in meters.values():
        listed = [indicators[id] for id in meter.indicator_ids if id in indicators]
        place = draft.place("meter", meter.id)
        for indicator in listed:
            if meter.id not in indicator.meters:
                there = draft.place("indicator", indicator.id)
                text = f"lists indicator '{indicator.id}', which does not list this meter ({there})"
                draft.wrong(place, f"meter '{meter.id}': {text}")
        complete = len(listed) == len(meter.indicator_ids)
        if listed and complete and all(indicator.kind != meter.kind for indicator in listed):
            kinds = ", ".join(sorted({indicator.kind for indicator in listed}))
            text = f"is of kind '{meter.kind}', but its indicators are of kind {kinds}"
            draft.wrong(place, f"meter '{meter.id}': {text}")
    for indicator in indicators.values():
        for id in indicator.meters:
            if id in meters and indicator.id not in meters[id].indicator_ids:
                there = draft.place("meter", id)
                text = f"lists meter '{id}', which does not list this indicator ({there})"
                draft.wrong(draft.place("indicator", indicator.id), f"indicator '{indicator.id}': {text}")
