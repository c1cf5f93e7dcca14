"""The services beside StatFin that the stand-in has, by the short names of their sources."""

from __future__ import annotations

from collections.abc import Mapping

from demo.service import Service
from models.catalogue import Catalogue


def sample_services() -> Mapping[str, Service]:
    """Those with real figures, as the sample holds them."""
    return {}


def synthetic_services(catalogue: Catalogue) -> Mapping[str, Service]:
    """All of them, with seeded figures for everything that the catalogue asks of them."""
    return {}
