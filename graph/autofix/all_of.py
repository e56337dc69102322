"""One column equal to two values at once, which no row is: the things that have both are meant.

``WHERE d.name = 'A' AND d.name = 'B'`` becomes the groups of what is selected in which both values occur.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or select.args.get("group") or not select.args.get("where"):
        return None
    if not all(isinstance(item.unalias(), exp.Column) for item in select.selects) or select.is_star:
        return None
    condition = select.args["where"].this
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else []
    wanted: dict[str, list[exp.Expr]] = {}
    for part in parts:
        if (
            isinstance(part, exp.EQ | exp.ILike)
            and isinstance(part.this, exp.Column)
            and _text(part.expression)
        ):
            wanted.setdefault(part.this.sql(), []).append(part)
    for tests in wanted.values():
        values = {test.expression.name for test in tests}
        if len(values) < 2 or any(_pattern(value) for value in values):
            continue
        column = tests[0].this.copy()
        either = exp.or_(*(test.copy() for test in tests))
        kept = [part.copy() for part in parts if not any(part is test for test in tests)]
        select.set("where", exp.Where(this=exp.and_(*kept, exp.paren(either))))
        select.set("distinct", None)
        select.set("group", exp.Group(expressions=[item.unalias().copy() for item in select.selects]))
        count = exp.Count(this=exp.Distinct(expressions=[column]))
        select.set("having", exp.Having(this=exp.EQ(this=count, expression=exp.Literal.number(len(values)))))
        return f"No row has {column.name} equal to {len(values)} values; what has all of them is looked for."
    return None


def _text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _pattern(value: str) -> bool:
    return "%" in value or "_" in value


RULE = Rule("all_of", _fix)
