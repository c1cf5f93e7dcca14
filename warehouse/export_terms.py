"""Under which terms figures go out: each source's licence and how it must be named, and the city's for its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.catalogue import Catalogue

CC_BY = "CC BY 4.0"
# Licences that we know by name: how the catalogue writes it → id of the Open Definition, address.
_KNOWN: Mapping[str, tuple[str, str]] = {
    CC_BY: ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC0 1.0": ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
}


@dataclass(frozen=True)
class Terms:
    """The terms of one source's figures. `licence` is the catalogue's text; '' means that they may not go out."""

    source: str
    name_fi: str
    name_en: str
    licence: str
    attribution_fi: str
    attribution_en: str
    url: str = ""

    @property
    def licence_id(self) -> str:
        """The licence's id in the Open Definition's list; '' for one that we do not know."""
        return self._known[0]

    @property
    def licence_url(self) -> str:
        """The licence's address; '' for one that we do not know."""
        return self._known[1]

    @property
    def is_confirmed(self) -> bool:
        """Whether the catalogue states the licence without a reservation, such as "to be checked"."""
        return self.licence in _KNOWN or not self.licence_id

    @property
    def _known(self) -> tuple[str, str]:
        return next((found for name, found in _KNOWN.items() if self.licence.startswith(name)), ("", ""))


def terms_of(catalogue: Catalogue) -> dict[str, Terms]:
    """The terms of every source of the catalogue, by its id."""
    return {
        one.id: Terms(
            one.id,
            one.name_fi,
            one.name_en,
            one.licence,
            one.attribution_fi,
            one.attribution_en,
            one.base_url,
        )
        for one in catalogue.sources.values()
    }


def publisher(catalogue: Catalogue) -> Terms:
    """The city, which publishes: its name, and the terms of what is its own, the programme."""
    focus = catalogue.areas.focus
    name = next((one.name_fi for one in catalogue.programme.parties if one.type == "city"), focus.name_fi)
    english = focus.name_en or focus.name_fi
    return Terms("", name, english, CC_BY, f"Lähde: {name}", f"Source: {english}")


def licences(terms: list[Terms]) -> list[dict[str, str]]:
    """The licences of `terms`, each once, as a Data Package lists them."""
    found: dict[str, dict[str, str]] = {}
    for one in terms:
        known = {"name": one.licence_id, "path": one.licence_url} if one.licence_id else {"name": "other"}
        found.setdefault(one.licence, known | {"title": one.licence})
    return list(found.values())


def sources(terms: list[Terms]) -> list[dict[str, Any]]:
    """The sources of `terms` as a Data Package lists them, each with its licence and how it must be named."""
    return [
        {
            "title": one.name_fi,
            **({"path": one.url} if one.url else {}),
            "title_en": one.name_en,
            "licence": one.licence,
            "attribution_fi": one.attribution_fi,
            "attribution_en": one.attribution_en,
        }
        for one in terms
    ]
