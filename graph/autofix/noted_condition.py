"""A condition that the notes beside the question ask for and the query leaves out, or contradicts.

"Cancelled orders do not count", "only posted payments count", "a lapsed member is one whose ended_on is
filled": what they say of a table's things is bound to a value, a yes or no, a moment or a number of that
table, and added wherever the query reads the table and says nothing of the column. "Refunded purchases
count as well" takes out the condition that leaves them out.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.added_condition import add_condition
from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, conditions_of, folded
from graph.autofix.noted_test import Test, defined, speaks_of, states
from graph.context.noted import Clause, clauses
from graph.context.words import fold, stem, words


def _fix(context: Context) -> str | None:
    if not context.notes or not context.question:
        return None
    spoken = {stem(word) for word in words(context.question)}
    for clause in clauses(context.notes):
        if clause.way == "term" and not clause.term <= spoken:
            continue
        if clause.way == "only" and clause.term and not clause.term & spoken:
            continue
        for scope in context.names.scopes:
            if not isinstance(scope.expression, exp.Select):
                continue
            said = _allow(clause, scope, context) if clause.way == "all" else _add(clause, scope, context)
            if said is not None:
                return said
    return None


def _add(clause: Clause, scope: Scope, context: Context) -> str | None:
    names, select = context.names, scope.expression
    if not isinstance(select, exp.Select):
        return None
    read = {folded(column.this) for column in select.find_all(exp.Column)}
    tested = {folded(column.this) for one in conditions_of(select) for column in one.find_all(exp.Column)}
    for source, test in _bound(clause, scope, names):
        lacks = test.kind in {"unknown", "bound"} and clause.way == "out"
        if test.column in (tested if lacks else read) or _asks(test, clause, context):
            continue
        alone = len(names.sources(scope)) == 1 and scope is names.scopes[-1]
        condition = test.condition("" if alone else source.alias, out=clause.way == "out")
        if add_condition(select, source.alias, condition):
            return f"As is said beside the question: {condition.sql(dialect='postgres')}."
    return None


def _bound(clause: Clause, scope: Scope, names: Names) -> list[tuple[Source, Test]]:
    """What the clause stands for in the tables of one FROM, each of one table only."""
    sources = [source for source in names.sources(scope) if source.table is not None]
    found = [
        (source, test)
        for source in sources
        if sum(other.table is source.table for other in sources) == 1
        for test in _tests(clause, source, names)
    ]
    about = " ".join((*clause.term, clause.said))
    return [
        (source, test)
        for source, test in found
        if len({other.alias for other, same in found if same.column == test.column}) == 1
        or [other for other, same in found if same.column == test.column and speaks_of(about, other, names)]
        == [source]
    ]


def _tests(clause: Clause, source: Source, names: Names) -> list[Test]:
    if clause.way == "term":
        return defined(clause.said, source, names)
    return states(clause.said, source, names)


def _asks(test: Test, clause: Clause, context: Context) -> bool:
    """Whether the question itself asks for what the notes leave out: "how many orders were cancelled"."""
    if clause.way == "term":
        return False
    question = fold(context.question)
    return any(re.search(rf"\b{said}\b", question) for said in test.said)


def _allow(clause: Clause, scope: Scope, context: Context) -> str | None:
    """Take out a condition that leaves out what counts as well."""
    conditions = conditions_of(scope.expression)
    for source in context.names.sources(scope):
        if source.table is None:
            continue
        for test in states(clause.said, source, context.names, anyones=True):
            if _asks(test, clause, context):
                continue
            for condition in conditions:
                if not _leaves_out(condition, test, source):
                    continue
                kept = [one.copy() for one in conditions if one is not condition]
                scope.expression.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
                written = condition.sql(dialect="postgres")
                return f"Beside the question it is said that others count too: {written} is left out."
    return None


def _leaves_out(condition: exp.Expr, test: Test, source: Source) -> bool:
    """Whether a condition keeps just those rows from counting that the test is true of."""
    inner = condition.this if isinstance(condition, exp.Not) else condition
    columns = list(condition.find_all(exp.Column))
    if len(columns) != 1 or folded(columns[0].this) != test.column:
        return False
    if folded(columns[0].args.get("table")) not in {"", source.alias}:
        return False
    denied = isinstance(condition, exp.Not)
    if test.kind == "flag":
        if isinstance(inner, exp.Column):
            return denied
        value = inner.args.get("expression")
        return (
            isinstance(value, exp.Boolean)
            and isinstance(inner, exp.EQ | exp.Is)
            and denied == bool(value.this)
        )
    if test.kind == "moment":
        return isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null) and not denied
    if test.kind == "value":
        texts = {node.name for node in condition.find_all(exp.Literal)}
        return texts <= set(test.values) and (
            isinstance(inner, exp.NEQ) or (denied and isinstance(inner, exp.In | exp.EQ))
        )
    return False


RULE = Rule("noted_condition", _fix)
