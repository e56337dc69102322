"""Judges a predicted query by what it returns, beside what the case's accepted queries return.

Where an accepted query cuts its order with LIMIT and rows tie at the cut, PostgreSQL may keep any of the
tied rows; every such choice is accepted, and so is keeping them all.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

import psycopg
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from evals.cases import Leniency
from evals.errors import GoldError
from evals.gold import accepted_queries
from evals.results import Match, ResultSet, compare

MAX_ROWS = 50_000
"""Rows of a result that are read for comparison."""

_MAX_CUT = 50
"""LIMIT up to which ties at the cut are looked at; each costs up to this many small queries."""

Execute = Callable[[str], ResultSet]
"""Runs one query. Raises ``psycopg.Error`` when the server refuses it."""


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one prediction."""

    match: Match
    valid: bool
    """The server ran it."""
    error: str = ""
    accepted: str = ""
    """The accepted query that it agrees with; without a match, the first one."""
    gold: ResultSet | None = field(default=None, repr=False)
    """What that query returned."""
    predicted: ResultSet | None = field(default=None, repr=False)


@dataclass
class Scorer:
    """Scores predictions on one database; results of accepted queries are kept."""

    execute: Execute
    _kept: dict[str, ResultSet | psycopg.Error] = field(default_factory=dict)

    def score(self, gold: str, predicted: str, accept: Iterable[Leniency] = ()) -> Score:
        """Compare with every accepted query; an exact match wins over a subset.

        Args:
            accept: other ways of giving the same numbers that are right as well.

        Raises:
            GoldError: none of the accepted queries runs on this database.
        """
        queries = accepted_queries(gold)
        results = [(query, result) for query in queries if (result := self._gold(query)) is not None]
        if not results:
            reason = self._kept[queries[0]]
            raise GoldError(f"No accepted query runs: {reason}", "Mend the gold, or the database's script.")
        first_query, first = results[0]
        try:
            given = self.execute(predicted)
        except psycopg.Error as error:
            return Score("none", False, _first_line(error), first_query, first)
        best = Score("none", True, "", first_query, first, given)
        allowed = frozenset(accept)
        for query, result in results:
            match = self._match(query, result, given, allowed)
            if match == "exact" or (match == "subset" and best.match == "none"):
                best = Score(match, True, "", query, result, given)
            if match == "exact":
                break
        return best

    def run(self, query: str) -> ResultSet:
        """What an accepted query returns, from what is kept when it has run before.

        Raises:
            GoldError: the server refuses it.
        """
        result = self._gold(query)
        if result is None:
            raise GoldError(f"An accepted query fails: {self._kept[query]}", "Mend the gold.")
        return result

    def _match(self, query: str, result: ResultSet, given: ResultSet, accept: frozenset[Leniency]) -> Match:
        found: Match = "none"
        for told in told_otherwise(result, accept):
            match = compare(told, given)
            if match == "exact":
                return match
            found = found if match == "none" else match
        return found if found != "none" else self._match_at_tie(query, result, given)

    def _gold(self, query: str) -> ResultSet | None:
        if query not in self._kept:
            try:
                self._kept[query] = self.execute(query)
            except psycopg.Error as error:
                self._kept[query] = error
        kept = self._kept[query]
        return kept if isinstance(kept, ResultSet) else None

    def _match_at_tie(self, query: str, result: ResultSet, given: ResultSet) -> Match:
        cut = _cut(query)
        if cut is None or not given.rows or len(result.rows) != cut[1]:
            return "none"
        statement, limit = cut
        everything = self._gold(_with_ties(statement, limit))
        if everything is None or len(everything.rows) <= limit:
            return "none"
        certain = self._certain(statement, limit)
        for kept in _choices(certain, everything, given, limit):
            match = compare(kept, given)
            if match != "none":
                return match
        return "none"

    def _certain(self, statement: exp.Query, limit: int) -> int:
        """How many rows stand before the tied ones, whichever of those are kept."""
        for smaller in range(limit - 1, 0, -1):
            rows = self._gold(_with_ties(statement, smaller))
            if rows is not None and len(rows.rows) == smaller:
                return smaller
        return 0


