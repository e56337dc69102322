"""The glossary is in order and leads into code that exists; the code's own words are all explained."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from graph import record
from graph.events import RunEvent
from wire import messages
from wire.outcome import FailureCode


def types(union: Any) -> list[str]:
    return [member.model_fields["type"].default for member in get_args(get_args(union)[0])]


VOCABULARY = {
    "step": get_args(record.Step),
    "status": get_args(record.RunStatus),
    "origin": get_args(record.Origin),
    "event": types(RunEvent),
    "message": [*types(messages.FromAgent), *types(messages.FromBackend)],
    "failure": get_args(FailureCode),
    "refusal": get_args(record.Refusal.model_fields["reason"].annotation),
}


@pytest.fixture(scope="module")
def rows(page: Callable[[str], Any]) -> list[list[str]]:
    return page("docs/glossary.md")["Glossary"].rows()  # type: ignore[no-any-return]


def test_words_are_bold_unique_and_in_order(rows: list[list[str]]) -> None:
    words = [row[0] for row in rows]
    assert all(re.fullmatch(r"\*\*[a-z ]+\*\*", word) for word in words), words
    assert words == sorted(set(words), key=lambda word: word.strip("*"))


def test_every_explanation_is_whole(rows: list[list[str]]) -> None:
    for word, meaning, _ in rows:
        assert meaning.endswith("."), f"{word} has no sentence"


def test_every_name_leads_into_the_code(rows: list[list[str]]) -> None:
    for word, _, names in rows:
        for name in re.findall(r"`([\w.]+)`", names):
            assert resolve(name) is not None, f"{word} leads to {name}, which does not exist"


def resolve(name: str) -> object | None:
    """The module, or the attribute of one, that a dotted name leads to."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute, None)
        return found  # type: ignore[no-any-return]
    return None


@pytest.mark.parametrize("kind", VOCABULARY)
def test_the_codes_own_words_are_explained(kind: str, root: Path) -> None:
    pages = "".join((root / "docs" / name).read_text() for name in ("events.md", "run.md", "wire.md"))
    for word in VOCABULARY[kind]:
        rowed = re.search(rf"^\| (?:`[\w-]+`, )*`{word}`[^|]*\|", pages, re.MULTILINE)
        headed = re.search(rf"^#+ {word}$", pages, re.MULTILINE)
        inline = re.search(rf"`{word}`: ", pages)
        assert rowed or headed or inline, f"the {kind} {word} is explained nowhere"
