"""Bytes in, source frame out. One polite session, the protocols and formats, and a module a provider.

`http` and `limiter` ask, `pxweb` speaks the protocol, `jsonstat` and `pxjson` read the formats, `cube` makes a table
of figures that come as rows, and each provider has a module (see Connector). Nothing here renames, merges or rounds;
nothing here knows the warehouse or the gates. SOURCES finds a provider by the source's short name.
`classifications` is the one source whose dataset is no figures but the division of areas; it stands beside.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from connectors import (
    classifications,
    digitraffic_rail,
    eurostat,
    kuntatalous,
    prh_ytj,
    ryhti,
    sotkanet,
    traficom_broadband,
    vayla,
    vipunen,
)
from connectors.http import Http
from connectors.pxweb import Limits
from connectors.statfin import STATFIN
from connectors.visitfinland import VISIT_FINLAND
from models.area import Area
from models.dataset import Dataset
from models.document import Document
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides


class Connector(Protocol):
    """What a provider's module has. Everything it raises for what a source does wrong is a SourceError, one line."""

    def config(self, base_url: str, http: Http) -> Limits:
        """The pace and the largest answer of today; asked of the source only where it tells them."""

    def release(
        self,
        dataset: Dataset,
        base_url: str,
        http: Http,
        limits: Limits,
        release_query: bytes,
        table: str | None = None,
    ) -> datetime | None:
        """When the dataset was last released (aware UTC), by one small call; None where it must be fetched to know.

        `release_query` is what `release_query` made of the last good reading, never empty.
        """

    def fetch(
        self,
        dataset: Dataset,
        areas: Sequence[Area],
        base_url: str,
        http: Http,
        limits: Limits,
        overrides: Overrides | None = None,
        known: KnownCodes | None = None,
    ) -> object:
        """Ask for everything of the dataset; all answers go to the session's `keep`."""

    def read(
        self,
        dataset: Dataset,
        areas: Sequence[Area],
        documents: Sequence[tuple[Document, bytes]],
        overrides: Overrides | None = None,
        known: KnownCodes | None = None,
    ) -> Reading:
        """The dataset as the kept documents of one collection tell it; pure, used live and in replay."""

    def release_query(self, reading: Reading) -> bytes:
        """What the next release check sends or needs; empty where the source has no cheap check."""


SOURCES: Mapping[str, Connector] = {
    "statfin": STATFIN,
    "visitfinland": VISIT_FINLAND,
    "eurostat": eurostat,
    "traficom_broadband": traficom_broadband,
    "digitraffic_rail": digitraffic_rail,
    "ryhti": ryhti,
    "vayla": vayla,
    "sotkanet": sotkanet,
    "vipunen": vipunen,
    "kuntatalous": kuntatalous,
    "prh_ytj": prh_ytj,
}
CONNECTED: tuple[str, ...] = (*SOURCES, classifications.SOURCE)

__all__ = ["CONNECTED", "SOURCES", "Connector"]
