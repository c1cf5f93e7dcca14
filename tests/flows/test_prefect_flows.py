"""What the ledger says of a dataset whose task ended without a row."""

import pytest

from flows.prefect_flows import unexpected
from models.errors import SourceError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SourceError("the source is away; run again"), "the source is away; run again"),
        (ValueError("no\n  number"), "unexpected ValueError: no number; the task's log has the traceback"),
        (
            MemoryError(),
            "unexpected MemoryError: the machine had no memory left for it; end other programs or give it more, and "
            "run again; the task's log has the traceback",
        ),
        (KeyError(), "unexpected KeyError: it says no more; the task's log has the traceback"),
        (
            OSError(" \n "),
            "unexpected OSError: it says no more; the task's log has the traceback",
        ),
    ],
)
def test_an_error_nobody_thought_of_is_one_line_that_says_something(error: Exception, said: str) -> None:
    assert unexpected(error) == said


def test_a_long_text_is_cut() -> None:
    assert len(unexpected(RuntimeError("x" * 10_000))) < 400
