"""A folder that is replaced as a whole: it is there, and whole, at every moment."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse import folder_swap
from warehouse.folder_swap import new_draft, take_place

Own = Callable[[str], bool]


def build(folder: Path, text: str, is_own: Own = lambda _: True) -> None:
    draft = new_draft(folder)
    for name in ("a", "b"):
        (draft / name).write_text(text)
    take_place(folder, draft, is_own)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_new_folder_stands_alone_where_the_old_one_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(folder_swap, "exchange", lambda one, other: False)
    for text in ("1", "2"):
        build(tmp_path / "x", text)
        assert [(tmp_path / "x" / name).read_text() for name in ("a", "b")] == [text, text]
        assert names(tmp_path) == ["x"]


def test_what_others_put_there_is_carried_over(tmp_path: Path) -> None:
    build(tmp_path / "x", "1")
    (tmp_path / "x" / "deep").mkdir()
    (tmp_path / "x" / "deep" / "c").write_text("mine")
    (tmp_path / "x" / "d").write_text("mine")
    build(tmp_path / "x", "2", lambda name: name in ("a", "b"))
    assert (tmp_path / "x" / "deep" / "c").read_text() == (tmp_path / "x" / "d").read_text() == "mine"
    assert (tmp_path / "x" / "a").read_text() == "2"


def test_a_death_between_two_renames_is_made_good_and_one_after_them_is_cleared(tmp_path: Path) -> None:
    build(tmp_path / "x", "1")
    (tmp_path / "x").rename(tmp_path / ".x.old")
    new_draft(tmp_path / "x")
    assert (tmp_path / "x" / "a").read_text() == "1"
    (tmp_path / ".x.old").mkdir()
    new_draft(tmp_path / "x")
    assert names(tmp_path) == [".x.new", "x"]


def test_a_reader_finds_the_folder_at_every_moment(tmp_path: Path) -> None:
    build(tmp_path / "x", "1")
    if not folder_swap.exchange(tmp_path / "x", new_draft(tmp_path / "x")):
        pytest.skip("this system cannot exchange two folders in one step")
    build(tmp_path / "x", "1")
    ended = threading.Event()
    missed: list[str] = []

    def look() -> None:
        while not ended.is_set():
            if not (tmp_path / "x" / "a").exists():
                missed.append("a")

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(200):
        build(tmp_path / "x", str(number))
    ended.set()
    reader.join()
    assert missed == []
