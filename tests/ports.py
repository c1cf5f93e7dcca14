"""Ports for servers that tests start."""

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """A port that nobody has, and that no outgoing connection of another test is given meanwhile."""
    while True:
        port = random.randint(20_000, 29_999)  # noqa: S311 - no secret
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
