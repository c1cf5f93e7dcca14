"""The small programme that is soaked: that of another municipality in tests/data, and a monthly table besides."""

import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests" / "data" / "sotkamo"
SOURCE = "statfin"
MONTHLY = "statfin/tyonv/12tf"
MONTHLY_INDICATOR = {
    "unemployment_rate": {
        "name_fi": "Työttömien osuus",
        "name_sv": "Andelen arbetslösa",
        "name_en": "Share of unemployed",
        "kind": "open_data",
        "role": "context",
        "programme_areas": ["1"],
        "input": {"dataset": MONTHLY, "content": "unemployment_rate"},
        "labels": "verified",
        "region": "direct",
        "unit": "%",
        "unit_fi": "%",
        "direction": "down",
        "valid_range": [0, 100],
    }
}


def small_programme(folder: Path) -> Path:
    """A programme of three small tables of which one is monthly, written into `folder`."""
    shutil.copytree(SMALL, folder)
    whole = ROOT / "models" / "catalogue" / "datasets" / "statfin.yaml"
    entry = yaml.safe_load(whole.read_text(encoding="utf-8"))[MONTHLY] | {"first_period": "2020M01"}
    for kind, content in (("datasets", {MONTHLY: entry}), ("indicators", MONTHLY_INDICATOR)):
        text_of = yaml.safe_dump(content, allow_unicode=True)
        (folder / kind / "monthly.yaml").write_text(text_of, encoding="utf-8")
    return folder
