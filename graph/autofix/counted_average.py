"""How many of one thing another has on average, drafted as a count for each, as an average of keys, or as two
counts over one join, of which each is as large as the other.

"The average number of orders per customer": what is counted for each is averaged; and where all are divided
by all, each of those that are divided by is counted once.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import asked_groups
from graph.autofix.base import Context, Rule
from graph.autofix.counted_groups import is_called
from graph.autofix.names import Names, Source, folded, identifier
from graph.autofix.ratio_parts import bare
from graph.context.words import name_words, stem, words

_THING = r"(?P<thing>(?:\w+\s+){0,2}?\w+s)"
_ASKED = (
    re.compile(
        rf"\b(?:average|mean)\s+(?:number|count)\s+of\s+{_THING}\s+(?:\w+\s+){{0,2}}?"
        r"(?:per|(?:in|on|at|for|of|by|to|from)\s+(?:each|every|an?)|each|every)\s+(?P<whole>\w+(?:\s+\w+)?)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\bhow\s+many\s+{_THING}\s+(?:does|do|did|has|have|are\s+there\s+(?:in|on|at|for))\s+"
        r"(?:an?|each|every|the\s+average)\s+(?P<whole>\w+(?:\s+\w+)?)[^?.]*\bon\s+average\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\bon\s+average\b[^?.]*?\bhow\s+many\s+{_THING}\s+(?:does|do|did|has|have|are\s+there\s+(?:in|on|at|for|per))\s+"
        r"(?:(?:an?|each|every)\s+)?(?P<whole>\w+(?:\s+\w+)?)",
        re.IGNORECASE,
    ),
)
_PARTS = ("having", "limit", "distinct", "with_", "offset", "fetch")
_COUNT, _ALIAS = "n", "counted"


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = next((hit for pattern in _ASKED if (hit := pattern.search(context.question))), None)
    if asked is None or len(asked_groups(context.question)) > 1 or not isinstance(select, exp.Select):
        return None
    if any(select.args.get(part) for part in _PARTS) or select.find(exp.Window, exp.Subquery):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or not sources or any(one.table is None for one in sources):
        return None
    if not any(_is_called(asked["thing"], source, names) for source in sources):
        return None
    spoken = [stem(word) for word in words(asked["whole"])]
    readings = [spoken[:length] for length in range(1, len(spoken) + 1)]
    if select.args.get("group"):
        return _of_groups(select, readings, sources, names)
    return _of_all(select, readings, sources, names)


def _of_groups(
    select: exp.Select, readings: list[list[str]], sources: list[Source], names: Names
) -> str | None:
    """Average what is counted for each."""
    keys = select.args["group"].expressions
    if not all(isinstance(key, exp.Column) for key in keys):
        return None
    if not any(is_called(key, reading, sources, names) for key in keys for reading in readings):
        return None
    if len({_home(key, sources) for key in keys}) != 1:
        return None
    figures = [item.unalias() for item in select.selects if item.find(exp.AggFunc)]
    if len(figures) != 1 or not (isinstance(figures[0], exp.Count) or _is_mean_of_keys(figures[0])):
        return None
    count = figures[0].copy() if isinstance(figures[0], exp.Count) else exp.Count(this=figures[0].this.copy())
    inner = exp.Select(
        **{part: select.args[part].copy() for part in ("from_", "where", "group") if select.args.get(part)},
        joins=[join.copy() for join in select.args.get("joins") or ()],
        expressions=[exp.alias_(count, _COUNT)],
    )
    mean = exp.Avg(this=exp.column(_COUNT, table=_ALIAS))
    outer = exp.select(mean).from_(inner.subquery(_ALIAS))
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)
    return f"One average is asked for: that of the counts of each {' and '.join(key.name for key in keys)}."


def _of_all(select: exp.Select, readings: list[list[str]], sources: list[Source], names: Names) -> str | None:
    """All things divided by all that they are of, each of these once."""
    if len(select.selects) != 1:
        return None
    figure = select.selects[0].unalias()
    while isinstance(figure, exp.Round | exp.Cast | exp.Paren):
        figure = figure.this
    key = next(
        (
            exp.column(identifier(name), table=source.alias if len(sources) > 1 else None)
            for source in sources
            for name in source.columns or ()
            for column in [exp.column(identifier(name), table=source.alias)]
            if _is_key(name, source, names)
            and any(is_called(column, one, sources, names) for one in readings)
        ),
        None,
    )
    if key is None:
        return None
    things: exp.Expr = exp.Count(this=exp.Star())
    if _is_mean_of_keys(figure):
        if select.args.get("joins"):
            return None
    elif isinstance(figure, exp.Div):
        above, below = bare(figure.this), bare(figure.expression)
        if not isinstance(above, exp.Count) or not isinstance(below, exp.Count):
            return None
        if not isinstance(below.this, exp.Column) or folded(below.this.this) != folded(key.this):
            return None
        below.set("this", exp.Distinct(expressions=[below.this.copy()]))
        return f"Each {key.name} that is divided by is counted once."
    else:
        return None
    figure.replace(
        exp.Div(
            this=exp.cast(things, exp.DType.DOUBLE),
            expression=exp.Nullif(
                this=exp.Count(this=exp.Distinct(expressions=[key])), expression=exp.Literal.number(0)
            ),
            typed=True,
        )
    )
    return f"All are counted, and divided by the number of {key.name}s."


def _is_mean_of_keys(figure: exp.Expr) -> bool:
    """An average of numbers that only tell rows apart."""
    return (
        isinstance(figure, exp.Avg)
        and isinstance(figure.this, exp.Column)
        and name_words(folded(figure.this.this))[-1:] == ["id"]
    )


def _is_key(name: str, source: Source, names: Names) -> bool:
    """Whether rows are told apart by the column, or refer to others by it."""
    assert source.table is not None
    own = source.table.qualified_name
    return names.joins.own.key(source.table) == name or any(
        join.left_columns == (name,) and join.right in names.joins.referred(own)
        for join in names.joins.of(own)
    )


def _home(column: exp.Column, sources: list[Source]) -> str | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one.alias for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _is_called(thing: str, source: Source, names: Names) -> bool:
    assert source.table is not None
    said = [stem(word) for word in names.joins.short.table_words(source.table)]
    return bool(said) and [stem(word) for word in words(thing)][-len(said) :] == said


RULE = Rule("counted_average", _fix)
