"""A text in double quotes, which PostgreSQL takes for a name: ``city = "Paris"``."""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded

_PLACES = (exp.EQ, exp.NEQ, exp.Like, exp.ILike, exp.In, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def _fix(context: Context) -> str | None:
    for item in context.names.unresolved():
        column = item.column
        quoted = isinstance(column.this, exp.Identifier) and column.this.quoted
        if not quoted or column.args.get("table") or item.problem != "absent":
            continue
        place = column.parent
        if not isinstance(place, _PLACES) or place.this is column:
            continue
        if any(source.has(folded(column.this)) for source in context.names.visible(item.scope)):
            continue
        column.replace(exp.Literal.string(column.name))
        return f'"{column.name}" is a text and not a name; it stands in single quotes.'
    return None


RULE = Rule("quoted_literal", _fix)
