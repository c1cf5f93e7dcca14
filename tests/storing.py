"""What many tests store as if somebody had collected it."""

from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from models.ledger import Counts
from warehouse.load import store


def store_at(connection: Connection, owner: str, frame: pd.DataFrame, at: datetime, **more: Any) -> Counts:
    """Stores `frame` as figures of `owner` that were recorded at that time, of no run."""
    told = {"run_id": "", "collection_id": "", "source_updated_at": None} | more
    return store(connection, owner, frame, recorded_at=at, **told)
