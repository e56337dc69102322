"""Reads what may be cases out of files, remembering where each stood, so that a mistake can be found."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import CasesError

SUFFIXES = (".jsonl", ".yaml", ".yml")
MAX_BYTES = 64 * 1024 * 1024
"""Of one file: a larger one is not a file of cases."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in one place of a file; a mapping, but not yet known to be a case."""

    file: str
    line: int
    """1-based."""
    fields: dict[str, Any]

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.file}, line {self.line}"


def read_entries(path: Path, known: frozenset[str]) -> Iterator[Entry]:
    """The entries of a file, or of every ``.jsonl`` and ``.yaml`` file of a folder.

    Args:
        known: names of fields. In YAML, which is written by hand, another name is a slip and an error;
            lines of JSON come from tools that may keep more.

    Raises:
        CasesError: the file cannot be read, or an entry is not a mapping.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
        if not files:
            raise CasesError(f"The folder {path} holds no file of cases.", "It wants .yaml or .jsonl files.")
        for file in files:
            yield from read_entries(file, known)
        return
    text = _text(path)
    yield from _yaml(path.name, text, known) if path.suffix in {".yaml", ".yml"} else _jsonl(path.name, text)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CasesError(
                f"{path} has more than {MAX_BYTES // 1024**2} MB.", "Name the file of cases, not the data."
            )
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CasesError(
            f"The cases at {path} cannot be read: {error}",
            "Name a .jsonl or .yaml file, or a folder of such files.",
        ) from error


def _jsonl(name: str, text: str) -> Iterator[Entry]:
    # Not splitlines(): a question may hold any of the other line separators of Unicode.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CasesError(
                f"{name}, line {number} is not a case: it is not JSON ({error}).",
                'A line is {"id", "db", "question", "gold", "answerable"}.',
            ) from error
        if not isinstance(fields, dict):
            raise CasesError(
                f"{name}, line {number} is not a case: it is a {type(fields).__name__}, not an object.",
                'A line is {"id", "db", "question", "gold", "answerable"}.',
            )
        yield Entry(name, number, fields)


def _yaml(name: str, text: str, known: frozenset[str]) -> Iterator[Entry]:
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return
        if not isinstance(root, yaml.MappingNode):
            raise CasesError(f"{name} is not a mapping with `cases`.", "docs/evals.md shows such a file.")
        parts = {str(key.value): value for key, value in root.value}
        listed = parts.pop("cases", None)
        if not isinstance(listed, yaml.SequenceNode):
            raise CasesError(f"{name} has no list of `cases`.", "docs/evals.md shows such a file.")
        places = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
        defaults = {key: loader.construct_object(value, deep=True) for key, value in parts.items()}
        _refuse_unknown(name, places, frozenset(defaults) - known)
        for node in listed.value:
            line = node.start_mark.line + 1
            fields = loader.construct_object(node, deep=True)
            if not isinstance(fields, dict):
                raise CasesError(f"{name}, line {line} is not a case.", "Each of `cases` is a mapping.")
            lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
            _refuse_unknown(name, lines, frozenset(map(str, fields)) - known)
            yield Entry(name, line, {**defaults, **fields})
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        told = getattr(error, "problem", None) or "it cannot be read"
        raise CasesError(
            f"{place} is not YAML: {told}.",
            "Put text that holds ': ', ' #', or a final '?' in a list, in quotes.",
        ) from error
    finally:
        loader.dispose()


def _refuse_unknown(name: str, lines: dict[str, int], unknown: frozenset[str]) -> None:
    if unknown:
        first = min(unknown, key=lambda key: lines.get(key, 0))
        raise CasesError(
            f"{name}, line {lines.get(first, 1)}: a case has no field {first!r}.",
            "docs/evals.md lists the fields.",
        )
