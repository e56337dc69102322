from collections.abc import Callable
from pathlib import Path

import pytest

from evals.cases import load_cases, suite_digest
from evals.errors import CasesError

GOOD = {"id": "a", "db": "pets", "question": "How many?", "gold": "SELECT 1"}


def test_cases_are_read(write_cases: Callable[..., Path]) -> None:
    path = write_cases(
        GOOD, {"id": 2, "db": "pets", "question": "?", "gold": None, "answerable": False, "x": 1}
    )
    first, second = load_cases(path)
    assert (first.id, first.answerable, first.instructions) == ("a", True, "")
    assert (second.id, second.answerable, second.gold) == ("2", False, "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "holds no case"),
        ("{", "line 1 is not a case"),
        ('{"id": "a"}', "question"),
        ('{"id": "a", "db": "../etc", "question": "?", "gold": "SELECT 1"}', "letters"),
        ('{"id": "a", "db": "x", "question": "?"}', "answerable"),
        ('{"id": "a", "db": "x", "question": "?", "gold": "SELECT 1"}\n' * 2, "also on line 1"),
        ("[1]", "not a case"),
    ],
)
def test_what_is_not_a_case_is_named(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(lines)
    with pytest.raises(CasesError, match=said):
        load_cases(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match=r"none\.jsonl"):
        load_cases(tmp_path / "none.jsonl")


def test_the_order_of_cases_does_not_count(write_cases: Callable[..., Path]) -> None:
    cases = load_cases(write_cases(GOOD, GOOD | {"id": "b"}))
    assert suite_digest(cases) == suite_digest(cases[::-1])
    assert suite_digest(cases) != suite_digest(cases[:1])
