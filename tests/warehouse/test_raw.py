"""The raw store: bytes as they came, whole or not there, found again whatever happens to the database."""

import gzip
import json
import resource
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from models.document import Answer
from warehouse import whole_file
from warehouse.engine import reading, writing
from warehouse.errors import RawStoreError
from warehouse.raw import RawStore, index, indexed, rebuild_index

AT = datetime(2026, 7, 21, 5, 0, 0, 1, tzinfo=UTC)
ANSWER = Answer(
    source="statfin",
    dataset_id="statfin/vaerak/11re",
    kind="data",
    method="POST",
    url="https://pxdata.stat.fi/PXWeb/api/v1/fi/StatFin/vaerak/11re.px",
    request_body=b'{"query": "v\xc3\xa4est\xc3\xb6"}',
    status=200,
    content_type="application/json",
    body=b'{"value": [1, 2, 3]}',
    asked_at=AT - timedelta(seconds=2),
    fetched_at=AT,
)


@pytest.fixture
def raw(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "raw")


def files(raw: RawStore) -> list[str]:
    return sorted(str(path.relative_to(raw.root)) for path in raw.root.rglob("*") if path.is_file())


def test_an_answer_is_found_again_by_its_checksum_and_its_document_says_whence_it_came(raw: RawStore) -> None:
    document = raw.keep(ANSWER, "run", "collection")
    assert raw.read(document.sha256) == ANSWER.body
    assert list(raw.documents()) == [document]
    assert (document.run_id, document.collection_id) == ("run", "collection")
    assert document.request_body == '{"query": "väestö"}'
    assert document.size == len(ANSWER.body)


def test_the_store_is_laid_out_by_checksum_and_by_source_and_month(raw: RawStore) -> None:
    document = raw.keep(ANSWER, "run", "collection")
    assert document.document_id == f"20260721T050000.000001Z-data-{document.sha256[:8]}"
    assert files(raw) == [
        f"documents/statfin/2026/07/{document.document_id}.json",
        f"objects/{document.sha256[:2]}/{document.sha256}.gz",
    ]


def test_the_same_bytes_are_kept_once_however_often_they_come(raw: RawStore) -> None:
    for hours in range(3):
        raw.keep(replace(ANSWER, fetched_at=AT + timedelta(hours=hours)), "run", "collection")
    assert len([name for name in files(raw) if name.startswith("objects/")]) == 1
    assert len(list(raw.documents())) == 3


def test_the_same_answer_at_the_same_instant_is_still_a_document_of_its_own(raw: RawStore) -> None:
    ids = [raw.keep(ANSWER, f"run {n}", "collection").document_id for n in range(3)]
    assert len(set(ids)) == 3
    assert sorted(one.run_id for one in raw.documents()) == ["run 0", "run 1", "run 2"]


def test_kept_bytes_are_the_same_file_whenever_they_are_written(tmp_path: Path) -> None:
    one, two = RawStore(tmp_path / "one"), RawStore(tmp_path / "two")
    one.keep(ANSWER, "run", "collection")
    two.keep(replace(ANSWER, fetched_at=AT + timedelta(days=9)), "other", "other")
    packed = [next(store.root.glob("objects/*/*.gz")).read_bytes() for store in (one, two)]
    assert packed[0] == packed[1]


def test_bad_answers_are_kept_like_good_ones(raw: RawStore) -> None:
    forbidden = replace(ANSWER, status=403, content_type="text/html", body=b"<html>403</html>")
    silent = replace(ANSWER, status=0, content_type="", body=b"", error="timed out after 60 s")
    kept = [raw.keep(one, "run", "collection") for one in (forbidden, silent)]
    assert [raw.read(one.sha256) for one in kept] == [b"<html>403</html>", b""]
    assert {one.error for one in raw.documents()} == {"", "timed out after 60 s"}


def test_documents_come_by_time_and_can_be_asked_for(raw: RawStore) -> None:
    kept = [
        raw.keep(
            replace(ANSWER, dataset_id=f"statfin/a/{n % 2}", fetched_at=AT - timedelta(days=40 * n)),
            "r",
            f"c{n}",
        )
        for n in range(4)
    ]
    kept.append(raw.keep(replace(ANSWER, source="sotkanet", dataset_id="sotkanet/1"), "r", "c0"))
    assert [one.collection_id for one in raw.documents("statfin")] == ["c3", "c2", "c1", "c0"]
    assert [one.collection_id for one in raw.documents(dataset_id="statfin/a/1")] == ["c3", "c1"]
    assert [one.source for one in raw.documents(collection_id="c0")] == ["sotkanet", "statfin"]
    assert list(raw.documents("vipunen")) == []


def test_a_store_that_was_never_written_to_has_no_documents_and_makes_no_folder(raw: RawStore) -> None:
    assert list(raw.documents()) == []
    assert raw.remove_leftovers() == 0
    assert not raw.root.exists()


