"""What differs: between two queries word by word, and between two results row by row."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import sqlglot
from sqlglot.errors import SqlglotError

from evals.record import Sample

Side = Literal["both", "accepted", "predicted"]

_WORDS = re.compile(r"\s+|'(?:[^']|'')*'|\"[^\"]*\"|[\w.]+|[^\w\s]")
_MAX_WORDS = 3000
"""Beyond which a comparison takes long and says little."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text that both queries have, or only one."""

    side: Side
    text: str


def sql_diff(accepted: str, predicted: str) -> list[Part]:
    """The two queries laid over one another, each put in the same shape first.

    Layout and letter case of keywords are not differences; names and order are.
    """
    left, right = _WORDS.findall(pretty(accepted)), _WORDS.findall(pretty(predicted))
    if len(left) + len(right) > _MAX_WORDS:
        return [Part("accepted", "".join(left)), Part("predicted", "".join(right))]
    parts: list[Part] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(Part("both", "".join(left[i1:i2])))
            continue
        if i2 > i1:
            parts.append(Part("accepted", "".join(left[i1:i2])))
        if j2 > j1:
            parts.append(Part("predicted", "".join(right[j1:j2])))
    return parts


def pretty(sql: str) -> str:
    """The query over several lines, as sqlglot writes it; as it is where that cannot read it."""
    try:
        return sqlglot.parse_one(sql, read="postgres").sql(dialect="postgres", pretty=True)
    except SqlglotError:
        return sql.strip()


def shared_rows(accepted: Sample, predicted: Sample) -> tuple[list[bool], list[bool]]:
    """For each row shown on either side, whether the other side shows its values as well, in any order."""
    counted = [Counter(map(_values, one.rows)) for one in (accepted, predicted)]
    common = counted[0] & counted[1]
    marks: list[list[bool]] = []
    for one in (accepted, predicted):
        left = common.copy()
        marks.append([])
        for row in one.rows:
            key = _values(row)
            marks[-1].append(left[key] > 0)
            left[key] -= left[key] > 0
    return marks[0], marks[1]


def _values(row: list[str]) -> frozenset[str]:
    return frozenset(map(_plain, row))


def _plain(value: str) -> str:
    try:
        return f"{float(value):.6g}"
    except ValueError:
        return value
