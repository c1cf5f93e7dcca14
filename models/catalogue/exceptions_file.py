"""`exceptions.yaml`: what the history gate would object to and may, with a reason, a role and an end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from models.catalogue.fields import Draft, Fields
from models.catalogue.items import Item
from models.dataset import Dataset
from models.exceptions import RULES, KnownException
from models.period import PeriodError, parse_period

RULE_IDS: tuple[str, ...] = tuple(rule.id for rule in RULES)


def read_exceptions(draft: Draft, item: Item, datasets: Mapping[str, Dataset]) -> tuple[KnownException, ...]:
    """The known exceptions in their order, those without problems. `datasets` are all the catalogue has."""
    f = Fields(draft, item, "exceptions")
    found = []
    for element in f.elements("exceptions"):
        exception = _exception(draft, element, datasets)
        if exception in found:
            draft.wrong(element.place, "exception: stands twice; delete one")
        elif exception is not None:
            found.append(exception)
    f.done()
    return tuple(found)


def _exception(draft: Draft, element: Item, datasets: Mapping[str, Dataset]) -> KnownException | None:
    e = Fields(draft, element, "exception")
    dataset = e.refers("dataset", "dataset")
    e.what = f"exception of '{dataset}'" if dataset else e.what
    rule = e.choice("rule", RULE_IDS)
    reason_fi, reason_en = e.both("reason")
    role = e.text("role")
    expires = _date(e, "expires")
    contents = _contents(e, datasets.get(dataset))
    areas = e.refers_to_all("areas", "area")
    periods = _periods(e)
    if not e.done() or expires is None:
        return None
    return KnownException(dataset, rule, reason_fi, reason_en, role, expires, contents, areas, periods)


def _date(e: Fields, key: str) -> date | None:
    item = e.take(key, required=True)
    if item is None:
        return None
    try:
        return date.fromisoformat(item.raw)
    except ValueError:
        e.wrong(item.place, f"'{key}' must be a day such as 2027-01-31, not {item.raw[:20] or item.instead}")
        return None


def _contents(e: Fields, dataset: Dataset | None) -> tuple[str, ...]:
    found = e.placed_texts("contents")
    known = [choice.key for choice in dataset.content_choices] if dataset is not None else []
    for key, place in found:
        if known and key and key not in known:
            e.wrong(place, f"the dataset has no content '{key}'; it has {', '.join(known)}")
    return tuple(key for key, _ in found)


def _periods(e: Fields) -> tuple[str, ...]:
    found = e.placed_texts("periods")
    for code, place in found:
        try:
            parse_period(code)
        except PeriodError as error:
            if code:
                e.wrong(place, f"'periods': {error}")
    return tuple(code for code, _ in found)
