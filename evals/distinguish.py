"""Whether the cases of a suite can tell a right query from one that is nearly right.

The accepted query of each case is spoilt in one place: a condition dropped, an aggregate or a limit changed,
a direction turned. On data that is worth asking, at least one such query gives another result. One that gives
the same everywhere is not proof of a bad case, since some slips change nothing; that none is told apart is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from evals.cases import Case
from evals.errors import GoldError
from evals.gold import accepted_queries
from evals.results import ResultSet
from evals.score import Scorer

_OTHER_AGGREGATE: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.Sum: exp.Avg,
    exp.Avg: exp.Max,
    exp.Max: exp.Min,
    exp.Min: exp.Max,
}
_OTHER_COMPARISON: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
}


@dataclass(frozen=True, slots=True)
class Spoilt:
    """An accepted query with one slip in it."""

    slip: str
    """What was done: ``condition dropped``."""
    sql: str


@dataclass(slots=True)
class CaseCheck:
    """What is known of a case after its queries have run on every variant."""

    case: Case
    problems: list[str] = field(default_factory=list)
    """What must be mended, a sentence each; none for a good case."""
    told_apart: int = 0
    """Spoilt queries with another result on at least one variant."""
    survivors: list[Spoilt] = field(default_factory=list)
    """Spoilt queries that run and give the same everywhere."""


def check_case(case: Case, scorers: Sequence[Scorer]) -> CaseCheck:
    """Run a case's accepted queries and their spoilt forms on each variant of its database.

    Args:
        scorers: one a variant, at least one.
    """
    check = CaseCheck(case)
    if not case.gold.strip():
        return check
    try:
        queries = accepted_queries(case.gold)
    except GoldError as error:
        check.problems.append(f"The gold cannot be read: {error}")
        return check
    for number, scorer in enumerate(scorers, 1):
        results = []
        for query in queries:
            try:
                results.append(scorer.run(query))
            except GoldError as error:
                check.problems.append(f"Variant {number}: {error}")
        if results and not case.may_be_empty and all(map(_says_nothing, results)):
            check.problems.append(f"Variant {number}: the result is empty, NULL or 0.")
    if check.problems:
        return check
    for sql in case.near_miss:
        if not _told_apart(case, Spoilt("near miss", sql), scorers):
            check.problems.append(f"No variant tells this near miss apart: {sql}")
        check.told_apart += 1
    for spoilt in spoil(queries[0]):
        if _told_apart(case, spoilt, scorers):
            check.told_apart += 1
        else:
            check.survivors.append(spoilt)
    if not check.told_apart:
        check.problems.append("No spoilt query is told apart: add a `near_miss`, or ask something else.")
    return check


def spoil(sql: str) -> Iterator[Spoilt]:
    """The query with one slip at a time; nothing where it cannot be parsed."""
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except SqlglotError:
        return
    if not isinstance(tree, exp.Expr):
        return
    seen = {tree.sql(dialect="postgres")}
    nodes = list(tree.copy().walk())
    for place in range(len(nodes)):
        for slip in _SLIPS:
            told = slip(nodes[place])
            if not told:
                continue  # and nothing was changed
            text = nodes[0].sql(dialect="postgres")
            nodes = list(tree.copy().walk())
            if text not in seen:
                seen.add(text)
                yield Spoilt(told, text)


def _told_apart(case: Case, spoilt: Spoilt, scorers: Sequence[Scorer]) -> bool:
    return any(scorer.score(case.gold, spoilt.sql, case.accept).match == "none" for scorer in scorers)


def _says_nothing(result: ResultSet) -> bool:
    return all(value is None or value == 0 for row in result.rows for value in row)


def _drop_condition(node: exp.Expr) -> str:
    if isinstance(node, exp.Where | exp.Having) and not isinstance(node.this, exp.And):
        node.pop()
        return "condition dropped"
    if isinstance(node, exp.And):
        node.replace(node.left)
        return "condition dropped"
    return ""


def _drop_first_condition(node: exp.Expr) -> str:
    if isinstance(node, exp.And | exp.Or):
        node.replace(node.right)
        return "condition dropped"
    return ""


def _turn_comparison(node: exp.Expr) -> str:
    other = _OTHER_COMPARISON.get(type(node))
    if other is None or node.find_ancestor(exp.Join) is not None:
        return ""
    node.replace(other(this=node.this, expression=node.expression))
    return "comparison turned"


def _change_aggregate(node: exp.Expr) -> str:
    other = _OTHER_AGGREGATE.get(type(node))
    if other is None:
        return ""
    node.replace(other(this=node.this))
    return "another aggregate"


def _drop_distinct(node: exp.Expr) -> str:
    if isinstance(node, exp.Distinct) and isinstance(node.parent, exp.Count) and node.expressions:
        node.replace(node.expressions[0])
        return "DISTINCT dropped"
    return ""


def _drop_filter(node: exp.Expr) -> str:
    if isinstance(node, exp.Filter):
        node.replace(node.this)
        return "FILTER dropped"
    return ""


def _change_limit(node: exp.Expr) -> str:
    if isinstance(node, exp.Limit) and isinstance(node.expression, exp.Literal):
        node.set("expression", exp.Literal.number(int(node.expression.this) + 1))
        return "another limit"
    return ""


def _turn_order(node: exp.Expr) -> str:
    if isinstance(node, exp.Ordered):
        node.set("desc", not node.args.get("desc"))
        node.set("nulls_first", not node.args.get("desc"))
        return "order turned"
    return ""


def _drop_cast(node: exp.Expr) -> str:
    if isinstance(node, exp.Cast) and node.find_ancestor(exp.Div) is not None:
        node.replace(node.this)
        return "whole numbers divided"
    return ""


def _drop_element(node: exp.Expr) -> str:
    if isinstance(node, exp.In) and len(node.expressions) > 1:
        node.set("expressions", node.expressions[:-1])
        return "value dropped"
    return ""


def _drop_not(node: exp.Expr) -> str:
    if isinstance(node, exp.Not):
        node.replace(node.this)
        return "NOT dropped"
    return ""


def _count_things(node: exp.Expr) -> str:
    """A row more for each: what a join that is one too many does to a count."""
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star) and not node.find_ancestor(exp.Order):
        node.replace(exp.Mul(this=node.copy(), expression=exp.Literal.number(2)))
        return "rows counted twice"
    return ""


def _shift_number(node: exp.Expr) -> str:
    if isinstance(node, exp.Literal) and not node.is_string and node.find_ancestor(exp.Where, exp.Having):
        node.replace(exp.Literal.number(f"({node.this} - 1)"))
        return "another number"
    return ""


_SLIPS = (
    _drop_condition,
    _drop_first_condition,
    _turn_comparison,
    _change_aggregate,
    _drop_distinct,
    _drop_filter,
    _change_limit,
    _turn_order,
    _drop_cast,
    _drop_element,
    _drop_not,
    _count_things,
    _shift_number,
)
