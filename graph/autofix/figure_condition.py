"""A condition on a group's figure, asked of each row: "departments with an average salary above 3000" as
``WHERE salary > 3000``.

The test goes from WHERE to HAVING, on the average or the total that the question names. A query that does not
group yet is grouped by what it shows.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Source, conditions_of, folded
from graph.context.joins import type_family
from graph.context.words import STOP_WORDS, name_words, stem, words

_ASKED = re.compile(
    r"\b(?:(?P<mean>average|mean)|(?P<sum>total|combined|overall))\s+(?P<measure>(?:[\w-]+\s+){0,3}?[\w-]+)\s+"
    r"(?:that\s+|which\s+)?(?:is\s+|are\s+|was\s+|were\s+)?(?:of\s+)?"
    r"(?:above|over|below|under|exceed(?:s|ing)?|(?:more|less|greater|higher|lower|fewer|larger|smaller|longer|shorter)\s+"
    r"than|at\s+(?:least|most))\s+[^\d.;?]{0,3}(?P<number>\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)
_PARTS = ("having", "limit", "with_", "offset", "fetch")


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = _ASKED.search(context.question)
    if asked is None or not isinstance(select, exp.Select) or any(select.args.get(part) for part in _PARTS):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    if select.find(exp.Window, exp.Subquery) or select.is_star:
        return None
    number = float(asked["number"].replace(",", ""))
    spoken = {stem(word) for word in words(asked["measure"]) if word not in STOP_WORDS}
    tests = conditions_of(select)
    meant = [one for one in tests if _is_of_measure(one, number, spoken, sources)]
    if len(meant) != 1:
        return None
    [test] = meant
    group = select.args.get("group")
    if group is None:
        if (
            len(sources) < 2
            or select.find(exp.AggFunc)
            or not _shows_things(select, test.this, context, sources)
        ):
            return None
        select.set("group", exp.Group(expressions=[item.unalias().copy() for item in select.selects]))
        select.set("distinct", None)
    elif any(column == test.this for column in group.find_all(exp.Column)):
        return None
    kind = exp.Avg if asked["mean"] else exp.Sum
    figure = kind(this=test.this.copy())
    kept = [one.copy() for one in tests if one is not test]
    held = test.copy()
    held.set("this", figure)
    select.set("having", exp.Having(this=held))
    select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    return f"{figure.sql(dialect='postgres')} of each group is meant, not {test.this.name} of each row."


def _is_of_measure(test: exp.Expr, number: float, spoken: set[str], sources: list[Source]) -> bool:
    """Whether a column of the measure's name is held against the number."""
    column, literal = test.this, test.args.get("expression")
    if not isinstance(test, exp.GT | exp.GTE | exp.LT | exp.LTE) or not isinstance(column, exp.Column):
        return False
    if not isinstance(literal, exp.Literal) or literal.is_string or float(literal.this) != number:
        return False
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    homes = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    if len(homes) != 1 or type_family((homes[0].columns or {}).get(name, "")) != "number":
        return False
    return bool({stem(word) for word in name_words(name)} & spoken)


def _shows_things(select: exp.Select, column: exp.Column, context: Context, sources: list[Source]) -> bool:
    """Whether only columns of things are shown that have many rows of the measure."""
    shown = [item.unalias() for item in select.selects]
    if not all(isinstance(one, exp.Column) for one in shown):
        return False
    owners = {_owner(one, sources) for one in shown}
    things = next((one for one in sources if owners == {one.alias}), None)
    return (
        things is not None
        and _owner(column, sources) != things.alias
        and is_repeated(things, sources, context.names)
    )


def _owner(column: exp.Expr, sources: list[Source]) -> str | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one.alias for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


RULE = Rule("figure_condition", _fix)
