"""Parts of a date held against numbers, ``EXTRACT(MONTH FROM x) BETWEEN 1 AND 5``, for months that are named.

The months are set to those of the period, and the year to its year: ``EXTRACT(MONTH FROM x) = 11`` alone is
that month of every year, and ``EXTRACT(YEAR FROM x) >= 2024`` lets later years in.
"""

import operator
from collections.abc import Callable

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.foreign_functions import extract
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.named_period import Period
from graph.autofix.names import Names

_OPERATORS: dict[type[exp.Expr], Callable[[int, int], bool]] = {
    exp.EQ: operator.eq, exp.GT: operator.gt, exp.GTE: operator.ge, exp.LT: operator.lt, exp.LTE: operator.le,
}  # fmt: skip
_COMPARED: tuple[type[exp.Expr], ...] = (*_OPERATORS, exp.NEQ, exp.Between, exp.In, exp.Like)
_NUMBERS = {"year": range(1, 10_000), "quarter": range(1, 5), "month": range(1, 13)}
"""What a part of a date may be."""
_QUARTER = 3


def mend_months(parts: list[exp.Expr], period: Period, names: Names, scope: Scope) -> str | None:
    """Set the year and the months that the tests of one condition let through; None where they are right.

    Only where the statement compares no other moment with anything written, and this one nowhere else.
    """
    months = period.months
    held = [(test, let) for test in parts if (let := _let_through(test)) is not None]
    column = _column(held[0][0]) if held else None
    if months is None or column is None or kind_of(column, names, scope) not in MOMENTS:
        return None
    tests = [part for part in parts if column in part.find_all(exp.Column) and not is_known(part)]
    if [test for test, _ in held] != tests or not _is_alone(tests, names):
        return None
    of_year = [let for test, let in held if _unit(test) == "year"]
    of_months = [let for test, let in held if _unit(test) != "year"]
    let = set(_NUMBERS["month"]).intersection(*of_months)
    if len(of_year) > 1 or (period.is_year and of_months) or not let.intersection(months):
        return None
    if of_year and period.first.year not in of_year[0]:
        return None
    right_year, right_months = of_year == [{period.first.year}], let == set(months)
    if right_year and right_months:
        return None
    new = [test.copy() for test, _ in held if (right_year if _unit(test) == "year" else right_months)]
    if not right_months:
        new.append(_months_test(column, months))
    if not right_year:
        year = exp.Literal.number(period.first.year)
        new.append(exp.EQ(this=extract("YEAR", column.copy()), expression=year))
    for test in tests[1:]:
        _drop(test)
    tests[0].replace(exp.and_(*new))
    return f"Asked for {period.said}: no other months are taken, and of no other year."


def is_known(part: exp.Expr) -> bool:
    """Whether all that is asked is that there is a value: ``x IS NOT NULL``."""
    if isinstance(part, exp.Is):
        return bool(part.args.get("negate"))
    return isinstance(part, exp.Not) and isinstance(part.this, exp.Is)


def _unit(test: exp.Expr) -> str:
    return str(test.this.this.name).lower()


def _column(test: exp.Expr) -> exp.Column | None:
    """The column of which a part is held, or of which the day is."""
    value = test.this.expression
    value = value.this if isinstance(value, exp.Cast) else value
    return value if isinstance(value, exp.Column) else None


def _let_through(test: exp.Expr) -> set[int] | None:
    """The years, or the months, for which a test of them against numbers holds; None for any other test."""
    if not isinstance(test, (exp.Between, exp.In, *_OPERATORS)) or not isinstance(test.this, exp.Extract):
        return None
    numbers = _NUMBERS.get(_unit(test))
    if numbers is None or _column(test) is None:
        return None
    bounds = [test.args["low"], test.args["high"]] if isinstance(test, exp.Between) else test.expressions
    written = [_number(bound) for bound in bounds or [test.args.get("expression")]]
    values = [value for value in written if value is not None]
    if len(values) != len(written):
        return None
    if isinstance(test, exp.Between):
        found = {number for number in numbers if values[0] <= number <= values[1]}
    elif isinstance(test, exp.In):
        found = set(values).intersection(numbers)
    else:
        found = {number for number in numbers if _OPERATORS[type(test)](number, values[0])}
    if _unit(test) != "quarter":
        return found
    return {_QUARTER * quarter - back for quarter in found for back in range(_QUARTER)}


def _number(node: exp.Expr | None) -> int | None:
    return int(node.name) if isinstance(node, exp.Literal) and node.name.isdigit() else None


def _is_alone(tests: list[exp.Expr], names: Names) -> bool:
    """Whether the statement holds no moment against what is written, but in these tests."""
    own = {id(test) for test in tests}
    for scope in names.scopes:
        for test in scope.find_all(*_COMPARED):
            if id(test) in own or test.find(exp.Literal, exp.CurrentDate, exp.CurrentTimestamp) is None:
                continue
            if any(kind_of(column, names, scope) in MOMENTS for column in test.find_all(exp.Column)):
                return False
    return True


def _months_test(column: exp.Column, months: range) -> exp.Expr:
    month = extract("MONTH", column.copy())
    first, last = (exp.Literal.number(number) for number in (months[0], months[-1]))
    if len(months) == 1:
        return exp.EQ(this=month, expression=first)
    return exp.Between(this=month, low=first, high=last)


def _drop(test: exp.Expr) -> None:
    """Take one of several tests that hold together out of the condition."""
    while isinstance(test.parent, exp.Paren):
        test = test.parent
    both = test.parent
    assert both is not None
    both.replace(both.expression if test is both.this else both.this)
