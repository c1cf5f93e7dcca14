"""The home folder: a mark of its format, and what beneath it is for its owner's eyes only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from models.errors import ConfigurationError
from warehouse.whole_file import write_new

FORMAT = 1  # raised by a version whose home an older program would misread
MARK = "home-format"  # homes from before the mark are of format 1 too
PRIVATE = (
    "raw",
    "forms",
    "logs",
    "prefect",
)  # answers of people, lines of logs, the server's database and password


def open_home(home: Path) -> None:
    """Makes `home` where it is missing, or looks whether this program may use it; marks it with its format.

    Whatever the umask, a new one is its owner's alone, and so are the folders PRIVATE of one that is there. How open
    it is itself is left to whoever made it: a web server may have to reach the report. Raises ConfigurationError, one
    line, where it cannot be made, or is of a newer program.
    """
    if not home.is_dir():
        private_folder(home)
    if not check_home(home):
        # Where nobody may write, or nothing more fits, it is as one from before the mark; the next opening marks it.
        with suppress(OSError):
            write_new(home / MARK, f"{FORMAT}\n".encode())
    for name in PRIVATE:
        if (home / name).is_dir():
            private_folder(home / name)


def check_home(home: Path) -> bool:
    """Whether `home` is marked, and of a format that this program knows. Raises ConfigurationError, one line."""
    path = home / MARK
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read; restore it, it holds the number {FORMAT}"
        ) from error
    if not (text.isdecimal() and int(text[:9]) >= 1):
        raise ConfigurationError(
            f"{path} holds no format of a home; restore it, it holds the number {FORMAT}"
        )
    if int(text[:9]) > FORMAT:
        raise ConfigurationError(
            f"the home folder {home} was made by a newer mittaristo (format {text[:9]}, this program knows up to "
            f"{FORMAT}); update the program or choose another MITTARISTO_HOME"
        )
    return True


def private_folder(folder: Path) -> None:
    """Makes `folder`, if need be, and closes it to everybody but its owner. Raises ConfigurationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o777 != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"MITTARISTO_HOME: cannot make the folder {folder} ({error.strerror}); choose another"
        ) from error
