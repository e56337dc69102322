"""A policy file with the line of each of its keys, so that what is said of a rule can say where it stands."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.errors import SettingsError
from agent.policy_file import MAX_BYTES
from wire.policy import Policy, parse_policy

Key = tuple[str, ...]
"""The parts of a key from the top: ``("tables", "sales.customers", "deny_columns")``."""
MAX_VALUE_LINES = 400
"""Lines of one value. Below a longer one no line is told; the policy itself is read all the same."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A key of a policy that decides something, as a person finds it in the file."""

    key: str
    """``tables."sales.customers".deny_columns``; ``default`` where no rule names what is asked about."""
    line: int | None = None
    """From 1; None when the key is not written down, as with a default."""

    def __str__(self) -> str:
        return f"{self.key} (line {self.line})" if self.line else f"{self.key} (not written in the file)"


@dataclass(frozen=True)
class PolicySource:
    """A policy and where it says what."""

    policy: Policy
    lines: dict[Key, int] = field(default_factory=dict)

    def rule(self, *key: str, naming: str = "") -> Rule:
        """The rule of this key; ``naming`` is the member of its list that decides."""
        line = self.lines.get((*key, naming)) if naming else None
        text = ".".join(map(_shown, key))
        line = line or self.lines.get(key) or (self._above(key) if len(key) > 1 else None)
        return Rule(f'{text} "{naming}"' if naming else text, line)

    def _above(self, key: Key) -> int | None:
        """The line of the table in which the key would stand."""
        while len(key := key[:-1]) > 1:
            if key in self.lines:
                return self.lines[key]
        return None


def read_source(path: Path) -> PolicySource:
    """Read a policy file.

    Raises:
        SettingsError: it cannot be read.
        PolicyError: it is not a policy.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"The policy file {path} is larger than {MAX_BYTES:,} bytes.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"The policy file {path} cannot be read: {error.strerror}.", "Check its name and its rights."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"The policy file {path} is not UTF-8.", "Save it as UTF-8.") from error
    return PolicySource(parse_policy(text), dict(_lines(text)))


def _lines(text: str) -> Iterator[tuple[Key, int]]:
    """Each key of a valid TOML text with its line, those of arrays' and inline tables' members included.

    TOML's own parser tells no lines. So it is given the text piece by piece, from each place where a key may
    stand to the first line with which the piece is whole.
    """
    rows = text.splitlines()
    prefix: Key = ()
    counted: dict[Key, int] = {}
    place = 0
    while place < len(rows):
        start, end, said = _piece(rows, place)
        place = end
        if said is None:
            continue
        head = rows[start].strip()
        if head.startswith("["):
            prefix, leaf = _path(said)
            if isinstance(leaf, list):
                counted[prefix] = counted.get(prefix, 0) + 1
                prefix = (*prefix, str(counted[prefix]))
            yield prefix, start + 1
            continue
        key, value = _path(said)
        for length in range(1, len(key) + 1):
            yield (*prefix, *key[:length]), start + 1
        yield from _members((*prefix, *key), value, rows[start:end], start + 1)


def _piece(rows: list[str], start: int) -> tuple[int, int, dict[str, Any] | None]:
    """The lines from ``start`` that are whole together, and what they say; nothing for blanks, comments and
    what is too long."""
    for end in range(start + 1, min(start + MAX_VALUE_LINES, len(rows)) + 1):
        try:
            return start, end, tomllib.loads("\n".join(rows[start:end])) or None
        except tomllib.TOMLDecodeError:
            continue
    return start, start + 1, None


def _path(said: dict[str, Any]) -> tuple[Key, Any]:
    """The one key that a piece holds, as far down as it is alone, and its value.

    A piece ``a.b = {c = 1, d = 2}`` gives ``(a, b)``; so does ``[a.b]`` with an empty value.
    """
    key: list[str] = []
    value: Any = said
    while isinstance(value, dict) and len(value) == 1:
        [(part, value)] = value.items()
        key.append(part)
    return tuple(key), value


def _members(key: Key, value: Any, rows: list[str], first: int) -> Iterator[tuple[Key, int]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _found((*key, name), name, rows, first)
            yield from _members((*key, name), below, rows, first)
    elif isinstance(value, list):
        for member in value:
            if isinstance(member, str):
                yield from _found((*key, member), member, rows, first)


def _found(key: Key, word: str, rows: list[str], first: int) -> Iterator[tuple[Key, int]]:
    for number, row in enumerate(rows, first):
        if word in row:
            yield key, number
            return


def _shown(part: str) -> str:
    bare = bool(part) and all(char.isascii() and (char.isalnum() or char in "_-") for char in part)
    return part if bare else f'"{part}"'
