"""Over real HTTP the stand-in has StatFin's addresses, limits and error pages, and it closes cleanly."""

import gzip
import http.client
import io
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime

import orjson
import pytest

from demo import changes
from demo.sample import load_sample
from demo.stand_in import BOMB_BYTES, MISBEHAVIOURS, StandIn
from models.errors import ConfigurationError

NEWEST = {
    "query": [
        {"code": "alue_23_20260101", "selection": {"filter": "item", "values": ["KU205"]}},
        {"code": "timeperiod_y", "selection": {"filter": "top", "values": ["1"]}},
        {"code": "contentscode", "selection": {"filter": "all", "values": ["*"]}},
    ],
    "response": {"format": "json-stat2"},
}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def call(address, query=None, *, timeout=10.0):
    """GET, or POST of `query`; error statuses are answers too."""
    body = None if query is None else query if isinstance(query, bytes) else orjson.dumps(query)
    request = urllib.request.Request(address, data=body)
    opener = urllib.request.build_opener(NoRedirects)
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="module")
def sample():
    return load_sample()


@pytest.fixture
def stand_in(sample):
    with StandIn(sample, calls=1_000) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def fi(stand_in):
    return f"{stand_in.url}/fi"


@pytest.fixture
def data_url(fi):
    return f"{fi}/StatFin/vkour/12bs.px"


class TestAddresses:
    def test_the_base_address_ends_before_the_language(self, stand_in):
        assert stand_in.url.startswith("http://127.0.0.1:")
        assert stand_in.url.endswith("/PXWeb/api/v1")

    @pytest.mark.parametrize("language", ["fi", "sv", "en"])
    def test_a_language_lists_its_databases(self, stand_in, language):
        answer = call(f"{stand_in.url}/{language}")
        assert answer.json == [{"dbid": "StatFin", "text": "StatFin"}]
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"

    def test_the_database_lists_subjects(self, fi):
        listed = call(f"{fi}/StatFin").json
        assert {"id": "vaerak", "type": "l", "text": "Väestörakenne"} in listed
        assert len(listed) == 6

    def test_a_subject_lists_tables_with_the_time_of_the_file_not_of_the_release(self, fi, sample):
        listed = call(f"{fi}/StatFin/vaerak").json
        assert [one["id"] for one in listed] == ["11ra.px", "11re.px"]
        assert listed[1] == {
            "id": "11re.px",
            "type": "t",
            "text": "11re -- Väestö iän (1-v.) ja sukupuolen mukaan alueittain, 2021-2025",
            "updated": "2026-06-06T21:04:32",
        }
        (education,) = call(f"{fi}/StatFin/vkour").json
        released = sample["vkour/12bs"].updated
        assert datetime.fromisoformat(education["updated"]) < released.replace(tzinfo=None)

    def test_get_describes_a_table_and_post_gives_its_data(self, data_url):
        described = call(data_url).json
        assert [one["code"] for one in described["variables"]] == [
            "timeperiod_y",
            "alue_23_20260101",
            "contentscode",
        ]
        assert described["variables"][0]["time"] is True
        answer = call(data_url, NEWEST).json
        assert answer["updated"] == "2026-06-18T05:00:00Z"
        assert 31.3 in answer["value"]

    def test_both_spellings_of_the_path_work_and_so_does_a_table_without_its_subject(
        self, stand_in, data_url
    ):
        right = call(data_url, NEWEST).body
        assert call(data_url.replace("/PXWeb/", "/PxWeb/"), NEWEST).body == right
        assert call(f"{stand_in.url}/en/StatFin/12bs.px").json == call(data_url).json
        assert call(f"{stand_in.url}/fi/StatFin/12bs.px", NEWEST).body == right

    def test_codes_that_are_not_ascii_travel_as_utf_8(self, fi):
        query = {
            "query": [
                {"code": "Alue", "selection": {"filter": "item", "values": ["KU205"]}},
                {"code": "Ammattiryhmä", "selection": {"filter": "item", "values": ["2519"]}},
                {"code": "timeperiod_m", "selection": {"filter": "top", "values": ["1"]}},
                {"code": "contentscode", "selection": {"filter": "item", "values": ["TYOTTOMATLOPUSSA"]}},
            ]
        }
        answer = call(f"{fi}/StatFin/tyonv/12ti.px", query).json
        assert (answer["value"], answer["status"]) == ([None], {"0": "..."})

    def test_config_tells_the_limits(self, sample):
        told = {"maxValues": 2_000, "maxCells": 2_000, "maxCalls": 5, "timeWindow": 2, "CORS": True}
        with StandIn(sample, calls=5, window=2.0, max_cells=2_000) as running:
            assert call(f"{running.url}/fi/?config").json == told
            assert call(f"{running.url}/fi?config").json == told

    def test_search_finds_titles_and_codes(self, fi):
        assert call(f"{fi}/StatFin?query=matkailu").json == []
        titles = call(f"{fi}/StatFin?query=tulotaso&filter=title").json
        assert [(one["id"], one["path"]) for one in titles] == [("14ww.px", "/tjt")]
        codes = call(f"{fi}/StatFin?query=ku205&filter=codes").json
        assert "12tf.px" in {one["id"] for one in codes}
        assert "135z.px" not in {one["id"] for one in codes}

    def test_a_connection_is_kept_for_the_next_call(self, stand_in):
        connection = http.client.HTTPConnection("127.0.0.1", stand_in.url.split(":")[2].split("/")[0])
        for _ in range(3):
            connection.request("GET", "/PXWeb/api/v1/fi")
            assert connection.getresponse().read() == b'[{"dbid":"StatFin","text":"StatFin"}]'
        assert connection.sock is not None
        connection.close()


