"""Things of which *only* one kind of row is asked for, and that may have others as well.

"Customers with only cancelled subscriptions": a cancelled one is not enough, there must be no other. Only
where the question says *have*, *with*, *bought* … *only*, what is counted or shown is what those rows refer
to, and the kind is all that the query asks of them.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, conditions_of, folded, held_texts, identifier
from graph.context.words import fold, words

_HAS = (
    r"(?:have|has|had|having|with|bought|buys?|got|gets?|holds?|held|owns?|owned|uses?|used|takes?|took|placed|"
    r"ordered|made|paid)"
)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or scope.expression is not select or not isinstance(select, exp.Select):
        return None
    if select.args.get("group") or select.args.get("having") or select.args.get("limit"):
        return None
    tests = list(held_texts(one for one in conditions_of(select) if isinstance(one, exp.EQ)))
    sources = names.sources(scope)
    if len(conditions_of(select)) != 1 or len(tests) != 1 or any(one.table is None for one in sources):
        return None
    test, column, literal = tests[0]
    if not _is_only(literal.name, context.question) or any(
        join.side for join in select.args.get("joins") or ()
    ):
        return None
    key = _key(select, _source(column, sources), sources, names)
    if key is None:
        return None
    others = select.copy()
    for arg in ("order", "distinct"):
        others.set(arg, None)
    others.set("expressions", [key.copy()])
    other = exp.NEQ(this=column.copy(), expression=literal.copy())
    known = exp.Not(this=exp.Is(this=key.copy(), expression=exp.Null()))
    others.set("where", exp.Where(this=exp.and_(other, known)))
    listed = exp.In(this=key.copy(), query=exp.Subquery(this=others))
    select.set("where", exp.Where(this=exp.and_(test.copy(), exp.Not(this=listed))))
    return f"Asked for only {literal.name}: what has any other {column.name} as well is left out."


def _is_only(value: str, question: str) -> bool:
    said = r"\W+".join(rf"{re.escape(word)}(?:s|es)?" for word in words(value))
    before = rf"\b{_HAS}\s+(?:\w+\s+)?only\s+(?:\w+\s+)?{said}\b(?!\s*(?:,|and\b|or\b))"
    after = rf"\bonly\s+(?:ever\s+)?{_HAS}\s+(?:\w+\s+)?{said}\b(?!\s*(?:,|and\b|or\b))"
    return bool(said) and bool(re.search(f"{before}|{after}", fold(question)))


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
    qualifier, name = folded(column.args.get("table")), folded(column.this)
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _key(select: exp.Select, tested: Source | None, sources: list[Source], names: Names) -> exp.Column | None:
    """What tells the things apart that are counted or shown, where tested rows refer to them."""
    items = [item.unalias() for item in select.selects]
    if len(items) == 1 and isinstance(items[0], exp.Count) and isinstance(items[0].this, exp.Distinct):
        items = items[0].this.expressions
    columns = [item for item in items if isinstance(item, exp.Column) and not isinstance(item.this, exp.Star)]
    if tested is None or tested.table is None or not items or len(columns) != len(items):
        return None
    things = [_source(item, sources) for item in columns]
    if any(thing is None or thing is not things[0] for thing in things):
        return None
    [thing] = things[:1]
    if thing is None or thing.table is None:
        return None
    own = tested.table.qualified_name
    if thing is tested:
        refers = len(columns) == 1 and any(
            join.left_columns == (folded(columns[0].this),) and join.right in names.joins.referred(own)
            for join in names.joins.of(own)
        )
        return columns[0] if refers else None
    key = names.joins.own.key(thing.table)
    if key is None:
        # Rows that stand between refer to the things: ``orders.customer_id`` of the products that are tested.
        return columns[0] if len(columns) == 1 and _refers(columns[0], thing, names) else None
    if len(columns) == 1 and folded(columns[0].this) != key and _refers(columns[0], thing, names):
        return columns[0]
    return exp.column(identifier(key), table=thing.alias) if is_repeated(thing, sources, names) else None


def _refers(column: exp.Column, source: Source, names: Names) -> bool:
    assert source.table is not None
    return names.joins.refers(source.table.qualified_name, folded(column.this))


RULE = Rule("only_value", _fix)