def told_otherwise(result: ResultSet, accept: frozenset[Leniency]) -> Iterator[ResultSet]:
    """The result, then the same one as it may also be told: as a share or in percent, rounded."""
    scales = (Decimal(1), _other_scale(result)) if "percent" in accept else (Decimal(1),)
    for scale in scales:
        scaled = result if scale == 1 else _map_last(result, scale)
        if scaled is None:
            continue
        yield scaled
        if "rounded" in accept:
            seen = {scaled.rows}
            for digits in (4, 3, 2, 1):
                rows = tuple(tuple(_round(value, digits) for value in row) for row in scaled.rows)
                if rows not in seen:
                    seen.add(rows)
                    yield ResultSet(scaled.columns, rows)


def _other_scale(result: ResultSet) -> Decimal:
    """What makes percentages of shares; of what is beyond 1 and so is in percent already, shares."""
    last = [row[-1] for row in result.rows if row]
    beyond = any(isinstance(value, float | Decimal) and not -1 <= value <= 1 for value in last)
    return Decimal("0.01") if beyond else Decimal(100)


def _map_last(result: ResultSet, scale: Decimal) -> ResultSet | None:
    """The result with its last column multiplied; None where that is not a column of numbers."""
    last = [row[-1] for row in result.rows if row]
    if not all(value is None or isinstance(value, float | Decimal) for value in last):
        return None
    return ResultSet(
        result.columns, tuple((*row[:-1], _scaled(row[-1], scale)) for row in result.rows if row)
    )


def _scaled(value: object, scale: Decimal) -> object:
    if isinstance(value, float):
        return value * float(scale)
    return value * scale if isinstance(value, Decimal) else value


def _round(value: object, digits: int) -> object:
    if isinstance(value, float) and math.isfinite(value):
        return round(value, digits)
    if isinstance(value, Decimal) and value.is_finite():
        # As PostgreSQL rounds numerics: half away from zero.
        return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) if abs(value) < 10**20 else value
    return value


def _choices(certain: int, everything: ResultSet, given: ResultSet, limit: int) -> list[ResultSet]:
    """Results that the accepted query may just as well have given: all ties kept, or those the asker got."""
    columns = everything.columns
    choices = [everything]
    if len(given.rows) == limit:
        # Which of the tied rows were kept is read off the prediction, column by column and value by value.
        seen = {value for row in given.rows for value in map(repr, row)}
        tied = [row for row in everything.rows[certain:] if all(repr(value) in seen for value in row)]
        for start in range(max(1, len(tied) - (limit - certain) + 1)):
            kept = everything.rows[:certain] + tuple(tied[start : start + limit - certain])
            choices.append(ResultSet(columns, kept))
    return choices


def _cut(query: str) -> tuple[exp.Query, int] | None:
    """The query and its LIMIT, when it orders its rows and then cuts them."""
    try:
        statement = sqlglot.parse_one(query, read="postgres")
    except SqlglotError:
        return None
    if not isinstance(statement, exp.Query) or statement.args.get("offset"):
        return None
    limit = statement.args.get("limit")
    if not statement.args.get("order") or not isinstance(limit, exp.Limit):
        return None
    number = limit.expression
    if not isinstance(number, exp.Literal) or number.is_string or not 0 < int(number.this) <= _MAX_CUT:
        return None
    return statement, int(number.this)


def _with_ties(statement: exp.Query, limit: int) -> str:
    uncut = statement.copy()
    uncut.set("limit", None)
    return f"{uncut.sql(dialect='postgres')} FETCH FIRST {limit} ROWS WITH TIES"


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return f"{error.sqlstate or ''} {text}".strip().splitlines()[0]
