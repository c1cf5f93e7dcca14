"""`mittaristo demo`: the real job against the stand-in of the services, on the sample's real figures."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from connectors import CONNECTED, classifications
from demo.sample import load_sample, sample_scope
from demo.services import sample_services, synthetic_services, with_services
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from flows.commands import collect_through_prefect, out, print_ledger
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import read_settings
from models.catalogue.load import PACKAGED
from models.ledger import GREEN, LedgerRow, Scope
from reports.site import build_site
from warehouse import read
from warehouse.engine import reading

# figures anybody can look up on the source's own pages
LOOK_UP = (
    ("population", "KU205"),
    ("population", "MK18"),
    ("net_migration_total", "KU205"),
    ("net_migration_total", "MK18"),
    ("tertiary_share", "KU205"),
    ("unemployment_rate", "KU205"),
    ("median_income", "KU205"),
)


def run_demo(environ: MutableMapping[str, str], *, synthetic: bool) -> int:
    """Collects through the real flows from the stand-in into var/demo, builds the report, says what came of it."""
    folder = "demo-synthetic" if synthetic else "demo"
    home = Path("var", folder).absolute()
    for name in [name for name in environ if name.startswith("MITTARISTO_")]:
        del environ[name]
    # neither the shell nor a .env file changes what the demo does
    environ["MITTARISTO_DOTENV"] = os.devnull
    environ["MITTARISTO_HOME"] = str(home)
    environ["MITTARISTO_DATABASE_URL"] = f"sqlite:///{home / 'mittaristo.db'}"
    environ["MITTARISTO_PROGRAMME"] = str(PACKAGED)
    environ["MITTARISTO_CONTACT"] = "demo"
    environ["MITTARISTO_SYNTHETIC"] = "yes" if synthetic else "no"
    settings = read_settings(environ)
    with open_pipeline(settings) as pipeline:
        tables = synthetic_tables(pipeline.catalogue) if synthetic else load_sample()
        services = synthetic_services(pipeline.catalogue) if synthetic else sample_services()
        scope = with_divisions(sample_scope(pipeline.catalogue, tables))
        scope = with_services(scope, services, pipeline.catalogue)
    others = f" and from {len(services)} other sources" if services else ""
    out(
        f"Collecting {len(tables)} tables of StatFin{others} from a stand-in on loopback, at the real services' "
        "pace ..."
    )
    with StandIn(tables, services=services, made_up=synthetic) as stand_in:
        addresses = {f"MITTARISTO_URL_{source.upper()}": url for source, url in stand_in.urls.items()}
        environ.update(addresses)
        rows = collect_through_prefect(environ, dict.fromkeys(CONNECTED, ()), force=False, scope=scope)
    for name in addresses:
        del environ[name]
    collected = [row for row in rows if row.state != "not_in_sample"]
    print_ledger(collected)
    with open_pipeline(settings) as pipeline, reading(pipeline.engine) as connection:
        page = build_site(connection, pipeline.catalogue, settings.home / "report", datetime.now(UTC))
        if not synthetic:
            _say_figures(pipeline)
            _say_missing(pipeline, rows)
        measures = read.view(connection, "dashboard_measures")
    states = ", ".join(f"{count} {state}" for state, count in measures["state"].value_counts().items())
    out()
    out(f"Of {len(measures)} measures: {states}")
    out(f"Report:      {_relative(page)}")
    out(f"Warehouse:   {_relative(settings.home / 'mittaristo.db')} (SQLite; read the views dashboard_*)")
    out(f"Prefect UI:  {_ui_command(settings.home)}  then open http://127.0.0.1:4200")
    out(f"Look inside: MITTARISTO_HOME=var/{folder} .venv/bin/mittaristo show unemployment_rate")
    return 0 if collected and all(row.state in GREEN for row in rows) else 1


def with_divisions(scope: Scope) -> Scope:
    """`scope` with the division of areas, which the stand-in has too, judged on the sample's newest day."""
    return replace(
        scope,
        contents={**(scope.contents or {}), classifications.DATASET: frozenset()},
        today={**scope.today, classifications.DATASET: max(scope.today.values())},
    )


def _say_figures(pipeline: Pipeline) -> None:
    out()
    out("Some of the figures, as stored:")
    with reading(pipeline.engine) as connection:
        latest = read.view(connection, "dashboard_latest")
    for indicator_id, area in LOOK_UP:
        indicator = pipeline.catalogue.indicators[indicator_id]
        rows = latest[(latest["indicator_id"] == indicator_id) & (latest["area_code"] == area)]
        for row in rows.to_dict("records"):
            out(f"  {indicator.name_fi}, {area}, {row['period']}: {row['value']:.10g} ({indicator.unit_fi})")


def _say_missing(pipeline: Pipeline, rows: Sequence[LedgerRow]) -> None:
    absent = [row.dataset_id for row in rows if row.state == "not_in_sample"]
    out()
    out(
        f"The sample has no real figures of {len(absent)} further tables; tourism and the municipal employment"
        " rates are among them. These stay empty here:"
    )
    for dataset_id in absent:
        out(f"  {dataset_id}: {pipeline.catalogue.datasets[dataset_id].title_en}")
    with reading(pipeline.engine) as connection:
        shown = set(read.view(connection, "dashboard_series")["indicator_id"])
    headlines = [
        one.name_fi for one in pipeline.catalogue.indicators.values() if one.headline and one.id not in shown
    ]
    out(f"Headline indicators without figures here: {', '.join(headlines)}")
    others = [one for one in pipeline.catalogue.sources.values() if one.automatic and one.id not in CONNECTED]
    if others:
        out(f"Not connected yet: {', '.join(one.id for one in others)}")


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _ui_command(home: Path) -> str:
    return (
        f"PREFECT_HOME={_relative(home / 'prefect')} PREFECT_SERVER_UI_V2_ENABLED=false "
        "PREFECT_SERVER_ANALYTICS_ENABLED=false .venv/bin/python -m flows.offline prefect server start"
    )
