"""`python -m demo`: the stand-in in the foreground, until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

from demo.draft import Which
from demo.sample import load_sample
from demo.services import sample_services, synthetic_services
from demo.stand_in import MISBEHAVIOURS, StandIn
from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from models.catalogue import load_catalogue
from models.errors import ConfigurationError, MittaristoError


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="The services' stand-in on 127.0.0.1, answering from sample figures.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 (default) takes a free one")
    parser.add_argument("--calls", type=int, default=40, help="calls allowed in a window (default 40)")
    parser.add_argument("--window", type=float, default=60.0, help="the window in seconds (default 60)")
    parser.add_argument("--max-cells", type=int, default=120_000, help="cells of one answer (default 120000)")
    parser.add_argument("--synthetic", action="store_true", help="synthetic figures for every table")
    parser.add_argument(
        "--all-municipalities",
        action="store_true",
        help="with --synthetic: tables with every area of their levels, not only the catalogue's",
    )
    parser.add_argument(
        "--misbehave",
        action="append",
        default=[],
        metavar="KIND[,table=T][,path=P][,method=M][,times=N]",
        help=f"answer badly, N times or always; may be given again. Kinds: {', '.join(MISBEHAVIOURS)}",
    )
    return parser.parse_args(arguments)


def _misbehave(stand_in: StandIn, text: str) -> None:
    kind, *rest = text.split(",")
    given = dict(part.partition("=")[::2] for part in rest)
    times = given.pop("times", None)
    unknown = set(given) - {"table", "path", "method"}
    if unknown or (times is not None and not times.isdigit()):
        raise ConfigurationError(f"--misbehave {text}: expected KIND[,table=T][,path=P][,method=M][,times=N]")
    stand_in.misbehave(
        kind,
        table=given.get("table"),
        path=given.get("path"),
        method=given.get("method"),
        times=None if times is None else int(times),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; prints the base addresses, StatFin's first. Exit code 2 for wrong use."""
    asked = _arguments(arguments)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    try:
        tables: Mapping[str, SampleTable]
        catalogue = load_catalogue()
        areas: Which = "all" if asked.all_municipalities else "catalogue"
        tables = synthetic_tables(catalogue, areas=areas) if asked.synthetic else load_sample()
        services = synthetic_services(catalogue) if asked.synthetic else sample_services()
        with StandIn(
            tables,
            services=services,
            calls=asked.calls,
            window=asked.window,
            max_cells=asked.max_cells,
            port=asked.port,
            made_up=asked.synthetic,
        ) as stand_in:
            for text in asked.misbehave:
                _misbehave(stand_in, text)
            # StatFin's, as ever; then every service's, ready for a shell
            sys.stdout.write(f"{stand_in.url}\n")
            for source, url in stand_in.urls.items():
                sys.stdout.write(f"MITTARISTO_URL_{source.upper()}={url}\n")
            if asked.synthetic:
                sys.stdout.write("MITTARISTO_SYNTHETIC=yes\n")
            sys.stdout.flush()
            stop.wait()
    except MittaristoError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
