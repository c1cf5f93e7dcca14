"""The report's page: what is known of every measure and indicator, in plain Finnish, one file without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from models.catalogue import Catalogue
from warehouse import read

HELSINKI = ZoneInfo("Europe/Helsinki")
MEASURE_STATES = {
    "late": "myöhässä",
    "due": "ilmoitettava",
    "no_data": "ei tietoja",
    "measured": "mitattu",
    "reported": "raportoitu",
    "not_measurable": "ei mittaria",
}
FRESHNESS_STATES = {
    "current": "ajan tasalla",
    "due": "odotetaan",
    "late": "myöhässä",
    "quarantined": "tarkistettavana",
    "discontinued": "päättynyt",
    "never_fetched": "ei vielä haettu",
    "not_in_sample": "ei näyteaineistossa",
}
SYMBOLS = {".": "ei sovellu", "..": "ei saatavilla", "...": "salattu"}


def build_site(connection: Connection, catalogue: Catalogue, folder: Path, built: datetime) -> Path:
    """Writes `folder`/index.html from the views and returns its path; the old page stays until then."""
    latest = read.view(connection, "dashboard_latest")
    latest = latest.merge(
        read.view(connection, "dashboard_indicators")[["indicator_id", "unit_fi"]],
        on="indicator_id",
    )
    focus = catalogue.areas.focus
    own = latest[latest["area_code"] == focus.code]
    rest = latest[
        ~latest["indicator_id"].isin(own["indicator_id"])
        & (latest["area_code"] == catalogue.areas.region.code)
    ]
    measures = read.view(connection, "dashboard_measures")
    freshness = read.view(connection, "dashboard_freshness")
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    page = environment.get_template("index.html.j2").render(
        programme=catalogue.programme,
        focus_name=focus.name_fi,
        built=f"{built.astimezone(HELSINKI):%-d.%-m.%Y klo %-H.%M}",
        latest=[_latest_row(row) for row in pd.concat([own, rest]).to_dict("records")],
        measures=[
            {**row, "state_fi": MEASURE_STATES[str(row["state"])]} for row in measures.to_dict("records")
        ],
        answered=int((measures["answered"] > 0).sum()),
        freshness=[_freshness_row(row) for row in freshness.to_dict("records")],
        attributions=[source.attribution_fi for source in catalogue.sources.values() if source.automatic],
        synthetic=bool(read.is_synthetic(connection)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    draft = folder / "index.html.new"
    draft.write_text(page, encoding="utf-8")
    draft.replace(target)
    return target


def finnish_number(value: float | None, decimals: int) -> str:
    """A figure as Finnish writes it: decimal comma, no-break space between thousands; '' for none."""
    if value is None or pd.isna(value):
        return ""
    return f"{value:,.{decimals}f}".replace(",", "\u00a0").replace(".", ",").replace("-", "\u2212")


def _latest_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    remarks = []
    if row["is_proxy"]:
        remarks.append("korvaava tieto")
    if row["status"] == "preliminary":
        remarks.append("ennakkotieto")
    figures = [row["value"], row["year_before_value"]]
    decimals = int(any(not pd.isna(one) and abs(one) < 1000 and one != int(one) for one in figures))
    return {
        **row,
        "shown": finnish_number(row["value"], decimals) or SYMBOLS.get(str(row["symbol"]), "puuttuu"),
        "shown_year_before": finnish_number(row["year_before_value"], decimals),
        "remark": ", ".join(remarks),
    }


def _freshness_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    def day(value: Any) -> str:
        return "" if pd.isna(value) else f"{pd.Timestamp(value):%-d.%-m.%Y}"

    return {
        **row,
        "state_fi": FRESHNESS_STATES[str(row["state"])],
        "released": day(row["last_release"]),
        "fetched": day(row["last_fetch"]),
    }
