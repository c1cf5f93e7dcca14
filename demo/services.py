"""The services beside StatFin that the stand-in has, by the short names of their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

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
from models.ledger import Scope


def sample_services() -> Mapping[str, Service]:
    """Those with real figures, as the sample holds them."""
    return {
        "kuntatalous": kuntatalous.sample(),
        "sotkanet": sotkanet.sample(),
    }


def with_services(scope: Scope, services: Mapping[str, Service], catalogue: Catalogue) -> Scope:
    """`scope` with the datasets that the services hold, whole, each judged on the day at which it stands.

    Of services with made-up figures everything is held; those that answer for the present are judged today.
    """
    days: dict[str, date] = {}
    for service in services.values():
        match service:
            case sotkanet.Sotkanet():
                found = sotkanet.held(service, catalogue)
            case vipunen.Vipunen():
                found = vipunen.held(service, catalogue)
            case kuntatalous.Kuntatalous():
                found = kuntatalous.held(service, catalogue)
            case _:
                continue
        days.update((dataset.id, day) for dataset, day in found)
    whole = {
        dataset.id
        for source in services
        for dataset in catalogue.datasets_of(source)
        if dataset.id in days or scope.synthetic
    }
    contents = {
        one: frozenset(choice.key for choice in catalogue.datasets[one].content_choices) for one in whole
    }
    return replace(scope, contents={**(scope.contents or {}), **contents}, today={**scope.today, **days})


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
