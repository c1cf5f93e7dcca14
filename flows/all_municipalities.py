"""`mittaristo run --all-municipalities`: every municipality for the PxWeb sources and Sotkanet, budgeted first.

How wide a dataset is asked is a setting of the warehouse: it stands in the scope that is kept with each state of the
catalogue (models.ledger.Scope.all_municipalities), so that schedules, decisions and replays go on with it, until
`run --no-all-municipalities` takes it back. So no gate takes a narrower question for lost areas. The municipalities
outside the catalogue go through the same gates, have vintages and indicators, and a name and a level in the views; they
are in no sum to the region, and get no verdict (flows.judge). Once they are no longer asked, their figures stay as last
known: what nobody asks for is not lost (models.absence).

Sotkanet gives every region in one answer: it takes no call more than for the catalogue's. Other sources are left out:
most are asked municipality by municipality, or by names that the catalogue gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connectors import SOURCES, sotkanet
from connectors.limiter import RateLimits
from connectors.pxweb import Limits, Query, cells, read_query
from connectors.pxweb_source import PxWebSource
from flows import areas
from flows.collect import open_resuming_http, read_limits
from flows.commands import collect_through_prefect, out, print_ledger, sources_to_run
from flows.ingest import Context, in_scope
from flows.pipeline import Pipeline, new_run_id, open_pipeline, standing_scope, utc_now, widened
from flows.resume import FRESH, Request, kept_lately
from flows.settings import read_settings
from models import recode
from models.catalogue.files import divisions_folder
from models.divisions import load_divisions
from models.errors import ConfigurationError, SourceError
from models.ledger import GREEN, Scope
from warehouse import raw as raw_index
from warehouse.engine import reading, writing
from warehouse.ledger import DatasetState, state_of

Plan = Literal["fetch", "news", "kept", "unknown"]
_PXWEB = {name: one for name, one in SOURCES.items() if isinstance(one, PxWebSource)}
_WIDE = (*_PXWEB, sotkanet.SOURCE)
_IN_WORDS: Mapping[Plan, str] = {
    "fetch": "fetched",
    "news": "asked for news",
    "kept": "not asked",
    "unknown": "not known",
}


@dataclass(frozen=True)
class Ceiling:
    """The most that a run may take; None for no ceiling."""

    calls: int | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class Asking:
    """What one dataset takes: calls and cells that are sure to come, and calls and cells more where there is news.

    `kept`: it was asked in the last FRESH and is whole. `unknown`: its table cannot be described now, see `note`.
    """

    dataset_id: str
    plan: Plan
    areas: int = 0
    calls: int = 0
    cells: int = 0
    more_calls: int = 0
    more_cells: int = 0
    note: str = ""


@dataclass(frozen=True)
class Budget:
    """What one source takes.

    `made` are the calls that the budget took, `for_limits` those of them for the limits, which the run asks once more.
    """

    source: str
    limits: Limits
    made: int
    for_limits: int
    askings: tuple[Asking, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The datasets that the run asks for."""
        return tuple(one.dataset_id for one in self.askings if one.plan != "kept")

    @property
    def calls(self) -> int:
        """The calls that are sure to come."""
        return sum(one.calls for one in self.askings) + (self.for_limits if self.wanted else 0)

    @property
    def cells(self) -> int:
        """The cells that are sure to come."""
        return sum(one.cells for one in self.askings)

    @property
    def most_calls(self) -> int:
        """The calls to come where every dataset that is asked for news has some."""
        return self.calls + sum(one.more_calls for one in self.askings)

    @property
    def most_minutes(self) -> float:
        """The least time for them all at the server's pace; its own time to answer comes on top."""
        return pace_seconds(self.most_calls, self.limits.rate) / 60


def run_all_municipalities(
    environ: MutableMapping[str, str],
    sources: Sequence[str],
    datasets: Sequence[str],
    *,
    force: bool,
    budget_only: bool,
    ceiling: Ceiling,
) -> int:
    """`mittaristo run --all-municipalities`: prints the budget, then collects; exit code as of `run`.

    Raises ConfigurationError where the budget is above the ceiling; nothing but descriptions was asked then.
    """
    settings = read_settings(environ)
    with open_pipeline(settings) as pipeline:
        chosen = _chosen(pipeline, sources, datasets)
        scope = _scope(pipeline, chosen)
        budgets = budget(pipeline, chosen, scope, force=force, ceiling=ceiling)
        _print(budgets, scope)
        _print_left_out(pipeline)
    _check(budgets, ceiling)
    if budget_only:
        return 0
    wanted = {one.source: one.wanted for one in budgets if one.wanted}
    if not wanted:
        hours = FRESH.total_seconds() / 3600
        out(
            f"nothing to ask: all of it was asked in the last {hours:g} hours and is whole; --force asks again"
        )
        return 0
    rows = collect_through_prefect(environ, wanted, force=force, scope=scope)
    print_ledger(rows)
    return 0 if all(row.state in GREEN for row in rows) and len(rows) == sum(map(len, wanted.values())) else 1


