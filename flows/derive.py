"""Indicators from datasets: which a load touches, and their values computed and stored in the load's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals
from sqlalchemy import Connection

from flows.areas import Summing, summing
from flows.judge import judge
from models.catalogue import Catalogue
from models.derive import indicator_values
from models.indicator import Indicator, Input
from models.ledger import Counts
from models.observation import class_keys
from warehouse import read
from warehouse.load import indicator_owner, lock_owner, store

AREAS_AT_A_TIME = 50


def derive(
    connection: Connection,
    catalogue: Catalogue,
    indicators: Iterable[Indicator],
    *,
    run_id: str,
    collection_id: str,
    recorded_at: datetime,
    source_updated_at: datetime | None,
    synthetic: bool,
    restated: Collection[str] = (),
) -> Counts:
    """Computes and stores `indicators` from what the warehouse holds inside `connection`'s transaction.

    Sums to the region go over its municipalities in the division that each dataset is laid out in; where these are not
    known, the sums stay as they are (flows.areas.summing). So does what is stored of areas that the catalogue no longer
    has. Changes in the areas of `restated` are so called.
    """
    wanted = list(indicators)
    sums = summing(
        connection,
        catalogue,
        (dataset_id for one in wanted if one.region == "sum" for dataset_id in one.datasets),
    )
    region = catalogue.areas.region.code
    total = Counts()
    for indicator in wanted:
        lock_owner(connection, indicator_owner(indicator.id))
        areas = {area.code for area in catalogue.areas_of(indicator)}
        is_summed = indicator.region == "sum"
        unsummed = is_summed and any(dataset_id in sums.problems for dataset_id in indicator.datasets)
        parts = []
        for more in _parts(catalogue):
            frames = {
                name: read.inputs(
                    connection,
                    one.dataset,
                    one.content,
                    class_keys(catalogue.datasets[one.dataset], one.classes),
                    _areas_read(catalogue, one.dataset, sums if is_summed else None, more),
                )
                for name, one in indicator.inputs.items()
            }
            parts.append(indicator_values(indicator, frames, catalogue, sums.members))
        counts = store(
            connection,
            indicator_owner(indicator.id),
            _joined(parts),
            run_id=run_id,
            collection_id=collection_id,
            recorded_at=recorded_at,
            source_updated_at=source_updated_at,
            synthetic=synthetic,
            absent="withdraw",  # the values are the whole series
            within=areas - {region} if unsummed else areas,
            restated=restated,
        )
        judge(connection, catalogue, [indicator.id])
        total = Counts(
            new=total.new + counts.new,
            revised=total.revised + counts.revised,
            withdrawn=total.withdrawn + counts.withdrawn,
            same=total.same + counts.same,
        )
    return total


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames with the same columns one after the other; texts stay categoricals."""
    if len(parts) == 1:
        return parts[0]
    return pd.DataFrame(
        {
            name: union_categoricals([part[name] for part in parts])
            if isinstance(parts[0][name].dtype, pd.CategoricalDtype)
            else np.concatenate([part[name].to_numpy() for part in parts])
            for name in parts[0].columns
        }
    )


def _parts(catalogue: Catalogue) -> list[frozenset[str]]:
    """What is computed at a time, which bounds memory: first the catalogue's areas (none named), then some others."""
    own = {area.code for area in catalogue.areas.all()}
    others = [area.code for area in catalogue.municipalities if area.code not in own]
    starts = range(0, len(others), AREAS_AT_A_TIME)
    return [frozenset(), *(frozenset(others[start : start + AREAS_AT_A_TIME]) for start in starts)]


def _areas_read(
    catalogue: Catalogue, dataset_id: str, sums: Summing | None, part: frozenset[str]
) -> list[str]:
    """The areas of `part` that the dataset is asked for; of the catalogue's part also those that have ended but are
    in older sums."""
    asked = [area.code for area in catalogue.areas_for(dataset_id)]
    if part:
        return [code for code in asked if code in part]
    own = {area.code for area in catalogue.areas.all()}
    codes = [code for code in asked if code in own]
    if sums is not None:
        codes.extend(code for members in sums.members.get(dataset_id, {}).values() for code in members)
    return list(dict.fromkeys(codes))


def reads(
    one: Input, dataset_id: str, content: str | None = None, class_value: tuple[str, str] | None = None
) -> bool:
    """Whether an input reads this dataset (and this content, or this key of this class variable)."""
    if one.dataset != dataset_id:
        return False
    if content is not None:
        return one.content == content
    if class_value is not None:
        name, key = class_value
        return key in one.classes.get(name, ())
    return True
