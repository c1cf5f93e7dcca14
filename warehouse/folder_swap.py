"""A folder of files that is replaced as a whole: made beside the old one, it takes its place in one step.

A build that dies leaves the old folder as it was; what it left half made is removed by the next one.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of renameat2(2)


def new_draft(folder: Path) -> Path:
    """An empty folder beside `folder`, to be filled and then to take its place. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder)
    draft = _beside(folder, "new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    return draft


def recover(folder: Path) -> None:
    """Puts back the old folder where a build died between two renames, and removes what a later death left."""
    old = _beside(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def take_place(folder: Path, draft: Path, is_own: Callable[[str], bool]) -> None:
    """The draft takes the folder's place, with what in the folder is not the builder's own. Raises OSError.

    `is_own` says of a name at the top of the folder whether the builder wrote it.
    """
    if not folder.exists():
        draft.rename(folder)
        return
    for entry in sorted(folder.iterdir()):
        if is_own(entry.name):
            continue
        target = draft / entry.name
        if entry.is_dir():
            shutil.copytree(entry, target, copy_function=os.link)
        else:
            os.link(entry, target)
    if exchange(folder, draft):
        shutil.rmtree(draft)
        return
    old = _beside(folder, "old")
    folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old)


def exchange(one: Path, other: Path) -> bool:
    """Lets two folders change places in one step; False where the system has no such step (not Linux, some disks)."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return bool(rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)


def _beside(folder: Path, name: str) -> Path:
    return folder.with_name(f".{folder.name}.{name}")