class TestErrors:
    @pytest.mark.parametrize(
        "path",
        [
            "StatFin/vkour/99zz.px",
            "StatFin/nothere",
            "StatFin/nothere/12bs.px",
            "StatFin/vkour/statfin_vkour_pxt_12bs.px",
            "StatFin/vkour/12bs",
            "OtherBase",
        ],
    )
    def test_what_is_not_there_is_a_bad_request_in_plain_text(self, fi, path):
        answer = call(f"{fi}/{path}")
        assert (answer.status, answer.body) == (400, b"Bad Request")
        assert answer.headers["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize(
        "query",
        [
            b"{",
            {"query": [{"code": "Alue", "selection": {"filter": "item", "values": ["KU205"]}}]},
            {"query": [{"code": "contentscode", "selection": {"filter": "item", "values": ["none"]}}]},
            {"query": [{"code": "contentscode", "selection": {"filter": "agg:x", "values": ["kaste0"]}}]},
            {"query": [], "response": {"format": "csv"}},
        ],
    )
    def test_a_query_of_unknown_things_is_a_bad_request(self, data_url, query):
        answer = call(data_url, query)
        assert (answer.status, answer.body) == (400, b"Bad Request")

    def test_too_many_cells_are_refused_with_a_page(self, sample):
        with StandIn(sample, max_cells=14) as running:
            answer = call(f"{running.url}/fi/StatFin/vkour/12bs.px", NEWEST)
        assert answer.status == 403
        assert answer.headers["Content-Type"].startswith("text/html")
        assert b"403 - Forbidden: Access is denied." in answer.body

    @pytest.mark.parametrize("path", ["/", "/PXWeb/api/v2/fi", "/PXWeb/api/v1", "/PXWeb/api/v1/de/StatFin"])
    def test_a_wrong_path_is_a_page_with_404(self, stand_in, path):
        answer = call(stand_in.url.removesuffix("/PXWeb/api/v1") + path)
        assert answer.status == 404
        assert answer.headers["Content-Type"].startswith("text/html")

    def test_data_cannot_be_posted_to_a_list(self, fi):
        assert call(f"{fi}/StatFin/vkour", NEWEST).status == 400


class TestLimit:
    def test_a_call_too_many_is_refused_with_the_time_to_wait(self, sample):
        with StandIn(sample, calls=2, window=60.0) as running:
            assert [call(f"{running.url}/fi").status for _ in range(2)] == [200, 200]
            answer = call(f"{running.url}/fi")
            assert answer.status == 429
            assert answer.headers["Retry-After"] == "60"
            assert answer.json["error"].startswith("429 - Too many requests")
            assert running.max_in_window == 3

    def test_after_the_window_calls_are_let_in_again(self, sample):
        with StandIn(sample, calls=1, window=0.4) as running:
            assert call(f"{running.url}/fi").status == 200
            assert call(f"{running.url}/fi").headers["Retry-After"] == "1"
            time.sleep(0.5)
            assert call(f"{running.url}/fi").status == 200

    def test_every_call_is_on_record_refused_ones_too(self, sample):
        with StandIn(sample, calls=1) as running:
            call(f"{running.url}/fi/StatFin/vkour/12bs.px", NEWEST)
            call(f"{running.url}/fi")
            first, second = running.requests
        assert (first.method, first.status, json.loads(first.body)) == ("POST", 200, NEWEST)
        assert first.path == "/PXWeb/api/v1/fi/StatFin/vkour/12bs.px"
        assert first.headers["User-Agent"].startswith("Python-urllib")
        assert (second.method, second.status) == ("GET", 429)
        assert first.at <= second.at
        assert first.at.tzinfo is not None


