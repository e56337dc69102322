"""Judges a predicted query by what it returns, beside what the case's accepted queries return.

Where an accepted query cuts its order with LIMIT and rows tie at the cut, PostgreSQL may keep any of the
tied rows; every such choice is accepted, and so is keeping them all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

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
    gold_rows: int = 0
    predicted_rows: int = 0


@dataclass
class Scorer:
    """Scores predictions on one database; results of accepted queries are kept."""

    execute: Execute
    _kept: dict[str, ResultSet | psycopg.Error] = field(default_factory=dict)

    def score(self, gold: str, predicted: str) -> Score:
        """Compare with every accepted query; an exact match wins over a subset.

        Raises:
            GoldError: none of the accepted queries runs on this database.
        """
        queries = accepted_queries(gold)
        results = [(query, result) for query in queries if (result := self._gold(query)) is not None]
        if not results:
            reason = self._kept[queries[0]]
            raise GoldError(f"No accepted query runs: {reason}", "Mend the gold, or the database's script.")
        try:
            given = self.execute(predicted)
        except psycopg.Error as error:
            return Score("none", valid=False, error=_first_line(error), accepted=results[0][0])
        best = Score("none", True, "", results[0][0], len(results[0][1].rows), len(given.rows))
        for query, result in results:
            match = compare(result, given)
            if match == "none":
                match = self._match_at_tie(query, result, given)
            if match == "exact" or (match == "subset" and best.match == "none"):
                best = Score(match, True, "", query, len(result.rows), len(given.rows))
            if match == "exact":
                break
        return best

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
