"""The services beside StatFin that the stand-in has, by the short names of their sources."""

from __future__ import annotations

from collections.abc import Mapping

from demo import (
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
from demo.service import Service
from models.catalogue import Catalogue


def sample_services() -> Mapping[str, Service]:
    """Those with real figures, as the sample holds them."""
    return {
        "kuntatalous": kuntatalous.sample(),
        "sotkanet": sotkanet.sample(),
    }


def synthetic_services(catalogue: Catalogue) -> Mapping[str, Service]:
    """All of them, with seeded figures for everything that the catalogue asks of them."""
    return {
        "eurostat": eurostat.synthetic(catalogue),
        "kuntatalous": kuntatalous.synthetic(catalogue),
        "prh_ytj": prh_ytj.synthetic(catalogue),
        "sotkanet": sotkanet.synthetic(catalogue),
        "vipunen": vipunen.synthetic(catalogue),
        "traficom_broadband": traficom_broadband.synthetic(catalogue),
        "digitraffic_rail": digitraffic_rail.synthetic(catalogue),
        "ryhti": ryhti.synthetic(catalogue),
        "vayla": vayla.synthetic(catalogue),
    }
