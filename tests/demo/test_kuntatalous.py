"""The State Treasury's part of the stand-in answers as the real service is reported to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from demo import kuntatalous
from demo.kuntatalous import Kuntatalous
from demo.stand_in import StandIn
from demo.table import SampleError
from models.catalogue import load_catalogue

KAJAANI = "0214958-9"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn({}, services={"kuntatalous": kuntatalous.sample()}) as running:
        yield running
    assert running.errors == []


def get(stand_in: StandIn, path: str) -> Any:
    with urlopen(f"{stand_in.urls['kuntatalous']}/{path}") as answer:
        return json.loads(answer.read())


def test_the_listing_is_one_object_whose_rows_name_the_real_host(stand_in: StandIn) -> None:
    assert get(stand_in, "aineistot") == {
        "aineistot": [
            {
                "ytunnus": KAJAANI,
                "raportointikokonaisuus": "KTAS",
                "raportointikausi": "2026",
                "hyvaksymisvaihe": "Lopullinen",
                "hyvaksymispvm": "2025-12-31T08:27:05.003Z",
                "julkaisupvm": "2025-12-31T08:27:32.13Z",
                "tunnusluvut": f"{kuntatalous.HOST}/dokumentti/lopullinen/KTAS/{KAJAANI}/2026",
            }
        ]
    }


def test_a_document_is_a_list_of_rows_with_amounts_as_text(stand_in: StandIn) -> None:
    rows = get(stand_in, f"dokumentti/lopullinen/KTAS/{KAJAANI}/2026")
    assert len(rows) == 32
    (margin,) = [row for row in rows if row["tunnusluku"] == "1093"]
    assert margin == {
        "ytunnus": KAJAANI,
        "raportointikausi": "2026",
        "raportointikokonaisuus": "KTAS",
        "osakokonaisuus": "k-t05",
        "taksonomia": "jhs-2019-03/2019-08-31",
        "tunnusluku": "1093",
        "arvo": "9736492.00",
        "kommentti": None,
        "tarkastushavainnot": [],
    }


@pytest.mark.parametrize("path", ["dokumentti/alustava/KTAS/0214958-9/2026", "dokumentti", "muu"])
def test_what_is_not_there_is_not_found(stand_in: StandIn, path: str) -> None:
    with pytest.raises(Exception, match="404"):
        get(stand_in, path)


def test_the_sample_is_the_recorded_budget(recordings: Path) -> None:
    import csv

    with (recordings / "kuntatalous" / "kajaani_ktas_2026_facts.csv").open(encoding="utf-8") as file:
        recorded = {
            (row["subpackage"], row["indicator_code"]): row["value_raw"] for row in csv.DictReader(file)
        }
    (report,) = kuntatalous.sample().reports
    assert report.amounts == recorded


def test_a_stage_is_written_with_umlauts_in_the_listing_and_without_in_an_address() -> None:
    (report,) = kuntatalous.sample().reports
    report.stage = "Jälkikorjattu"
    assert report.address[0] == "jalkikorjattu"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# taxonomy: jhs-2019-03/2019-08-31\n", "", "the header lacks taxonomy"),
        (
            "k-t05,16,2026,Toimintatulot,32505318.00",
            "k-t05,16,2026,Toimintatulot",
            "a row is part,code,year,name_fi,value",
        ),
        (
            "k-t05,16,2026,Toimintatulot,32505318.00",
            "k-t05,1093,2026,Toimintatulot,1.00",
            "k-t05 / 1093 stands there twice",
        ),
    ],
)
def test_a_sample_file_that_does_not_hold_together_is_named(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    whole = Path(kuntatalous.__file__).parent / "sample" / "kuntatalous" / "ktas_2026_0214958-9.csv"
    text = whole.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "x.csv").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SampleError, match=said) as caught:
        kuntatalous.sample(tmp_path)
    assert "x.csv" in str(caught.value)


def test_an_empty_folder_is_no_sample(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="no sample files"):
        kuntatalous.sample(tmp_path)


def test_made_up_reports_are_the_same_for_the_same_seed_and_only_grow_with_time() -> None:
    from datetime import date

    catalogue = load_catalogue()

    def amounts(service: Kuntatalous) -> dict[tuple[str, ...], Any]:
        return {one.address: one.amounts for one in service.reports}

    then, later = (
        amounts(kuntatalous.synthetic(catalogue, until=date(year, 9, 30))) for year in (2025, 2026)
    )
    assert then.items() <= later.items() and len(then) < len(later)
    assert amounts(kuntatalous.synthetic(catalogue, seed=2)) != later


def test_made_up_listings_have_quarters_drafts_and_municipalities_nobody_asks_for() -> None:
    reports = kuntatalous.synthetic(load_catalogue()).reports
    assert {one.stage for one in reports} == {"Alustava", "Lopullinen"}
    assert any(one.period.endswith("C06") for one in reports)
    assert len({one.business_id for one in reports}) > 300
