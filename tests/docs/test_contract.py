"""Every clause of the contract names tests that there are."""

import re
from pathlib import Path

import pytest

_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs" / "contract.md").read_text(encoding="utf-8")


def test_every_clause_is_held_by_tests(text: str) -> None:
    clauses = [part for part in text.split("\n\n") if part.startswith("**")]
    assert len(clauses) >= 15
    for clause in clauses:
        _, _, held = clause.partition("\nHeld by ")
        assert _NAMED.search(held), clause


def test_the_tests_are_there(text: str, root: Path) -> None:
    missing = [
        f"{path}::{name}"
        for path, name in _NAMED.findall(text)
        if not re.search(
            rf"^(?:async )?def {name}\(", (root / path).read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert not missing
