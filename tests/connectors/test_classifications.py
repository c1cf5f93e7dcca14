"""The classification service, asked over HTTP and read from what was kept: one whole division, or one line why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors import classifications
from connectors.http import AnswerError
from demo.stand_in import StandIn
from models.area import Area
from models.divisions import (
    PACKAGED,
    AreaChange,
    Division,
    DivisionError,
    Municipality,
    load_division,
    load_divisions,
)
from models.document import Answer, as_documents
from models.errors import SourceError

BASE = "https://data.stat.fi/api/classifications/v2"
MIDNIGHT = datetime(2027, 1, 2, tzinfo=UTC)


def an_answer(url: str, document: object, at: datetime = MIDNIGHT, **changes: Any) -> Answer:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    good = Answer("classifications", "", "listing", "GET", url, b"", 200, "application/json", body, at, at)
    return replace(good, **changes)


def items_of(names: dict[str, str], language: str, level: str = "1") -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "level": level,
            "classificationItemNames": [{"lang": language, "langName": "x", "name": name}],
        }
        for code, name in names.items()
    ]


NAMES = {
    "kunta": {"fi": {"205": "Kajaani", "020": "Akaa"}, "sv": {"205": "Kajana", "020": "Ackas"}},
    "seutukunta": {"fi": {"182": "Kajaani", "063": "Etelä-Pirkanmaa"}},
    "maakunta": {"fi": {"18": "Kainuu", "06": "Pirkanmaa"}, "sv": {"18": "Kajanaland", "06": "Birkaland"}},
}
MAPS = {"seutukunta": {"205": "182", "020": "063"}, "maakunta": {"205": "18", "020": "06"}}


def the_answers(year: int = 2026, **changed: object) -> list[Answer]:
    """A small division of two municipalities; `changed` replaces a part: kunta_sv=..., kunta_maakunta=..."""
    answers = []
    for target, pairs in MAPS.items():
        url = f"{BASE}/correspondenceTables/kunta_1_{year}0101%23{target}_1_{year}0101/maps"
        document = changed.get(f"kunta_{target}", [f"{url}/{code}/{its}" for code, its in pairs.items()])
        answers.append(an_answer(url, document))
    for kind, by_language in NAMES.items():
        for language in ("fi", "sv", "en"):
            url = (
                f"{BASE}/classifications/{kind}_1_{year}0101/classificationItems"
                f"?content=data&meta=min&lang={language}&format=json"
            )
            names = by_language.get(language, by_language["fi"])
            answers.append(an_answer(url, changed.get(f"{kind}_{language}", items_of(names, language))))
    return answers


def read_one(answers: Sequence[Answer]) -> Division:
    (division,) = classifications.read(as_documents(answers)).values()
    return division


def why_not(answers: Sequence[Answer]) -> str:
    with pytest.raises(SourceError) as caught:
        classifications.read(as_documents(answers))
    text = str(caught.value)
    assert "\n" not in text and text.startswith("classifications: ")
    return text


class TestAsking:
    def test_a_year_is_two_correspondence_tables_and_the_names_in_three_languages(self):
        asked = classifications.urls(BASE, 2026)
        assert asked[:2] == (
            f"{BASE}/correspondenceTables/kunta_1_20260101%23seutukunta_1_20260101/maps",
            f"{BASE}/correspondenceTables/kunta_1_20260101%23maakunta_1_20260101/maps",
        )
        assert asked[2] == (
            f"{BASE}/classifications/kunta_1_20260101/classificationItems"
            "?content=data&meta=min&lang=fi&format=json"
        )
        assert len(set(asked)) == 11
        assert sum("lang=sv" in url for url in asked) == sum("lang=en" in url for url in asked) == 3
        assert {one.url for one in the_answers()} == set(asked)

    @pytest.fixture
    def stand_in(self) -> Iterator[StandIn]:
        with StandIn({}, calls=1_000) as running:
            yield running
        assert running.errors == []

    @pytest.fixture
    def asking(self, stand_in: StandIn, open_session: Callable[..., Any]) -> Any:
        return open_session(stand_in.classifications_url)

    def test_the_packaged_division_comes_back_whole_over_http(self, stand_in, asking):
        assert classifications.fetch(2026, stand_in.classifications_url, asking.http) == 2026
        read = classifications.read(as_documents(asking.kept))
        packaged = load_division(2026)
        assert read.keys() == {2026}
        for name in ("region_of", "subregion_of", "regions", "subregions", "whole", "year"):
            assert getattr(read[2026], name) == getattr(packaged, name)
        assert load_divisions().with_division(read[2026]) == load_divisions()

    def test_every_answer_is_kept_as_data_of_the_one_dataset_of_the_source(self, stand_in, asking):
        classifications.fetch(2026, stand_in.classifications_url, asking.http)
        assert [one.url for one in asking.kept] == list(
            classifications.urls(stand_in.classifications_url, 2026)
        )
        assert {(one.source, one.dataset_id, one.kind, one.method, one.status) for one in asking.kept} == {
            ("classifications", "classifications/kunta", "data", "GET", 200)
        }

    def test_the_hash_between_two_ids_reaches_the_server_as_percent_23(self, stand_in, asking):
        classifications.fetch(2026, stand_in.classifications_url, asking.http)
        assert "/kunta_1_20260101%23seutukunta_1_20260101/maps" in stand_in.requests[0].path

    def test_before_the_new_year_is_there_the_last_one_is_taken(self, stand_in, asking):
        assert classifications.fetch(2027, stand_in.classifications_url, asking.http) == 2026
        assert [one.status for one in asking.kept] == [404, *[200] * 11]
        assert classifications.read(as_documents(asking.kept)).keys() == {2026}

    def test_a_new_year_that_is_there_in_part_only_is_left_for_later(self, server, session, raw):
        bodies = {one.url.removeprefix(BASE): one.body for year in (2026, 2027) for one in the_answers(year)}

        def answer(request):
            if "/classifications/maakunta_1_20270101" in request.path:
                return raw(b"", "404 Not Found")
            return raw(bodies[request.path.removeprefix("/PXWeb/api/v1")])

        server.answer = answer
        assert classifications.fetch(2027, server.base_url, session.http) == 2026
        assert classifications.read(as_documents(session.kept)).keys() == {2026}

    def test_where_last_year_is_not_there_either_it_fails(self, stand_in, asking):
        with pytest.raises(AnswerError, match=r"kunta_1_20290101.* answered 404"):
            classifications.fetch(2030, stand_in.classifications_url, asking.http)
        assert len(asking.kept) == 2

    def test_another_bad_answer_is_not_taken_for_a_year_that_is_not_there(self, stand_in, asking):
        stand_in.misbehave("500", path="20270101", times=None)
        with pytest.raises(AnswerError, match=r"kunta_1_20270101.* answered 500"):
            classifications.fetch(2027, stand_in.classifications_url, asking.http)
        assert {one.status for one in asking.kept} == {500}

    def test_a_merger_of_the_new_year_is_told_when_somebody_has_said_what_became_of_it(
        self, stand_in, asking, tmp_path: Path
    ):
        now = load_division(2026)
        municipalities = {code: one for code, one in now.municipalities.items() if code != "KU578"}
        stand_in.divisions = {
            2027: replace(
                now,
                year=2027,
                municipalities=municipalities,
                region_of={code: now.region(code) for code in municipalities},
                subregion_of={code: now.subregion(code) for code in municipalities},
            )
        }
        classifications.fetch(2027, stand_in.classifications_url, asking.http)
        new = classifications.read(as_documents(asking.kept))[2027]
        with pytest.raises(DivisionError, match="KU578 Paltamo ends, and nothing says what became of it"):
            load_divisions().with_division(new)
        for path in PACKAGED.glob("*.csv"):
            (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        with (tmp_path / "changes.csv").open("a", encoding="utf-8") as changes:
            changes.write("2027,KU578,KU205\n")
        known = load_divisions(tmp_path).with_division(new)
        assert known.changes[-1] == AreaChange(2027, "merged", ("KU205", "KU578"), ("KU205",))
        assert len(known.members("MK18", 2027)) == 7
        assert known.predecessors("KU205", 2027) == ("KU205", "KU578", "KU940")


class TestReading:
    def test_codes_become_ours_and_names_are_kept_in_three_languages(self):
        division = read_one(the_answers())
        assert division.year == 2026
        assert division.municipalities == {
            "KU020": Municipality("KU020", "Akaa", "Ackas", "Akaa"),
            "KU205": Municipality("KU205", "Kajaani", "Kajana", "Kajaani"),
        }
        assert division.region_of == {"KU205": "MK18", "KU020": "MK06"}
        assert division.subregion_of == {"KU205": "SK182", "KU020": "SK063"}
        assert division.regions["MK18"] == Area("MK18", "region", "Kainuu", "Kajanaland", "Kainuu")
        assert division.members("SK182") == ("KU205",)

    @pytest.mark.parametrize("level", ["1", "3.00", 1, None])
    def test_the_level_may_be_written_in_any_way(self, level):
        changed = items_of(NAMES["kunta"]["fi"], "fi", level)
        assert read_one(the_answers(kunta_fi=changed)) == read_one(the_answers())

    def test_leading_zeros_that_were_lost_are_put_back(self):
        url = "x/maps"
        changed = {
            "kunta_fi": items_of({"205": "Kajaani", "20": "Akaa"}, "fi"),
            "kunta_maakunta": [f"{url}/205/18", f"{url}/20/6"],
        }
        assert read_one(the_answers(**changed)) == read_one(the_answers())

    def test_pairs_may_come_as_objects(self):
        def pairs(target):
            return [
                {"sourceItem": {"code": code}, "targetItem": {"code": its}}
                for code, its in MAPS[target].items()
            ]

        by_id = [
            {"sourceLocalId": f"kunta_1_20260101/{code}", "targetLocalId": f"maakunta_1_20260101/{its}"}
            for code, its in MAPS["maakunta"].items()
        ]
        for maakunta in (pairs("maakunta"), by_id):
            answers = the_answers(kunta_seutukunta=pairs("seutukunta"), kunta_maakunta=maakunta)
            assert read_one(answers) == read_one(the_answers())

    def test_elsewhere_and_unknown_is_no_municipality(self):
        changed = {
            f"kunta_{language}": items_of({**NAMES["kunta"]["fi"], "199": "Tuntematon"}, language)
            for language in ("fi", "sv", "en")
        }
        assert read_one(the_answers(**changed)).municipalities.keys() == {"KU020", "KU205"}

    def test_regions_without_a_municipality_are_left_out(self):
        changed = {
            f"maakunta_{language}": items_of({**NAMES["maakunta"]["fi"], "99": "Ulkomaat"}, language)
            for language in ("fi", "sv", "en")
        }
        assert read_one(the_answers(**changed)).regions.keys() == {"MK06", "MK18"}

    def test_a_name_that_the_service_lacks_is_the_finnish_one(self):
        changed = [*items_of({"205": "Kajaani"}, "fi"), {"code": "020", "classificationItemNames": []}]
        division = read_one(the_answers(kunta_sv=changed))
        assert {one.name_sv for one in division.municipalities.values()} == {"Kajaani", "Akaa"}

    def test_an_item_whose_name_bears_no_language_is_in_the_one_asked(self):
        changed = [
            {"code": code, "classificationItemNames": [{"name": name}]}
            for code, name in NAMES["kunta"]["sv"].items()
        ]
        assert read_one(the_answers(kunta_sv=changed)) == read_one(the_answers())

    def test_the_newest_good_answer_counts_whatever_their_order(self):
        renamed = [
            replace(one, fetched_at=one.fetched_at + timedelta(days=1))
            for one in the_answers(kunta_fi=items_of({"205": "Uusi", "020": "Akaa"}, "fi"))
        ]
        later = [replace(one, body=b"[", fetched_at=one.fetched_at + timedelta(days=2)) for one in renamed]
        bad = [replace(one, status=500) for one in later]
        cut = [replace(one, error="cut") for one in later]
        for answers in ([*the_answers(), *renamed], [*bad, *cut, *renamed, *the_answers()]):
            assert read_one(answers).municipalities["KU205"].name_fi == "Uusi"

    def test_every_year_that_is_whole_is_read(self):
        answers = [*the_answers(2026), *the_answers(2027), *the_answers(2028)[:-1]]
        read = classifications.read(as_documents(answers))
        assert {year: one.year for year, one in read.items()} == {2026: 2026, 2027: 2027}

    def test_documents_of_others_are_passed_over(self):
        others = [replace(one, source="statfin") for one in the_answers(2027)]
        others.append(replace(the_answers()[0], url=f"{BASE}/classifications/nuts_2_20260101"))
        assert classifications.read(as_documents([*others, *the_answers()])).keys() == {2026}


class TestWhatIsNotAsItWas:
    def test_nothing_kept(self):
        assert why_not([]).endswith(
            "no division is whole among the kept answers (there are none); fetch it again"
        )

    @pytest.mark.parametrize(
        ("url", "lacking"),
        [
            ("/kunta_1_20260101/classificationItems?content=data&meta=min&lang=sv", "kunta sv"),
            ("lang=en", "kunta en, seutukunta en, maakunta en"),
            ("%23maakunta", "kunta maakunta"),
        ],
    )
    def test_a_part_that_is_missing(self, url, lacking):
        text = why_not([one for one in the_answers() if url not in one.url])
        assert f"among the kept answers (of 2026 they lack {lacking}); fetch it again" in text

    @pytest.mark.parametrize(
        ("part", "document", "text"),
        [
            ("kunta_fi", b"<html>", "kunta of 2026 in fi: the answer is no JSON"),
            (
                "kunta_fi",
                {"items": []},
                """kunta of 2026 in fi: the answer is '{"items":[]}' instead of a list""",
            ),
            ("kunta_fi", [], "kunta of 2026 in fi: the answer is '[]' instead of a list"),
            ("kunta_fi", [{"code": "205"}], "instead of an item with code and classificationItemNames"),
            ("kunta_fi", ["x/205"], "'x/205' instead of an item with code and classificationItemNames"),
            ("kunta_fi", [{"code": 205, "classificationItemNames": []}], "'205' is no code of kunta"),
            (
                "kunta_fi",
                items_of({"KU205": "a"}, "fi"),
                "'KU205' is no code of kunta; the service has changed",
            ),
            (
                "maakunta_fi",
                items_of({"182": "a"}, "fi"),
                "maakunta of 2026 in fi: '182' is no code of maakunta",
            ),
            ("kunta_fi", items_of({"205": "a"}, "fi") * 2, "kunta of 2026 in fi: KU205 is there twice"),
            ("kunta_fi", items_of(NAMES["kunta"]["fi"], "sv"), "KU020, KU205 has no Finnish name"),
            ("kunta_sv", items_of({"205": "a"}, "sv"), "in sv: compared with those in fi it lacks KU020"),
            (
                "kunta_en",
                items_of({**NAMES["kunta"]["fi"], "021": "a"}, "en"),
                "in en: compared with those in fi it has besides KU021",
            ),
            ("kunta_maakunta", ["x/maps"], "'x/maps' instead of an address that ends in /maps/<code>/<code>"),
            ("kunta_maakunta", [7], "'7' instead of an address that ends in /maps/<code>/<code>"),
            ("kunta_maakunta", [{"source": "205"}], "kunta to maakunta of 2026: 'None' is no code of kunta"),
            (
                "kunta_maakunta",
                ["x/maps/205/18"],
                "kunta to maakunta of 2026: compared with the names of kunta it lacks KU020",
            ),
            (
                "kunta_maakunta",
                ["x/maps/205/18", "x/maps/020/06", "x/maps/205/06"],
                "kunta to maakunta of 2026: KU205 is in MK18 and in MK06",
            ),
            ("kunta_maakunta", ["x/maps/205/18", "x/maps/020/07"], "2026: MK07 has no name; fetch it again"),
            (
                "kunta_seutukunta",
                ["x/maps/205/182", "x/maps/020/182"],
                "the division of 2026: sub-region SK182 lies in MK06 and MK18; compare with the service's own",
            ),
        ],
    )
    def test_it_is_said_in_one_line(self, part, document, text):
        assert text in why_not(the_answers(**{part: document}))
