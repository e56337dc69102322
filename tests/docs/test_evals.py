"""docs/evals.md tells every field of a case and every command, and its example is one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.cases import Case, load_cases
from evals.commands import app
from evals.gold import accepted_queries
from evals.prices import read_price


@pytest.fixture(scope="module")
def evals_page(page: Callable[[str], Any]) -> Any:
    return page("docs/evals.md")


def test_every_field_of_a_case_is_told(evals_page: Any) -> None:
    assert set(evals_page["Cases"].names()) == set(Case.model_fields)


def test_the_example_is_read(evals_page: Any, tmp_path: Path) -> None:
    (example,) = evals_page["Cases"].fenced("yaml")
    path = tmp_path / "cases.yaml"
    path.write_text(example)
    first, second, third = load_cases(path)
    assert (first.db, first.accept, first.paraphrases) == (
        "billing",
        ["rounded"],
        ["What is the overdue amount?"],
    )
    assert len(accepted_queries(second.gold)) == 3
    assert not third.answerable


def test_the_prices_are_read(evals_page: Any, tmp_path: Path) -> None:
    (example,) = evals_page["Figures"].fenced("toml")
    path = tmp_path / "prices.toml"
    path.write_text(example)
    assert read_price(path, "gpt-4o-mini") is not None


def test_every_command_is_told(evals_page: Any) -> None:
    whole = evals_page.path.read_text()
    names = [
        command.name or str(command.callback.__name__)
        for command in app.registered_commands
        if command.callback
    ]
    assert len(names) >= 8
    assert [name for name in names if f"custard eval {name}" not in whole] == []
