"""Groups that must be counted: "how many customers placed more than 20 orders" as a figure for each customer.

``COUNT(DISTINCT customer_id) … GROUP BY customer_id HAVING COUNT(*) > 20`` says 1 for each group; what is
asked for is how many groups there are. Without GROUP BY the condition on groups is held against all rows at
once. Only where the question asks how many there are of what the groups are.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import asked_groups
from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.words import stem, words

_HOW_MANY = re.compile(
    r"\b(?:how\s+many|number\s+of|count\s+of)\s+(?:unique\s+|distinct\s+|different\s+)?((?:\w+\s+){0,3}\w+)",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\b(?:list|show|name|(?:and|also)\s+(?:which|what|who|how))\b", re.IGNORECASE)
_FEW = frozenset({"people", "staff", "men", "women", "children"})
_ENDINGS = frozenset({"id", "key", "code", "no", "number", "name", "title"})
_ALIAS = "counted"


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    phrases = _HOW_MANY.findall(question)
    if not isinstance(select, exp.Select) or len(phrases) != 1 or asked_groups(question):
        return None
    having = select.args.get("having")
    if having is None or not having.find(exp.AggFunc) or _LISTED.search(question):
        return None
    if any(select.args.get(part) for part in ("distinct", "limit", "offset", "with_")):
        return None
    counts = [item for item in select.selects if isinstance(item.unalias(), exp.Count)]
    shown = [item.unalias() for item in select.selects if not isinstance(item.unalias(), exp.Count)]
    if len(counts) != 1 or select.find(exp.Window):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    group = select.args.get("group")
    keys = group.expressions if group is not None else [_distinct(counts[0].unalias())]
    columns = [key for key in keys if isinstance(key, exp.Column)]
    if len(columns) != len(keys) or not all(item in columns for item in shown):
        return None
    asked = asked_things(phrases[0])
    things = [key for key in columns if is_called(key, asked, sources, names)]
    if not things:
        return None
    inner = select.copy()
    inner.set("expressions", [things[0].copy()])
    inner.set("group", exp.Group(expressions=[key.copy() for key in columns]))
    inner.set("order", None)
    count: exp.Expr = exp.Count(this=exp.Star())
    if len(columns) > 1 or _may_be_null(things[0], names, sources):
        name = exp.column(identifier(folded(things[0].this)), table=_ALIAS)
        count = exp.Count(this=exp.Distinct(expressions=[name]))
    alias = counts[0].alias
    outer = exp.select(exp.alias_(count, identifier(alias)) if alias else count).from_(inner.subquery(_ALIAS))
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)
    return f"Asked how many: the groups of {things[0].name} are counted, not the rows of each."


def _distinct(count: exp.Expr) -> exp.Expr | None:
    """What a count counts once each."""
    inner = count.this
    return inner.expressions[0] if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1 else None


def asked_things(phrase: str) -> list[str]:
    """The words of the things asked for, up to the first plural: not customer of *customer orders*."""
    said = words(phrase)
    length = next((at for at, word in enumerate(said, 1) if word.endswith("s") or word in _FEW), 0)
    return [stem(word) for word in said[:length]]


def is_called(key: exp.Column, asked: list[str], sources: list[Source], names: Names) -> bool:
    """Whether a column tells apart the things that were asked for: it is called so, or their table is."""
    source, name = _source(key, sources), folded(key.this)
    if source is None or source.table is None:
        return False
    said = names.joins.short.column_words(source.table, name)
    calls = [said, said[:-1] if said[-1:] and said[-1] in _ENDINGS else []]
    own = (names.joins.own.key(source.table), *names.joins.own.called(source.table))
    if name in own:
        calls.append(names.joins.short.table_words(source.table))
    for join in names.joins.of(source.table.qualified_name):
        if join.left_columns == (name,) and join.right in names.joins.referred(source.table.qualified_name):
            schema, _, table = join.right.rpartition(".")
            target = names.snapshot.table(schema, table)
            calls.append(names.joins.short.table_words(target) if target is not None else [])
    stemmed = [[stem(word) for word in call] for call in calls if call]
    return any(asked[-len(call) :] == call for call in stemmed)


def _may_be_null(key: exp.Column, names: Names, sources: list[Source]) -> bool:
    source = _source(key, sources)
    column = source.table.column(folded(key.this)) if source is not None and source.table else None
    return column is None or column.nullable


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


RULE = Rule("counted_groups", _fix)
