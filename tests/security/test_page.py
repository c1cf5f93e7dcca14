"""The page on security names a test for every attack, and each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ATTACKS = (
    "SSRF",
    "XSS",
    "CSV and workbook formula",
    "Zip and gzip bomb",
    "Path traversal",
    "SQL",
    "YAML tags",
    "Formula escape",
    "Log injection",
    "Secrets",
    "Supply chain",
)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        one.name
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    }


def test_every_test_that_the_page_names_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 40
    missing = [f"{file}::{name}" for file, name in named if name not in names_in(ROOT / file)]
    assert missing == []
    assert len(re.findall(r"::test_", PAGE)) == len(named), "none is named in another way"


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_has_its_section_with_tests(attack: str) -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    (section,) = (one for one in sections if one.startswith(attack))
    assert NAMED.search(section)


def test_every_test_of_this_folder_is_named_or_belongs_to_a_file_that_is() -> None:
    files = {f"tests/security/{one.name}" for one in Path(__file__).parent.glob("test_*.py")}
    assert files - {file for file, _ in NAMED.findall(PAGE)} == {"tests/security/test_page.py"}
