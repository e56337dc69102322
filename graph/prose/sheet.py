"""A result as a sentence speaks of it: labels that rows go by, numbers, moments."""

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.chart import is_measure
from graph.context.words import name_words
from graph.parsing import parsed_one
from graph.prose.dates import Moment, moment_of
from wire.outcome import Rows

_MANTISSA_LIMIT = 60
"""Digits beyond which a number is compared as text only."""
_TEXT_LIMIT = 1_000
"""Characters beyond which a cell is no label, and no figure of a sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cell: row and column, from 0."""

    row: int
    column: int


@dataclass(slots=True)
class Sheet:
    """The rows of a result that are at hand."""

    rows: Rows
    sql: str = ""
    numbers: dict[Place, Decimal] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)
    moments: dict[Place, Moment] = field(default_factory=dict)
    axes: list[int] = field(default_factory=list)
    """Columns whose cells name what a row is about."""
    measures: list[int] = field(default_factory=list)
    expressions: list[exp.Expr | None] = field(default_factory=list)
    """What each column is worked out from; None where the query does not say."""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows.preview):
            for column, cell in enumerate(row):
                self._take(Place(number, column), cell)
        columns = range(len(self.rows.columns))
        self.measures = [one for one in columns if is_measure(self.rows.columns[one], self.rows, one)]
        self.axes = [one for one in columns if one not in self.measures]
        if not self.axes and len(self.measures) > 1 and self.count > 1:
            # Of nothing but quantities the first is what the others are told by.
            self.axes = [self.measures.pop(0)]
        self.expressions = self._expressions()
        self._read_calendar()

    @property
    def count(self) -> int:
        """Rows at hand."""
        return len(self.rows.preview)

    @property
    def complete(self) -> bool:
        """Whether these are all the rows that there are."""
        return self.rows.truncated is None and self.rows.row_count == self.count

    def name(self, column: int) -> str:
        """The column's name, or nothing."""
        return self.rows.columns[column].name if column < len(self.rows.columns) else ""

    def column(self, column: int) -> list[Decimal]:
        """The numbers of a column."""
        return [value for place, value in self.numbers.items() if place.column == column]

    def is_percent(self, column: int) -> bool | None:
        """Whether its numbers are percentages already; None where nothing tells."""
        if _PERCENT_NAME.search(self.name(column)):
            values = self.column(column)
            if not values or max(map(abs, values)) > 1:
                return True
        made = self.expressions[column] if column < len(self.expressions) else None
        if made is None:
            return None
        hundred = any(node.is_number and node.name in ("100", "100.0") for node in made.find_all(exp.Literal))
        return True if hundred else False if made.find(exp.Div, exp.Count) else None

    def is_additive(self, column: int) -> bool:
        """Whether its numbers can be added up: counts and sums, not averages, shares or extremes."""
        made = self.expressions[column] if column < len(self.expressions) else None
        if made is None or isinstance(made, exp.Column):
            return not _RELATIVE_NAME.search(self.name(column))
        return made.find(exp.Avg, exp.Div, exp.Max, exp.Min, exp.Distinct, exp.Window) is None

    def _take(self, place: Place, cell: object) -> None:
        if cell is None or isinstance(cell, bool):
            return
        text = str(cell)
        if len(text) > _TEXT_LIMIT:
            return
        try:
            value = Decimal(text)
        except InvalidOperation:
            self.texts[place] = text
            if moment := moment_of(text):
                self.moments[place] = moment
            elif amount := _MONEY.fullmatch(text):
                self.numbers[place] = Decimal(amount[1] + amount[2].replace(",", ""))
            return
        if value.is_finite() and len(value.as_tuple().digits) <= _MANTISSA_LIMIT:
            self.numbers[place] = value
        else:
            self.texts[place] = text

    def _read_calendar(self) -> None:
        """Let the columns of a row that are parts of a date say it together: a year and a month."""
        parts = {column: words_of(self.name(column)) & {"year", "month", "quarter"} for column in self.axes}
        for number in range(self.count):
            said: dict[str, int] = {}
            for column, words in parts.items():
                value = self.numbers.get(Place(number, column))
                if len(words) == 1 and value is not None and value == value.to_integral_value():
                    said[next(iter(words))] = int(value)
            for column, words in parts.items():
                if words & said.keys():
                    self.moments[Place(number, column)] = Moment(**said)

    def _expressions(self) -> list[exp.Expr | None]:
        columns = len(self.rows.columns)
        try:
            tree = parsed_one(self.sql) if self.sql else None
        except (SqlglotError, RecursionError):
            tree = None
        if not isinstance(tree, exp.Select) or len(tree.selects) != columns or tree.is_star:
            return [None] * columns
        return [one.unalias() for one in tree.selects]


def words_of(name: str) -> set[str]:
    """The words of a column's name."""
    return set(name_words(name))


_PERCENT_NAME = re.compile(r"percent|pct|prozent|%", re.IGNORECASE)
_RELATIVE_NAME = re.compile(
    r"avg|average|mean|median|ratio|rate|share|percent|pct|price|max|min", re.IGNORECASE
)
_MONEY = re.compile(r"(-?)\$([\d,]+(?:\.\d+)?)")
