"""The group of rows that say nothing, where the question wants it left out: "skip those without a reason"."""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_SKIPPED = re.compile(
    r"\b(?:skip|ignor\w+|leav\w+\s+out|exclud\w+|except|omit\w*|drop\w*|disregard\w*|(?:not|n['’]t)\s+count)\b[^.?!]*"
    r"\b(?:nobody|no\s*one|none|nothing|blank|blanks|empty|missing|unknown|null|nulls|unspecified|without|with\s+no|"
    r"(?:not|n['’]t|never)\s+(?:\w+\s+)?(?:given|known|recorded|filled|stated|entered|noted|set|written))\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    if not _SKIPPED.search(context.question):
        return None
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        group = select.args.get("group") if isinstance(select, exp.Select) else None
        if group is None or len(group.expressions) != 1 or not isinstance(group.expressions[0], exp.Column):
            continue
        key = group.expressions[0]
        known = names.column(key, scope)
        where, having = select.args.get("where"), select.args.get("having")
        if (
            known is None
            or not known.nullable
            or (having is not None and key in list(having.find_all(exp.Column)))
        ):
            continue
        if where is not None and key.name in {column.name for column in where.find_all(exp.Column)}:
            continue
        known_one = exp.Is(this=key.copy(), expression=exp.Null()).not_()
        select.set("where", exp.Where(this=exp.and_(where.this.copy(), known_one) if where else known_one))
        return f"Rows that have no {key.name} are left out, as asked."
    return None


RULE = Rule("blank_group", _fix)
