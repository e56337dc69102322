"""The decision records are numbered, whole and point at what exists; every dependency is accounted for."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DECISIONS = sorted((Path(__file__).parents[2] / "docs" / "decisions").glob("*.md"))
HEADINGS = ("Context", "Decision", "Consequences")


def test_numbers_have_no_gap_and_no_double() -> None:
    assert [path.name[:5] for path in DECISIONS] == [f"{n:04}-" for n in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_record_is_whole_and_one_page(path: Path, page: Callable[[str], Any], root: Path) -> None:
    record = page(str(path.relative_to(root)))
    headings = list(record.sections)
    assert headings[1].startswith(f"{path.name[:4]} · ")
    assert set(HEADINGS) <= set(headings)
    assert headings[-1].startswith("Alternatives")
    limit = 1_400 if path.name.startswith("0010") else 600
    assert len(path.read_text().split()) <= limit, (
        "a record is one page; what is longer belongs into the docs"
    )


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_record_points_at_files_that_exist(path: Path, root: Path) -> None:
    (where,) = re.findall(r"\*\*Where\*\* (.+)", path.read_text())
    for name in re.findall(r"`([\w-]+[./][\w./-]*)[^`]*`", where):
        assert (root / name).exists(), f"{path.name} points at {name}"


def test_every_dependency_has_its_line_and_no_line_is_left_over(
    page: Callable[[str], Any], root: Path
) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    listed = [
        *project["project"]["dependencies"],
        *(item for group in project["project"]["optional-dependencies"].values() for item in group),
        *project["build-system"]["requires"],
    ]
    names = {re.match(r"[\w-]+", item)[0].lower() for item in listed} - {"custard-sql"}  # type: ignore[index] # each begins with its name
    record = page("docs/decisions/0010-dependencies.md")
    told = [name for section in record.sections.values() for name in section.names()]
    assert sorted(told) == sorted(names)
    for section in record.sections.values():
        for row in section.rows():
            assert all(row), f"{row[0]} lacks a licence, a release, a state, a weight or a reason"


def test_the_agents_table_is_the_agents_extra(page: Callable[[str], Any], root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    agent = {re.split(r"[\[>]", item)[0] for item in project["optional-dependencies"]["agent"]}
    assert set(page("docs/decisions/0010-dependencies.md")["The agent"].names()) == agent
