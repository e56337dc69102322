"""What a clause of the notes stands for in one table: a value, a yes or no, a moment or a number to test."""

import re
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import Names, Source, identifier, known_values
from graph.context.outcomes import said_forms
from graph.context.words import STOP_WORDS, fold, listed, name_words, stem, words
from wire.snapshot import Column

_LETTERS = 4
"""Letters that a value or a flag needs to be told by."""
_ASIDES = listed("is was has had been be flag are were yn ind at on date dt day time ts the")
_HAS_NONE = (
    r"(?:without|with\s+no|(?:that|which|who)?\s*(?:have|has|had)\s+no|or\s+no|lacks?|lacking)\s+(?:an?\s+)?"
)
_FILLED = (
    r"\s+(?:is|are|was|has\s+been)\s+"
    r"(?:filled(?:\s+in)?|set|given|known|not\s+(?:null|empty)|recorded|present)\b"
)
_EMPTY = (
    r"\s+(?:is|are|was)\s+"
    r"(?:null|empty|missing|blank|unset|unknown|not\s+(?:set|filled|given|known|recorded))\b"
)
_NUMBER = r"(?P<number>\d+(?:[.,]\d+)?)"
_UP = r"(?:more|higher|above|over|longer|later|greater|older|larger|up|upwards)\b"
_DOWN = r"(?:less|fewer|lower|below|shorter|under|smaller|younger)\b"
_MORE = r"(?:more|greater|higher|longer|larger|bigger|heavier|older)\s+than"
_LESS = r"(?:less|fewer|lower|shorter|smaller|lighter|younger)\s+than"
_BOUNDS: tuple[tuple[type[exp.Binary], str], ...] = (
    (exp.GTE, rf"{_NUMBER}(?:\s*(?:%|[a-z]+))?\s+(?:or|and)\s+{_UP}"),
    (exp.LTE, rf"{_NUMBER}(?:\s*(?:%|[a-z]+))?\s+(?:or|and)\s+{_DOWN}"),
    (exp.GTE, rf"\b(?:at\s+least|no(?:t)?\s+(?:less|fewer)\s+than)\s+{_NUMBER}"),
    (exp.LTE, rf"\b(?:at\s+most|no(?:t)?\s+more\s+than|up\s+to)\s+{_NUMBER}"),
    (exp.GT, rf"\b(?:{_MORE}|over|above|exceed\w*)\s+{_NUMBER}"),
    (exp.LT, rf"\b(?:{_LESS}|under|below)\s+{_NUMBER}"),
)
_QUOTED = re.compile(r"['\"“‘]([^'\"”’]{1,40})['\"”’]")


@dataclass(frozen=True, slots=True)
class Test:
    """A test of one column."""

    kind: Literal["value", "flag", "moment", "known", "unknown", "bound"]
    """``moment``: it has happened; ``known``: there is something."""
    column: str
    nullable: bool = True
    values: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    """The words of it in the notes, as patterns."""
    bound: type[exp.Binary] = exp.GT

    def condition(self, alias: str, *, out: bool) -> exp.Expr:
        """The test as a condition; of rows that do not pass it with ``out``."""
        column = exp.column(identifier(self.column), table=alias or None)
        null = exp.Is(this=column, expression=exp.Null())
        match self.kind:
            case "value":
                literals = [exp.Literal.string(value) for value in self.values]
                if len(literals) > 1:
                    listed = exp.In(this=column, expressions=literals)
                    return exp.Not(this=listed) if out else listed
                if not out:
                    return exp.EQ(this=column, expression=literals[0])
                different = exp.NullSafeNEQ if self.nullable else exp.NEQ
                return different(this=column, expression=literals[0])
            case "flag":
                true = exp.Is(this=column, expression=exp.true()) if self.nullable and out else column
                return exp.Not(this=true) if out else column
            case "moment":
                return null if out else exp.Not(this=null)
            case "bound":
                # Of what has none the rest has some: *more than nothing* either way.
                return self.bound(this=column, expression=exp.Literal.number(self.values[0]))
            case _:
                return exp.Not(this=null) if (self.kind == "known") != out else null


