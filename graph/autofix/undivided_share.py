"""A share asked for, and only its part counted, or part and whole side by side.

``SELECT COUNT(*) … WHERE status = 'lost'`` says how many, where "what percentage of parcels was lost" asks
for these among all: the conditions of the part count, those of the whole stay, and the one is divided by
the other. A count for each of something becomes its share of all of them where that is asked.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.certain_share import counted_condition, is_named, is_of_time, split_share
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, conditions_of
from graph.autofix.ratio_parts import bare, is_whole

_SHARE = r"(?:share|percentage|percent|per\s+cent|proportion|fraction|portion|%)"
_ASKED = re.compile(
    rf"\b(?:what|which|the|as\s+a)\s+(?:\w+est\s+)?{_SHARE}\s+of\b|"
    rf"\bwhat\s+{_SHARE}\s+(?:did|does|do|has|have|had|is|was|were|are|comes?|came|goes|went)\b",
    re.IGNORECASE,
)
_PART = re.compile(rf"\b{_SHARE}\b|%|\bpart\s+of\b|\bhow\s+(?:big|large)\s+a\b", re.IGNORECASE)
_PERCENT = re.compile(r"%|\bper\s?cent(?:age)?s?\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"\b(?:how\s+(?:many|much)|number|count|average|difference|compared?|change)\b|"
    rf"\b{_SHARE}\s+of\s+.+\b{_SHARE}\s+of\b",
    re.I,
)
_EACH = re.compile(
    rf"\b{_SHARE}\s+of\s+[^?.;]*?\b(?:does|do|did|for|per|by|in|from|to|has|have)\s+(?:each|every)\b|"
    rf"\bwhat\s+{_SHARE}\s+[^?.;]*?\b(?:each|every)\b|"
    rf"\b(?:each|every)\s+[^?.;]*?\b{_SHARE}\s+of\b|\b{_SHARE}\s+of\s+[^?.;]*?\b(?:per|by)\s+\w+(?:\s+\w+)?\W*$",
    re.IGNORECASE,
)
_PARTS = ("having", "distinct", "with_", "offset", "fetch")


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    if not isinstance(select, exp.Select):
        return None
    if _PART.search(question) and (said := _by_itself(select, context)) is not None:
        return said
    if not _ASKED.search(question) or _NUMBER.search(question):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or not sources or any(source.table is None for source in sources):
        return None
    if any(select.args.get(part) for part in _PARTS):
        return None
    if any(item.find(exp.Div, exp.Avg, exp.Window, exp.Query) for item in select.selects):
        return None
    figures = [item for item in select.selects if item.find(exp.AggFunc)]
    plain = [item.unalias() for item in select.selects if not item.find(exp.AggFunc)]
    group = select.args.get("group")
    if not figures or any(one not in (group.expressions if group is not None else ()) for one in plain):
        return None
    if not _counts_finest(sources, names):
        return None
    some = [one for one in figures if counted_condition(one.unalias()) is not None]
    whole = [one for one in figures if is_whole(one.unalias())]
    if len(some) == 1 and len(whole) <= 1 and len(some) + len(whole) == len(figures):
        return _divided(select, some[0], whole[0].unalias() if whole else None, question)
    if len(whole) != 1 or len(figures) != 1:
        return None
    return _of_conditions(select, whole[0], context, sources) or _of_groups(
        select, whole[0], context, sources
    )


def _by_itself(select: exp.Select, context: Context) -> str | None:
    """A figure divided by itself under a condition, which is its part of all."""
    names = context.names
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if select.args.get("group") or scope.expression is not select or len(select.selects) != 1:
        return None
    if any(source.table is None for source in sources) or not _counts_finest(sources, names):
        return None
    division = select.selects[0].find(exp.Div)
    if (
        division is None
        or not is_whole(bare(division.this))
        or bare(division.this) != bare(division.expression)
    ):
        return None
    part, rest = _split(select, context, sources)
    tests = conditions_of(select)
    periods = [one for one in tests if is_of_time(one, names, sources) and _is_period(one)]
    if not part and len(tests) - len(periods) == 1:
        rest = periods
        part = [one for one in tests if not any(one is period for period in periods)]
    if not part:
        return None
    figure = bare(division.this)
    condition = exp.and_(*(one.copy() for one in part))
    whole = exp.Nullif(this=figure.copy(), expression=exp.Literal.number(0))
    figure.replace(exp.Filter(this=figure.copy(), expression=exp.Where(this=condition)))
    division.set("expression", whole)
    select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in rest))) if rest else None)
    return "What it counts was divided by itself: the condition is that of the part, not of the whole."


def _divided(select: exp.Select, some: exp.Expr, whole: exp.Expr | None, question: str) -> str | None:
    """Part and whole side by side, or the part alone."""
    part = some.unalias()
    if whole is None:
        if not isinstance(part, exp.Count | exp.Filter) and not part.find(exp.Literal):
            return None
        counted = part.this if isinstance(part, exp.Filter) else part
        if isinstance(counted, exp.Sum) and counted.find(exp.Column) is not None and _adds(counted):
            return None
        whole = counted.copy() if isinstance(part, exp.Filter) else exp.Count(this=exp.Star())
    select.set(
        "expressions",
        [exp_ for exp_ in select.selects if not exp_.find(exp.AggFunc)] + [_share(part, whole, question)],
    )
    return "A share is asked for: what counts as its part is divided by all."


def _adds(total: exp.Sum) -> bool:
    """Whether a conditional sum adds a measure, and not ones."""
    case = total.this
    return isinstance(case, exp.Case) and not isinstance(case.args["ifs"][0].args["true"], exp.Literal)


def _share(part: exp.Expr, whole: exp.Expr, question: str) -> exp.Expr:
    hundred = exp.Mul(this=exp.Literal.number("100.0"), expression=part.copy())
    above = hundred if _PERCENT.search(question) else exp.cast(part.copy(), exp.DType.DOUBLE)
    return exp.Div(
        this=above, expression=exp.Nullif(this=whole.copy(), expression=exp.Literal.number(0)), typed=True
    )


def _of_conditions(select: exp.Select, item: exp.Expr, context: Context, sources: list[Source]) -> str | None:
    """A count of rows under conditions, of which some are the part's."""
    figure = item.unalias()
    part, rest = _split(select, context, sources)
    if not part:
        return None
    condition = exp.and_(*(one.copy() for one in part))
    some = exp.Filter(this=figure.copy(), expression=exp.Where(this=condition))
    share = _share(some, figure, context.question)
    order = select.args.get("order")
    for place in (item, *(order.expressions if order is not None else ())):
        for node in [one for one in place.find_all(type(figure)) if one == figure]:
            node.replace(share.copy())
    select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in rest))) if rest else None)
    shown = " and ".join(one.sql(dialect="postgres") for one in part)
    return f"A share is asked for: those with {shown} are divided by all."


