"""The declaration of the fault matrix: whole, true to the tests that are there, and what docs/reliability.md says."""

from __future__ import annotations

import re

import pytest

from tests.faults import matrix
from tests.faults.hostile import WRONG
from tests.faults.matrix import Never, Shown


def test_no_step_and_fault_is_left_out_and_each_that_cannot_be_has_its_reason() -> None:
    every = matrix.pairs()
    assert set(every) == {(step, fault) for step in matrix.STEPS for fault in matrix.FAULTS}
    assert len(matrix.STEPS) == 13
    assert len(matrix.FAULTS) == 32
    for pair in every.values():
        if isinstance(pair, Never):
            assert len(pair.reason.split()) > 4
        else:
            assert pair.promise
            assert pair.tests


@pytest.mark.parametrize(
    "named",
    sorted(
        {
            one
            for pair in matrix.pairs().values()
            if isinstance(pair, Shown)
            for one in pair.tests
            if "/test_matrix_" not in one
        }
    ),
)
def test_each_test_that_is_named_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    function, _, case = name.partition("[")
    source = (matrix.ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^ *(async )?def {re.escape(function)}\(", source, re.MULTILINE), named
    assert not case or f'"{case.removesuffix("]")}"' in source, named


def test_each_case_that_the_matrix_runs_itself_is_named_by_its_pair_and_the_other_way_round() -> None:
    runs = {
        *(f"{matrix.ANSWERS}[{one.id}]" for one in matrix.answers(matrix.ANSWERED)),  # type: ignore[attr-defined]
        *(f"{matrix.UNREACHED}[{one.id}]" for one in matrix.answers(matrix.NOT_REACHED)),  # type: ignore[attr-defined]
        *(f"{matrix.MACHINE}[{one.id}]" for one in matrix.machine("sqlite")),  # type: ignore[attr-defined]
        *(f"{matrix.DATABASE}[{one.id}]" for one in matrix.machine("postgresql")),  # type: ignore[attr-defined]
    }
    named = {
        one
        for pair in matrix.pairs().values()
        if isinstance(pair, Shown)
        for one in pair.tests
        if "/test_matrix_" in one
    }
    assert named - runs == set(), "named and not run"
    assert runs - named == set(), "run and not named"
    assert set(matrix.ANSWERED) == set(WRONG)


def test_the_page_is_the_one_that_the_declaration_makes() -> None:
    assert matrix.PAGE.read_text(encoding="utf-8") == matrix.page(), (
        "make it anew: .venv/bin/python -m tests.faults.matrix"
    )