def states(said: str, source: Source, names: Names, *, anyones: bool = False) -> list[Test]:
    """What is said of a table's things: "cancelled orders", "orders that were paid", "orders without a date".

    Args:
        said: by the notes, folded.
        source: whose columns are looked through.
        names: of the query.
        anyones: look also where the clause has another word for the things.
    """
    if source.table is None or not (anyones or speaks_of(said, source, names)):
        return []
    found: list[Test] = []
    for column in source.table.columns:
        own = [word for word in name_words(column.name) if word not in _ASIDES]
        kind = kind_of_type(column.type)
        if (lack := _lack(said, column)) is not None:
            found.append(lack)
            continue
        # A value that is known is one, whatever others there are beside.
        meant = [value for value in known_values(column)[0] if _is_told(value) and _has(value, said)]
        if meant:
            forms = tuple(said_forms(value, said) for value in meant)
            found.append(Test("value", column.name, column.nullable, tuple(meant), forms))
        elif kind == "boolean" and _is_flagged(own, said):
            forms = (r"\s+".join(said_forms(word, said) for word in own),)
            found.append(Test("flag", column.name, column.nullable, said=forms))
        elif kind in MOMENTS and column.nullable and len(own) == 1 and _has(own[0], said):
            found.append(Test("moment", column.name, said=(said_forms(own[0], said),)))
    # A status and a moment of one deed say the same: the status is enough.
    exact = [test for test in found if test.kind == "value"]
    return exact[:1] if exact else [test for test in found if test.kind != "value"]


def defined(said: str, source: Source, names: Names) -> list[Test]:
    """What a word is explained by: columns filled or empty, held against numbers, or quoted values."""
    if source.table is None:
        return []
    found: list[Test] = []
    for part in re.split(r"\s+and\s+(?!(?:more|up|over|above|less|below)\b)", said):
        found += _defined(part, source, names)
    return found


def _defined(part: str, source: Source, names: Names) -> list[Test]:
    assert source.table is not None
    for column in source.table.columns:
        called = _called(column)
        if re.search(rf"\b{called}{_FILLED}", part):
            return [Test("known", column.name)]
        if re.search(rf"\b{called}{_EMPTY}", part) or re.search(rf"{_HAS_NONE}{called}\b", part):
            return [Test("unknown", column.name)]
    quoted = tuple(_QUOTED.findall(part))
    if quoted:
        holders = []
        for column in source.table.columns:
            values = {fold(value): value for value in known_values(column)[0]}
            if all(fold(text) in values for text in quoted) and re.search(rf"\b{_called(column)}\b", part):
                meant = tuple(values[fold(text)] for text in quoted)
                holders.append(Test("value", column.name, values=meant))
        return holders if len(holders) == 1 and not re.search(r"\bnot\b", part) else []
    for bound, pattern in _BOUNDS:
        if (match := re.search(pattern, part)) is not None:
            column_name = _measured(part, source, names)
            if column_name is None:
                return []
            return [Test("bound", column_name, values=(match["number"].replace(",", ""),), bound=bound)]
    return []


def _measured(part: str, source: Source, names: Names) -> str | None:
    """The one column of numbers all of whose words are said."""
    assert source.table is not None
    stems = {stem(word) for word in words(part)} | {stem(word) for word in words(part.replace("_", " "))}
    found = []
    for column in source.table.columns:
        if kind_of_type(column.type) not in {"integer", "number"}:
            continue
        own = {stem(word) for word in name_words(column.name)} - {"id"}
        if own and own <= stems:
            found.append((len(own), column.name))
    best = [name for length, name in found if length == max(found)[0]]
    return best[0] if len(best) == 1 else None


def _called(column: Column) -> str:
    """The column as notes call it: by its name or by the name's words."""
    spelt = r"[\s_]+".join(map(re.escape, name_words(column.name)))
    return rf"(?:{re.escape(column.name.lower())}|{spelt})"


def _lack(said: str, column: Column) -> Test | None:
    """The test of what things lack by the clause, be it a number that is zero."""
    match = re.search(rf"{_HAS_NONE}{_called(column)}\b(?P<zero>\s*\(?(?:0|zero)\b)?", said)
    if match is None:
        return None
    lack = re.escape(match[0].strip())
    if match["zero"]:
        return Test("bound", column.name, values=("0",), said=(lack,))
    return Test("unknown", column.name, said=(lack,)) if column.nullable else None


def _is_flagged(own: list[str], said: str) -> bool:
    return bool(own) and max(map(len, own)) >= _LETTERS and all(_has(word, said) for word in own)


def speaks_of(said: str, source: Source, names: Names) -> bool:
    """Whether the clause has the table's noun, or its name."""
    assert source.table is not None
    called = names.joins.short.table_words(source.table)
    spoken = {stem(word) for word in words(said)}
    whole = {stem(word) for word in called}
    if source.table.name.lower() in said or (whole and whole <= spoken):
        return True
    heads = [
        other
        for other in names.snapshot.listed
        if (its := names.joins.short.table_words(other)) and called and stem(its[-1]) == stem(called[-1])
    ]
    return bool(called) and stem(called[-1]) in spoken and len(heads) == 1


def _is_told(value: str) -> bool:
    return sum(map(str.isalpha, value)) >= _LETTERS and not set(words(value)) <= STOP_WORDS


def _has(value: str, said: str) -> bool:
    return bool(re.search(rf"\b{said_forms(value, said)}\b", said))
