"""One of several workers that collect all sources at once: `python worker.py asked.json NUMBER`.

The settings come from the environment. It makes one run over each source, beginning with the one of that number, and
prints the states of the ledger's rows as JSON. Pages are not built: they would take longer than all the rest.
"""

import json
import os
import sys
from pathlib import Path

from scheduled import scheduled_run

from flows.pipeline import open_pipeline
from flows.settings import read_settings
from models.ledger import scope_from_json

WAIT_SECONDS = 900.0  # for a neighbour who has the source just now: all of them are to have each source once


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    first = int(sys.argv[2]) % len(asked["sources"])
    states = {}
    with open_pipeline(read_settings(os.environ)) as pipeline:
        for source in asked["sources"][first:] + asked["sources"][:first]:
            scope = scope_from_json(asked["scope"])
            rows = scheduled_run(pipeline, source, scope, wait_seconds=WAIT_SECONDS, pages=False)
            states |= {row.dataset_id: row.state for row in rows}
    sys.stdout.write(json.dumps(states))


if __name__ == "__main__":
    main()