def test_files_are_for_their_owner_only(raw: RawStore) -> None:
    raw.keep(ANSWER, "run", "collection")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in raw.root.rglob("*") if path.is_file()}
    folders = {
        stat.S_IMODE(path.stat().st_mode) for path in [raw.root, *raw.root.rglob("*")] if path.is_dir()
    }
    assert (modes, folders) == ({0o600}, {0o700})


def test_a_user_name_and_password_in_the_address_are_not_kept(raw: RawStore) -> None:
    document = raw.keep(replace(ANSWER, url="https://user:secret@host:8443/a?b=c@d"), "run", "collection")
    assert document.url == "https://host:8443/a?b=c@d"
    assert all(b"secret" not in (raw.root / name).read_bytes() for name in files(raw))


@pytest.mark.parametrize("source", ["", "../statfin", "Stat fin", "a/b", "statfin\n"])
def test_a_source_that_could_lead_out_of_the_folder_is_refused(raw: RawStore, source: str) -> None:
    with pytest.raises(RawStoreError, match="cannot be the name"):
        raw.keep(replace(ANSWER, source=source), "run", "collection")


def test_a_checksum_that_could_lead_out_of_the_folder_is_refused(raw: RawStore) -> None:
    with pytest.raises(RawStoreError, match="no SHA-256"):
        raw.read("../../etc/passwd")


# --- damage and interruption --------------------------------------------------------------------------------


def damage(data: bytes) -> dict[str, bytes]:
    return {
        "cut": data[: len(data) // 2],
        "empty": b"",
        "flipped": data[:15] + bytes([data[15] ^ 1]) + data[16:],
        "other": gzip.compress(b"something else", mtime=0),
        "no gzip": b"x" * 50,
    }


@pytest.mark.parametrize("how", ["cut", "empty", "flipped", "other", "no gzip"])
def test_damaged_bytes_are_said_so_in_one_line_and_mended_when_they_come_again(
    raw: RawStore, how: str
) -> None:
    document = raw.keep(ANSWER, "run", "collection")
    path = next(raw.root.glob("objects/*/*.gz"))
    path.write_bytes(damage(path.read_bytes())[how])
    with pytest.raises(RawStoreError, match="damaged") as caught:
        raw.read(document.sha256)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    raw.keep(ANSWER, "run", "collection")
    assert raw.read(document.sha256) == ANSWER.body


def test_bytes_that_cannot_be_read_just_now_are_not_said_to_be_damaged(raw: RawStore) -> None:
    kept = raw.keep(ANSWER, "run", "collection")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, most[1]))
    try:
        with pytest.raises(RawStoreError) as caught:
            raw.read(kept.sha256)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert "cannot be read (Too many open files); try again" in str(caught.value)
    assert "damaged" not in str(caught.value)
    assert raw.read(kept.sha256) == ANSWER.body


def test_missing_bytes_are_said_so(raw: RawStore) -> None:
    with pytest.raises(RawStoreError, match="missing; restore"):
        raw.read("0" * 64)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"document_id": 1', '{"fetched_at": 5}'])
def test_a_damaged_sidecar_is_said_so(raw: RawStore, content: str) -> None:
    raw.keep(ANSWER, "run", "collection")
    path = next(raw.root.glob("documents/*/*/*/*.json"))
    path.write_text(content)
    with pytest.raises(RawStoreError, match="sidecar") as caught:
        list(raw.documents())
    assert path.name in str(caught.value)


