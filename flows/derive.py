"""Indicators from datasets: which a load touches, and their values computed and stored in the load's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from models.catalogue import Catalogue
from models.derive import indicator_values
from models.indicator import Indicator, Input
from models.ledger import Counts
from models.observation import class_keys
from warehouse import read
from warehouse.load import indicator_owner, store


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
) -> Counts:
    """Computes and stores `indicators` from what the warehouse holds inside `connection`'s transaction."""
    total = Counts()
    for indicator in indicators:
        frames = {
            name: read.inputs(
                connection,
                one.dataset,
                one.content,
                class_keys(catalogue.datasets[one.dataset], one.classes),
                [area.code for area in catalogue.areas_for(one.dataset)],
            )
            for name, one in indicator.inputs.items()
        }
        values = indicator_values(indicator, frames, catalogue)
        counts = store(
            connection,
            indicator_owner(indicator.id),
            values,
            run_id=run_id,
            collection_id=collection_id,
            recorded_at=recorded_at,
            source_updated_at=source_updated_at,
            synthetic=synthetic,
            absent="withdraw",  # the values are the whole series
        )
        total = Counts(
            new=total.new + counts.new,
            revised=total.revised + counts.revised,
            withdrawn=total.withdrawn + counts.withdrawn,
            same=total.same + counts.same,
        )
    return total


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
