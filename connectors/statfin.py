"""Statistics Finland's StatFin: a PxWeb service whose limits are told by `?config`, and differ from page to page."""

from connectors.pxweb import Limits
from connectors.pxweb_source import PxWebSource, TableGoneError

DEFAULT_LIMITS = Limits(max_cells=100_000, calls=40, window_seconds=60.0)
STATFIN = PxWebSource("statfin", "StatFin", DEFAULT_LIMITS)

config, release, fetch, read, release_query = (
    STATFIN.config,
    STATFIN.release,
    STATFIN.fetch,
    STATFIN.read,
    STATFIN.release_query,
)

__all__ = [
    "DEFAULT_LIMITS",
    "STATFIN",
    "TableGoneError",
    "config",
    "fetch",
    "read",
    "release",
    "release_query",
]