STEPS = ["write", "fsync", "replace", "link", "sync_folder"]


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
def test_interrupted_at_any_step_the_store_has_the_document_whole_or_not_at_all(
    raw: RawStore, monkeypatch: pytest.MonkeyPatch, step: str, call: int
) -> None:
    raw.keep(replace(ANSWER, body=b"before"), "run", "before")
    calls = 0

    def killed_at(original: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == call:
                raise SystemExit("killed")
            return original(*arguments, **named)

        return run

    with monkeypatch.context() as patch:
        if step == "replace":
            patch.setattr(Path, "replace", killed_at(Path.replace))
        elif step in ("fsync", "link"):
            patch.setattr(whole_file.os, step, killed_at(getattr(whole_file.os, step)))
        elif step == "write":
            patch.setattr(whole_file, "write_unfinished", killed_at(whole_file.write_unfinished))
        else:
            patch.setattr(whole_file, "sync_folder", killed_at(whole_file.sync_folder))
        try:
            raw.keep(replace(ANSWER, fetched_at=AT + timedelta(hours=1)), "run", "after")
            killed = False
        except SystemExit:
            killed = True
    assert killed == (calls >= call)
    documents = list(raw.documents())
    assert {one.collection_id for one in documents} >= {"before"}
    for one in documents:
        assert raw.read(one.sha256) in (b"before", ANSWER.body)
    again = raw.keep(replace(ANSWER, fetched_at=AT + timedelta(hours=2)), "run", "again")
    assert raw.read(again.sha256) == ANSWER.body


def test_temporary_files_that_a_killed_write_left_are_not_read_and_are_removed_in_time(raw: RawStore) -> None:
    document = raw.keep(ANSWER, "run", "collection")
    folders = [next(raw.root.glob("objects/*")), next(raw.root.glob("documents/*/*/*"))]
    for folder in folders:
        (folder / f".{document.document_id}.json.abc.tmp").write_bytes(b"half")
    assert list(raw.documents()) == [document]
    assert raw.remove_leftovers() == 0
    assert raw.remove_leftovers(older_than_seconds=0) == 2
    assert list(raw.documents()) == [document]


def test_a_full_disk_is_said_in_one_line(raw: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    with pytest.raises(RawStoreError, match="No space left on device; make room") as caught:
        raw.keep(ANSWER, "run", "collection")
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert list(raw.documents()) == []
    assert files(raw) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    request_body=st.binary(max_size=40),
    url=st.text(max_size=40),
    error=st.text(max_size=40),
    status=st.integers(0, 999),
)
def test_whatever_comes_is_kept_and_read_back(
    raw: RawStore, body: bytes, request_body: bytes, url: str, error: str, status: int
) -> None:
    answer = replace(
        ANSWER, body=body, request_body=request_body, url="http://host/" + url, error=error, status=status
    )
    document = raw.keep(answer, "run", "collection")
    assert raw.read(document.sha256) == body
    assert document in list(raw.documents())


# --- the index in the database ------------------------------------------------------------------------------


def test_the_index_finds_a_collections_documents_in_the_order_they_came(
    engine: Engine, raw: RawStore
) -> None:
    kept = [
        raw.keep(
            replace(ANSWER, body=str(n).encode(), fetched_at=AT - timedelta(hours=n)), "run", f"c{n % 2}"
        )
        for n in range(4)
    ]
    with writing(engine) as connection:
        for one in kept:
            index(connection, one)
        index(connection, kept[0])
    with reading(engine) as connection:
        assert indexed(connection, collection_id="c0") == [kept[2], kept[0]]
        assert indexed(connection, dataset_id=ANSWER.dataset_id) == kept[::-1]
        assert indexed(connection, collection_id="c9") == []


def test_the_index_can_be_made_again_from_the_sidecars(engine: Engine, raw: RawStore) -> None:
    kept = [raw.keep(replace(ANSWER, fetched_at=AT + timedelta(hours=n)), "run", "c") for n in range(5)]
    with writing(engine) as connection:
        index(connection, kept[0])
        index(connection, replace(kept[0], document_id="no such document"))
    assert rebuild_index(engine, raw) == 5
    with reading(engine) as connection:
        assert indexed(connection) == kept
        assert connection.execute(text("SELECT count(*) FROM document")).scalar_one() == 5
    assert rebuild_index(engine, raw) == 5


def test_an_index_that_cannot_be_made_again_stays_as_it_was(engine: Engine, raw: RawStore) -> None:
    kept = raw.keep(ANSWER, "run", "c")
    with writing(engine) as connection:
        index(connection, kept)
    next(raw.root.glob("documents/*/*/*/*.json")).write_text("broken")
    with pytest.raises(RawStoreError):
        rebuild_index(engine, raw)
    with reading(engine) as connection:
        assert indexed(connection) == [kept]


def test_sidecars_are_json_that_people_can_read(raw: RawStore) -> None:
    raw.keep(ANSWER, "run", "collection")
    plain = json.loads(next(raw.root.glob("documents/*/*/*/*.json")).read_text())
    assert plain["fetched_at"] == "2026-07-21T05:00:00.000001+00:00"
    assert plain["url"] == ANSWER.url
    assert not any("header" in name for name in plain)


def test_what_came_since_a_moment_is_found_without_looking_into_the_months_before(raw: RawStore) -> None:
    months = [
        datetime(year, month, 15, tzinfo=UTC) for year, month in ((2025, 11), (2026, 2), (2026, 7), (2027, 1))
    ]
    kept = [raw.keep(replace(ANSWER, fetched_at=one), "run", "c") for one in months]
    assert list(raw.documents()) == kept
    for number, since in enumerate(months):
        assert list(raw.documents(since=since)) == kept[number:]
        assert list(raw.documents(since=since + timedelta(seconds=1))) == kept[number + 1 :]
    # whatever lies in such a month is not opened, though its name would come later than the moment
    (raw.root / "documents" / "statfin" / "2026" / "02" / "99990101T000000.000000Z-data-0.json").write_text(
        "broken"
    )
    assert list(raw.documents(since=months[2])) == kept[2:]
