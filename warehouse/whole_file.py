"""Files that are there whole or not at all: written beside their place, put safely on disk, then moved there."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

OWNER_ALONE, EVERYBODY = 0o600, 0o666  # the latter less what the umask takes away


def unfinished(path: Path) -> Path:
    """A name beside `path` for what is being made; unlike every other, hidden, and known by its ending."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def leftovers(path: Path) -> list[Path]:
    """What of `path` was being made when its maker was killed; or is being made just now."""
    made = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.tmp")
    return [one for one in path.parent.glob(".*.tmp") if made.fullmatch(one.name)]


def write_unfinished(path: Path, content: bytes, *, mode: int = OWNER_ALONE) -> Path:
    """A file beside `path` with `content`, safely on disk; nothing is left where that fails. Raises OSError."""
    made = unfinished(path)
    try:
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made


def write_whole(path: Path, content: bytes, *, mode: int = OWNER_ALONE) -> Path:
    """Writes `path`, in place of what was there, which stays if anything fails. Raises OSError."""
    made = write_unfinished(path, content, mode=mode)
    try:
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return path


def write_new(path: Path, content: bytes) -> bool:
    """Writes a new file for its owner's eyes only; False, and nothing written, where there is one. Raises OSError."""
    made = write_unfinished(path, content)
    try:
        os.link(made, path)  # unlike a rename it refuses to replace
    except FileExistsError:
        return False
    finally:
        made.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Puts a folder's entries safely on disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
