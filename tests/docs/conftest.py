"""A page of the docs as its tests read it: sections by heading, tables, and fenced blocks."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_HEADING = re.compile(r"^#{1,6} (.+)$")
_CODE = re.compile(r"`([^`]+)`")


@dataclass
class Section:
    """The text between one heading and the next, of whatever depth."""

    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def rows(self) -> list[list[str]]:
        """The cells of every table row, without head and rule."""
        tables = [line for line in self.lines if line.startswith("|")]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables]
        rule = [place for place, row in enumerate(rows) if set("".join(row)) <= set("-: ")]
        skip = {place for found in rule for place in (found - 1, found)}
        return [row for place, row in enumerate(rows) if place not in skip]

    def names(self) -> list[str]:
        """What stands in code marks in the first cell of each row."""
        return [name for row in self.rows() for name in _CODE.findall(row[0])]

    def fenced(self, language: str) -> list[str]:
        """The fenced blocks of a language."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text + "\n", re.MULTILINE | re.DOTALL)


@dataclass
class Page:
    """A Markdown file, read by heading. Headings are unique in a page, or this refuses it."""

    path: Path
    sections: dict[str, Section]

    def __getitem__(self, heading: str) -> Section:
        assert heading in self.sections, f"{self.path.name} has no heading {heading!r}"
        return self.sections[heading]

    def __contains__(self, heading: str) -> bool:
        return heading in self.sections


def read_page(path: Path) -> Page:
    sections = {"": Section()}
    here, fenced = sections[""], False
    for line in path.read_text().splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading:
            title = heading[1].strip("`")
            assert title not in sections, f"{path.name} has the heading {title!r} twice"
            here = sections[title] = Section()
        else:
            here.lines.append(line)
    return Page(path, sections)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def page() -> Callable[[str], Page]:
    """Read a page by its path in the repository."""
    return lambda path: read_page(ROOT / path)
