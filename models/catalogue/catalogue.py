"""The catalogue as everything else reads it: loaded once, frozen, every reference in it known to hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from models.area import Area
from models.dataset import Dataset, Source
from models.exceptions import KnownException
from models.indicator import Indicator
from models.programme import Programme


@dataclass(frozen=True)
class PeerGroup:
    """One group of comparison municipalities, with what it is for."""

    id: str
    name_fi: str
    name_en: str
    note_fi: str
    note_en: str


@dataclass(frozen=True)
class Peer:
    """One comparison municipality: its area, its group's id, and why it was chosen."""

    area: Area
    group: str
    why_fi: str
    why_en: str


@dataclass(frozen=True)
class Areas:
    """The areas the catalogue speaks of. `others` are no statistical areas: airports, stations, roads."""

    focus: Area
    region: Area
    subregion: Area | None
    country: Area
    region_municipalities: tuple[Area, ...]  # with the focus among them
    peers: tuple[Peer, ...]
    groups: tuple[PeerGroup, ...]
    others: tuple[Area, ...]

    def peers_of(self, group: str) -> tuple[Area, ...]:
        """The areas of one peer group, in the catalogue's order."""
        return tuple(peer.area for peer in self.peers if peer.group == group)

    def all(self) -> tuple[Area, ...]:
        """Every area once: focus, region, sub-region, country, peers, the region's municipalities, others."""
        return _once(
            [
                self.focus,
                self.region,
                *([self.subregion] if self.subregion else []),
                self.country,
                *(peer.area for peer in self.peers),
                *self.region_municipalities,
                *self.others,
            ]
        )


@dataclass(frozen=True)
class Catalogue:
    """Programme, areas, sources, datasets and indicators; the mappings are read-only and keyed by id."""

    programme: Programme
    areas: Areas
    sources: Mapping[str, Source]
    datasets: Mapping[str, Dataset]
    indicators: Mapping[str, Indicator]
    fingerprint: str  # SHA-256 over the content of all files, whatever their spacing and comments
    exceptions: tuple[KnownException, ...] = ()  # from the history gate, in the order of the file
    # Of the warehouse and not of the files (flows.pipeline.widened): the datasets of `widened` are asked for these, too
    municipalities: tuple[Area, ...] = ()
    widened: frozenset[str] = frozenset()

    def all_areas(self) -> tuple[Area, ...]:
        """Every area that is asked of anything, once: the catalogue's, then the other municipalities."""
        return _once([*self.areas.all(), *self.municipalities])

    def areas_for(self, dataset: Dataset | str) -> tuple[Area, ...]:
        """The areas to ask of a dataset, by its levels; at municipality level also the whole region's."""
        asked = self.datasets[dataset] if isinstance(dataset, str) else dataset
        areas = self.all_areas() if asked.id in self.widened else self.areas.all()
        return tuple(area for area in areas if area.level in asked.area_levels)

    def areas_of(self, indicator: Indicator) -> tuple[Area, ...]:
        """The areas in which an indicator is kept up: more than the catalogue's where all that it reads has them."""
        return self.all_areas() if self.widened.issuperset(indicator.datasets) else self.areas.all()

    def datasets_of(self, source: str) -> tuple[Dataset, ...]:
        """The datasets of one source, in the catalogue's order."""
        return tuple(dataset for dataset in self.datasets.values() if dataset.source == source)

    def indicators_of(self, dataset_id: str) -> tuple[Indicator, ...]:
        """The indicators that read a dataset, in the catalogue's order."""
        return tuple(one for one in self.indicators.values() if dataset_id in one.datasets)

    def dataset_fingerprint(self, dataset_id: str) -> str:
        """SHA-256 over a dataset's entry and its areas: changes when kept bytes must be read again."""
        dataset = self.datasets[dataset_id]
        return content_hash([_plain(dataset), _plain(self.areas_for(dataset))])


def content_hash(content: Any) -> str:
    """SHA-256 over plain content, the same for the same content in whatever order its keys stand."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _once(areas: Iterable[Area]) -> tuple[Area, ...]:
    return tuple({area.code: area for area in areas}.values())


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value
