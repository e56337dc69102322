"""A rate turned over, "visits per square metre" as square metres per visit, or fanned out by a join.

What stands after *per* is divided by. And a measure of a thing, added up over the rows that refer to it in a
group of its own, counts once for each of these: it is taken once.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, folded
from graph.context.words import STOP_WORDS, stem, words

_PER = re.compile(r"\bper\s+((?:\w+[\s-]+){0,2}\w+)", re.IGNORECASE)
_UNITS = (
    ("square metre", "square meter", "sqm", "m2"), ("square foot", "square feet", "sqft"),
    ("kilogram", "kilo", "kg"), ("kilometre", "kilometer", "km"), ("hour", "hrs", "hr"),
    ("minute", "mins", "min"), ("litre", "liter", "ltr"), ("tonne", "ton"), ("mile", "mi"),
)  # fmt: skip
"""What units are called in questions and in names."""


def _fix(context: Context) -> str | None:
    asked = [_measures(phrase) for phrase in _PER.findall(context.question)]
    if not asked:
        return None
    names = context.names
    scope = names.scopes[-1]
    select = scope.expression
    sources = names.sources(scope)
    if not isinstance(select, exp.Select) or any(source.table is None for source in sources):
        return None
    for item in select.selects:
        for division in item.find_all(exp.Div):
            upper, lower = _bare(division.this), _bare(division.expression)
            for wanted in asked:
                above, below = (_named(side, wanted, sources, names) for side in (upper, lower))
                if above is not None and below is None and _is_figure(lower):
                    held = upper.copy()
                    upper.replace(lower.copy())
                    lower.replace(held)
                    return f"Asked per {above}: that is what is divided by, not what is divided."
                if below is not None and above is None and _once(lower, select, sources, names):
                    return f"{below} is taken once for each, not once for each row that refers to it."
    return None


def _measures(phrase: str) -> set[str]:
    spoken = " ".join(words(phrase))
    said = {stem(word) for word in words(phrase)[:2] if word not in STOP_WORDS and word != "square"}
    for unit in _UNITS:
        if any(spoken.startswith(name) for name in unit):
            said = {stem(word) for name in unit for word in name.split() if word != "square"}
    return said


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren | exp.Cast | exp.Nullif | exp.Round):
        node = node.this
    if isinstance(node, exp.Mul) and isinstance(node.expression, exp.Literal):
        return _bare(node.this)
    return node


def _is_figure(node: exp.Expr) -> bool:
    return isinstance(node, exp.Count | exp.Sum | exp.Avg)


def _named(side: exp.Expr, wanted: set[str], sources: list[Source], names: Names) -> str | None:
    """The column of a side of a division that the words after *per* name; None for any other side."""
    column = side.this if isinstance(side, exp.Sum | exp.Avg | exp.Max | exp.Min) else side
    if not isinstance(column, exp.Column):
        return None
    source = _source(column, sources)
    if source is None or source.table is None:
        return None
    said = {stem(word) for word in names.joins.short.column_words(source.table, folded(column.this))}
    return folded(column.this) if said & wanted else None


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _once(side: exp.Expr, select: exp.Select, sources: list[Source], names: Names) -> bool:
    """Take the greatest of a measure that is the same in every row of the group instead of their sum."""
    group = select.args.get("group")
    if not isinstance(side, exp.Sum) or not isinstance(side.this, exp.Column) or group is None:
        return False
    thing = _source(side.this, sources)
    if thing is None or thing.table is None or not is_repeated(thing, sources, names):
        return False
    own = {*names.joins.own.called(thing.table), names.joins.own.key(thing.table)}
    keys = [key for key in group.expressions if isinstance(key, exp.Column)]
    if not any(_source(key, sources) is thing and folded(key.this) in own for key in keys):
        return False
    side.replace(exp.Max(this=side.this.copy()))
    return True


RULE = Rule("turned_rate", _fix)