def _split(
    select: exp.Select, context: Context, sources: list[Source]
) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """The conditions that make the part, and those that hold for the whole; no part where it is not plain."""
    names, question = context.names, context.question
    tests = conditions_of(select)
    periods = [one for one in tests if is_of_time(one, names, sources) and _is_period(one)]
    others = [one for one in tests if not any(one is period for period in periods)]
    said = split_share(question)
    if said is None:
        plain = len(others) == 1 and is_named(others[0], question)
        return (others, periods) if plain else ([], tests)
    part, whole = said
    own = [one for one in others if is_named(one, whole) and not is_named(one, part)]
    own += [
        one
        for one in others
        if one.find(exp.Literal) and not is_named(one, question) and is_named(one, context.notes)
    ]
    some = [one for one in others if not any(one is other for other in own)]
    if not some and not own and periods:
        return periods, []
    if any(isinstance(one, exp.NEQ | exp.Not) and not is_named(one, part) for one in some):
        return [], tests
    kept = [one for one in tests if not any(one is other for other in some)]
    return some, kept


def _is_period(test: exp.Expr) -> bool:
    """Whether it cuts out a span of the calendar, and is not about what has happened or has not."""
    return test.find(exp.Literal) is not None and not isinstance(test, exp.Is)


def _of_groups(select: exp.Select, item: exp.Expr, context: Context, sources: list[Source]) -> str | None:
    """A figure for each of something, of which its share of all is asked."""
    group = select.args.get("group")
    if group is None or not _EACH.search(context.question) or select.args.get("limit"):
        return None
    keys = group.expressions
    owners = {column.table for key in keys for column in key.find_all(exp.Column)}
    if len(owners) != 1 or (len(keys) > 1 and len(sources) == 1):
        return None
    part = item.unalias()
    total = exp.Window(this=exp.Sum(this=part.copy()))
    select.append("expressions", _share(part, total, context.question))
    return f"A share is asked for: {part.sql(dialect='postgres')} of each is divided by that of all."


def _counts_finest(sources: list[Source], names: Names) -> bool:
    """Whether the rows of FROM are those of one table, with what each refers to beside it."""
    return len(sources) == 1 or sum(not is_repeated(one, sources, names) for one in sources) == 1


RULE = Rule("undivided_share", _fix)
