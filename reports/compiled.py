"""Templates compiled once a process: every build makes its own environment, and compiling was half of a build."""

from __future__ import annotations

from types import CodeType

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class Compiled(BytecodeCache):
    """The code of the templates of one kind of environment (same options), by their text; as many as there are files.

    What a template is filled with stays the environment's own.
    """

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the bucket its code where it was compiled before."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code of the bucket."""
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code