class TestMisbehaviour:
    @pytest.mark.parametrize(
        ("kind", "status", "content_type"),
        [
            ("429", 429, "application/json"),
            ("403_page", 403, "text/html"),
            ("500", 500, "text/html"),
            ("503", 503, "text/html"),
            ("html_200", 200, "text/html"),
            ("wrong_content_type", 200, "text/plain"),
        ],
    )
    def test_the_next_answer_is_bad_and_the_one_after_it_good(
        self, stand_in, data_url, kind, status, content_type
    ):
        right = call(data_url, NEWEST)
        stand_in.misbehave(kind)
        bad = call(data_url, NEWEST)
        assert bad.status == status
        assert bad.headers["Content-Type"].startswith(content_type)
        assert ("Retry-After" in bad.headers) == (kind == "429")
        assert (bad.body == right.body) == (kind == "wrong_content_type")
        good = call(data_url, NEWEST)
        assert (good.status, good.body) == (200, right.body)

    def test_it_can_last_and_be_ended(self, stand_in, fi):
        stand_in.misbehave("500", times=None)
        assert [call(fi).status for _ in range(4)] == [500] * 4
        stand_in.behave()
        assert call(fi).status == 200

    def test_it_counts_its_times(self, stand_in, fi):
        stand_in.misbehave("503", times=2)
        assert [call(fi).status for _ in range(3)] == [503, 503, 200]

    def test_it_keeps_to_its_table_path_and_method(self, stand_in, fi, data_url):
        stand_in.misbehave("500", table="vkour/12bs", method="POST")
        stand_in.misbehave("503", path="?config")
        assert call(f"{fi}/StatFin/vaerak/11ra.px").status == 200
        assert call(data_url).status == 200
        assert call(f"{fi}?config").status == 503
        assert call(data_url, NEWEST).status == 500

    def test_a_cut_body_promises_more_than_it_sends(self, stand_in, data_url):
        stand_in.misbehave("cut_body")
        with pytest.raises(http.client.IncompleteRead) as caught:
            call(data_url, NEWEST)
        assert caught.value.expected > 0
        assert caught.value.partial

    def test_empty_values_keep_the_rest_of_the_answer(self, stand_in, data_url):
        right = call(data_url, NEWEST).json
        stand_in.misbehave("empty_values")
        bad = call(data_url, NEWEST).json
        assert bad.pop("value") == []
        right.pop("value")
        right.pop("status", None)
        assert bad == right
        stand_in.misbehave("empty_values")
        assert call(data_url, NEWEST | {"response": {"format": "json"}}).json["data"] == []

    def test_another_tables_answer_is_whole_and_says_whose_it_is(self, stand_in, data_url):
        stand_in.misbehave("other_table")
        assert "variables" in call(data_url).json  # it waits for a data answer
        bad = call(data_url, NEWEST).json
        assert bad["extension"]["px"]["tableid"] != "12bs"
        assert len(bad["value"]) > 0
        stand_in.misbehave("other_table")
        assert call(data_url, NEWEST | {"response": {"format": "json"}}).json["data"]

    def test_invalid_utf_8_cannot_be_decoded(self, stand_in, data_url):
        stand_in.misbehave("invalid_utf8")
        with pytest.raises(UnicodeDecodeError):
            call(data_url, NEWEST).body.decode("utf-8")

    def test_a_redirect_leads_to_another_host(self, stand_in, data_url):
        stand_in.misbehave("redirect")
        answer = call(data_url, NEWEST)
        assert answer.status == 307
        assert answer.headers["Location"].startswith("http://localhost:")

    def test_no_answer_at_all(self, stand_in, fi):
        stand_in.misbehave("no_answer")
        with pytest.raises((http.client.RemoteDisconnected, urllib.error.URLError, ConnectionError)):
            call(fi)
        assert stand_in.requests[-1].status == 0

    def test_a_gzip_bomb_is_small_on_the_wire_and_huge_unpacked(self, stand_in, fi):
        stand_in.misbehave("gzip_bomb")
        answer = call(fi)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.body) < 2_000_000
        total = 0
        with gzip.GzipFile(fileobj=io.BytesIO(answer.body)) as packed:
            while chunk := packed.read(1 << 22):
                total += len(chunk)
        assert total == BOMB_BYTES + 2

    def test_a_hang_lasts_until_it_is_released(self, stand_in, data_url):
        stand_in.misbehave("hang")
        answers = []
        caller = threading.Thread(target=lambda: answers.append(call(data_url, NEWEST)))
        caller.start()
        caller.join(0.3)
        assert caller.is_alive()
        stand_in.release()
        caller.join(10)
        assert answers[0].status == 200
        assert 31.3 in answers[0].json["value"]

    def test_a_client_that_gives_up_on_a_hang_does_no_harm(self, stand_in, fi):
        stand_in.misbehave("hang")
        with pytest.raises(TimeoutError):
            call(fi, timeout=0.2)
        assert call(fi).status == 200

    def test_a_slow_drip_comes_byte_by_byte(self, stand_in, fi):
        stand_in.misbehave("slow_drip")
        started = time.monotonic()
        with urllib.request.urlopen(fi, timeout=10) as response:
            assert response.read(3) == b'[{"'
        assert time.monotonic() - started >= 0.4

    def test_while_it_is_down_connections_are_refused(self, stand_in, fi):
        assert call(fi).status == 200
        stand_in.go_down()
        with pytest.raises(urllib.error.URLError, match="refused"):
            call(fi)
        stand_in.come_up()
        assert call(fi).status == 200

    def test_every_kind_is_known_and_another_is_refused_with_the_list(self, stand_in):
        for kind in MISBEHAVIOURS:
            stand_in.misbehave(kind)
        with pytest.raises(ConfigurationError, match="choose from 429, 403_page"):
            stand_in.misbehave("explode")
        with pytest.raises(ConfigurationError, match="no table 'x/1'"):
            stand_in.misbehave("500", table="x/1")

    def test_a_refused_call_uses_up_no_misbehaviour(self, sample):
        with StandIn(sample, calls=1, window=0.3) as running:
            call(f"{running.url}/fi")
            running.misbehave("503")
            assert call(f"{running.url}/fi").status == 429
            time.sleep(0.4)
            assert call(f"{running.url}/fi").status == 503