def _chosen(
    pipeline: Pipeline, sources: Sequence[str], datasets: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Source → its datasets that are asked, all of those of the sources in _WIDE where nothing is named."""
    wanted = sources_to_run(pipeline, sources or ([] if datasets else list(_WIDE)), datasets)
    others = [one for one in wanted if one not in _WIDE]
    if others:
        raise ConfigurationError(
            f"source '{others[0]}' cannot be asked for every municipality; leave --all-municipalities out, or name "
            f"{' or '.join(_WIDE)}"
        )
    return {
        source: named or tuple(one.id for one in pipeline.catalogue.datasets_of(source))
        for source, named in wanted.items()
    }


def _scope(pipeline: Pipeline, chosen: Mapping[str, Sequence[str]]) -> Scope:
    """The scope with the chosen datasets that have municipalities, beside those that are asked for all already."""
    with reading(pipeline.engine) as connection:
        before = standing_scope(connection, pipeline.settings)
    known = pipeline.catalogue.datasets
    more = {one for ids in chosen.values() for one in ids if "municipality" in known[one].area_levels}
    return replace(before, all_municipalities=before.all_municipalities | more)


def budget(
    pipeline: Pipeline,
    chosen: Mapping[str, Sequence[str]],
    scope: Scope,
    *,
    force: bool = False,
    ceiling: Ceiling | None = None,
) -> list[Budget]:
    """What a run over the datasets `chosen` of each source takes under `scope`.

    Asks each PxWeb source for its limits, and for the description of the tables that are to be fetched; all of it is
    kept, and the run does not ask the descriptions again. Nothing is asked where that alone is more than the ceiling.
    Raises SourceError where a source does not answer at all.
    """
    with writing(pipeline.engine) as connection:
        lately = (one for source in chosen for one in pipeline.raw.documents(source, since=utc_now() - FRESH))
        for document in raw_index.not_indexed(connection, lately):
            raw_index.index(connection, document)  # of a run that was killed before it came to it
        divisions = areas.with_loaded(
            connection, pipeline.raw, load_divisions(divisions_folder(pipeline.settings.programme))
        )
        pipeline = widened(connection, pipeline, scope, divisions)
    contexts = {
        source: [
            Context(pipeline, in_scope(pipeline.catalogue.datasets[one], scope), scope, "", "") for one in ids
        ]
        for source, ids in chosen.items()
    }
    plans = {one.dataset.id: _plan(one, force=force) for every in contexts.values() for one in every}
    described = {source: ids for source, ids in chosen.items() if source in _PXWEB}
    descriptions = sum(plans[one] == "fetch" for ids in described.values() for one in ids)
    asked = descriptions + len(described)
    if ceiling is not None and ceiling.calls is not None and asked > ceiling.calls:
        raise ConfigurationError(
            f"the budget alone takes up to {asked} calls ({descriptions} tables have to be "
            f"described), more than --max-calls {ceiling.calls}; raise it, or choose with --source or --dataset"
        )
    return [_source_budget(source, every, plans) for source, every in contexts.items()]


def _plan(context: Context, *, force: bool) -> Plan:
    """What a run would do with a dataset, as flows.collect decides it."""
    with reading(context.pipeline.engine) as connection:
        state = state_of(connection, context.dataset.id)
    current = state.entry_fingerprint == context.fingerprint and state.state == "fetched"
    if force or not current or state.release_query is None:
        return "fetch"
    lately = state.last_checked is not None and state.last_checked > utc_now() - FRESH
    return "kept" if lately and not state.last_error else "news"


def _source_budget(source: str, contexts: Iterable[Context], plans: Mapping[str, Plan]) -> Budget:
    contexts = list(contexts)
    pipeline = contexts[0].pipeline
    run_id = new_run_id()
    limits, for_limits = read_limits(pipeline, source, run_id)
    made, askings = for_limits, []
    for context in contexts:
        plan = plans[context.dataset.id]
        if source == sotkanet.SOURCE:
            asking = _of_sotkanet(context, plan)
        elif plan == "fetch":
            asking, calls = _fetching(context, limits, run_id)
            made += calls
        else:
            asking = _kept(context, plan)
        askings.append(asking)
    return Budget(source, limits, made, for_limits, tuple(askings))


def _of_sotkanet(context: Context, plan: Plan) -> Asking:
    """What a dataset of Sotkanet takes; no call is needed to know it."""
    number = len(context.pipeline.catalogue.areas_for(context.dataset))
    sure = {"fetch": sotkanet.CALLS, "news": 1}.get(plan, 0)
    return Asking(context.dataset.id, plan, number, sure, more_calls=sotkanet.CALLS if plan == "news" else 0)


def _fetching(context: Context, limits: Limits, run_id: str) -> tuple[Asking, int]:
    """What is still to be asked for a dataset that is to be fetched, and the calls that it took to know."""
    pipeline, dataset = context.pipeline, context.dataset
    connector = _PXWEB[dataset.source]
    base_url = pipeline.base_url(dataset.source)
    with reading(pipeline.engine) as connection:
        state = state_of(connection, dataset.id)
        kept = kept_lately(connection, dataset.id, utc_now())
    with open_resuming_http(pipeline, dataset.source, run_id, f"{run_id}:{dataset.id}", kept) as http:
        try:
            resolution, queries = connector.plan(
                dataset,
                pipeline.catalogue.areas_for(dataset),
                base_url,
                http,
                limits,
                recode.overrides_from_json(state.overrides),
                recode.known_from_json(state.known_codes),
            )
        except SourceError as error:
            return Asking(dataset.id, "unknown", calls=1, note=str(error)), http.calls
    url = connector.table_url(base_url, resolution.table)
    left = [one for one in queries if Request("POST", url, one.body.decode()) not in kept]
    return Asking(dataset.id, "fetch", len(resolution.areas), len(left), sum(map(cells, left))), http.calls


def _kept(context: Context, plan: Plan) -> Asking:
    """The same for one that is whole: no call, or one for news and then at most as many as the last time."""
    dataset = context.dataset
    with reading(context.pipeline.engine) as connection:
        state: DatasetState = state_of(connection, dataset.id)
        documents = raw_index.indexed(connection, collection_id=state.collection_id)
    asked = [
        Query(tuple(read_query(body)[0].items()))
        for body in {one.request_body for one in documents if one.kind == "data" and one.status == 200}
    ]
    number = len(context.pipeline.catalogue.areas_for(dataset))
    if plan == "kept":
        return Asking(dataset.id, plan, number)
    return Asking(dataset.id, plan, number, 1, more_calls=1 + len(asked), more_cells=sum(map(cells, asked)))


def pace_seconds(calls: int, rate: RateLimits) -> float:
    """The least time from the first to the last of `calls` calls within `rate` (connectors.limiter)."""
    windows, rest = divmod(max(calls - 1, 0), rate.calls)
    return windows * (rate.window_seconds + rate.margin_seconds) + rest * rate.spacing_seconds


def _check(budgets: Sequence[Budget], ceiling: Ceiling) -> None:
    calls = sum(one.made + one.most_calls for one in budgets)
    minutes = sum(one.most_minutes for one in budgets)
    for told, most, name in ((calls, ceiling.calls, "calls"), (minutes, ceiling.minutes, "minutes")):
        if most is not None and told > most:
            raise ConfigurationError(
                f"this run takes up to {told:.{0 if name == 'calls' else 1}f} {name}, more than --max-{name} {most:g}; "
                "raise it, or choose with --source or --dataset"
            )


def _print(budgets: Sequence[Budget], scope: Scope) -> None:
    """The budget dataset by dataset, then source by source, then in all."""
    for one in budgets:
        for asking in one.askings:
            parts = [
                _IN_WORDS[asking.plan],
                *([f"{asking.areas} areas"] if asking.areas else []),
                *([f"{asking.cells:,} cells"] if asking.cells else []),
                *([f"calls to come: {asking.calls}"] if asking.calls else []),
                *([f"{asking.more_calls} more if there is news"] if asking.more_calls else []),
                *([asking.note] if asking.note else []),
            ]
            out(f"{asking.dataset_id}: {', '.join(parts)}")
    for one in budgets:
        wide = len(scope.all_municipalities.intersection(asking.dataset_id for asking in one.askings))
        out(
            f"{one.source}: {len(one.askings)} datasets, {wide} of them for every municipality; "
            f"{'the server allows' if one.for_limits else 'we take'} {one.limits.calls} calls in "
            f"{one.limits.window_seconds:g} s"
            + (f" and {one.limits.max_cells:,} cells a call" if one.source in _PXWEB else "")
        )
    made, calls, most = (
        sum(counts)
        for counts in zip(*((one.made, one.calls, one.most_calls) for one in budgets), strict=True)
    )
    news = f" (up to {made + most} if there is news)" if most > calls else ""
    out(
        f"budget: {sum(one.cells for one in budgets):,} cells, {made + calls} calls{news}, of them {made} made for "
        f"this budget; at least {sum(one.most_minutes for one in budgets):.1f} minutes for the others"
    )


def _print_left_out(pipeline: Pipeline) -> None:
    """The sources whose municipalities stay those of the catalogue."""
    others = dict.fromkeys(
        one.source
        for one in pipeline.catalogue.datasets.values()
        if one.source in SOURCES and one.source not in _WIDE and "municipality" in one.area_levels
    )
    out(f"not asked for every municipality: {', '.join(others)}")
