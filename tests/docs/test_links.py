"""Every relative link leads somewhere, and every page can be reached from docs/README.md."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")], key=lambda path: str(path)
)
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^\]\n]*\]\(([^)\s]+)\)")


def prose(path: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """As code hosts make it: lower case, punctuation dropped, spaces to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path, page: Callable[[str], Any]) -> None:
    for link in [*_LINK.findall(prose(path)), *_IMAGE.findall(prose(path))]:
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, fragment = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{link} leads nowhere"
        if fragment and file.suffix == ".md":
            headings = {anchor(heading) for heading in page(str(file.relative_to(ROOT))).sections}
            assert fragment in headings, f"{link}: no such heading"


def test_every_page_can_be_reached() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(index))}
    lost = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "docs").rglob("*.md")
        if path != index and path not in reached and path.parent not in reached
    }
    assert not lost, f"docs/README.md does not lead to {', '.join(sorted(lost))}"
