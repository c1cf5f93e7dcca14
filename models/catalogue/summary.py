"""What a catalogue holds, in lines for `mittaristo catalogue check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from models.catalogue.catalogue import Catalogue
from models.dataset import Labels


def check_summary(catalogue: Catalogue) -> list[str]:
    """The counts of a catalogue that has loaded, one line each."""
    programme = catalogue.programme
    meters = [meter for measure in programme.measures for meter in measure.meters]
    without = sum(meter.kind == "none" for meter in meters)
    kinds: Counter[str] = Counter(meter.kind for meter in meters if meter.kind != "none")
    automatic = [one for one in catalogue.indicators.values() if one.inputs]
    by_hand = len(catalogue.indicators) - len(automatic)
    lines = [
        f"programme: {programme.title_fi} ({programme.id})",
        f"areas: {len(programme.areas)}, goals: {len(programme.goals)}, clusters: {len(programme.clusters)}, "
        f"measures: {len(programme.measures)}",
        f"meters: {len(meters) - without} ({_counts(kinds)}); measures that name no meter: {without}",
        f"responsible parties: {len(programme.parties)}",
        f"geographical areas: {len(catalogue.all_areas())}, of them peers: {len(catalogue.areas.peers)}",
        f"sources: {len(catalogue.sources)}",
        f"datasets: {len(catalogue.datasets)}",
    ]
    for source in catalogue.sources.values():
        datasets = catalogue.datasets_of(source.id)
        how = "automatic" if source.automatic else "entered by hand"
        lines.append(f"  {source.id}: {len(datasets)} ({how})")
    lines += [
        f"  labels: {_labels(dataset.labels for dataset in catalogue.datasets.values())}",
        f"indicators: {len(catalogue.indicators)}, of them automatic: {len(automatic)}, by hand: {by_hand}",
        f"  labels of the automatic: {_labels(one.labels for one in automatic)}",
        f"  headline: {sum(one.headline for one in catalogue.indicators.values())}",
        f"known exceptions from the history gate: {len(catalogue.exceptions)}",
        f"fingerprint: {catalogue.fingerprint[:16]}",
    ]
    return lines


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in sorted(counted.items()))


def _labels(labels: Iterable[Labels | None]) -> str:
    counted = Counter(label for label in labels if label)
    return ", ".join(f"{name}: {counted[name]}" for name in ("verified", "partly", "assumed"))