class TestChangesWhileItRuns:
    def test_a_changed_table_is_answered_at_once(self, stand_in, data_url):
        table = stand_in.tables["vkour/12bs"]
        stand_in.tables["vkour/12bs"] = changes.rename_contents(table, {"kaste0": "vkour-kaste0"})
        contents = call(data_url).json["variables"][2]["values"]
        assert "vkour-kaste0" in contents
        assert "kaste0" not in contents

    def test_in_the_old_form_the_new_address_is_a_bad_request(self, stand_in, data_url, fi):
        stand_in.tables["vkour/12bs"] = changes.old_form(stand_in.tables["vkour/12bs"])
        assert call(data_url).status == 400
        old = call(f"{fi}/StatFin/vkour/statfin_vkour_pxt_12bs.px").json
        assert [one["code"] for one in old["variables"]] == ["Vuosi", "Alue 2026", "Tiedot"]
        assert call(f"{fi}/StatFin/vkour").json[0]["id"] == "statfin_vkour_pxt_12bs.px"


class TestClosing:
    def threads(self):
        return {one for one in threading.enumerate() if one.is_alive()}

    def test_no_thread_and_no_socket_is_left(self, sample):
        before = self.threads()
        running = StandIn(sample)
        port = int(running.url.split(":")[2].split("/")[0])
        kept = http.client.HTTPConnection("127.0.0.1", port)
        kept.request("GET", "/PXWeb/api/v1/fi")
        kept.getresponse().read()
        running.close()
        assert self.threads() == before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)
        kept.close()
        running.close()

    @pytest.mark.parametrize("kind", ["hang", "slow_drip"])
    def test_closing_does_not_wait_for_what_hangs(self, sample, kind):
        before = self.threads()
        running = StandIn(sample)
        running.misbehave(kind)
        failures = []

        def ask():
            try:
                call(f"{running.url}/fi")
            except (OSError, http.client.HTTPException) as error:
                failures.append(error)

        caller = threading.Thread(target=ask)
        caller.start()
        while not running.requests:
            time.sleep(0.01)
        started = time.monotonic()
        running.close()
        assert time.monotonic() - started < 2
        caller.join(5)
        assert len(failures) == 1
        assert self.threads() == before

    def test_a_port_that_is_taken_is_one_clear_line(self, stand_in, sample):
        port = int(stand_in.url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigurationError, match=f"cannot listen on port {port}"):
            StandIn(sample, port=port)

    def test_many_calls_at_once_are_all_answered_and_counted(self, stand_in, data_url):
        answers = []
        callers = [
            threading.Thread(target=lambda: answers.append(call(data_url, NEWEST).status)) for _ in range(20)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(20)
        assert answers == [200] * 20
        assert len(stand_in.requests) == 20 == stand_in.max_in_window
