"""The figure of all, where the one thing that has the most of it is asked for.

"Which procedure took the longest on average?" as ``SELECT AVG(ended - started)`` over all operations, and
"which product is the most expensive?" as ``MAX(price)``. The figure is taken of each of the things, and the
first of them is given: those of a table or column of FROM, or of a table that FROM refers to. The most of
figures that a subquery has already taken for each of them is given with its thing.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import thing_column, ungrouped
from graph.autofix.asked_table import outside_table, shown_of, way_to
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.missing_join import join_along
from graph.autofix.names import Source, folded, identifier, output_name
from graph.autofix.superlative import AskedOne, asked_one
from graph.context.joins import Join
from graph.context.words import name_words, stem, words

_FIGURES = frozenset({"integer", "number", "interval", ""})
_KEYS = frozenset({"id", "code", "key", "no", "number"})
_PERIOD = re.compile(r"\b(?:in|on|within|during)\s+(?:a|one|any)\s+(?:single\s+)?\w+", re.IGNORECASE)
"""The most of one period, which has to be told apart as well: "the most orders on a single day"."""


def _fix(context: Context) -> str | None:
    asked = asked_one(context.question)
    if asked is None or not asked.thing or _PERIOD.search(context.question):
        return None
    return _of_rows(context, asked) or _of_groups(context, asked)


def _of_rows(context: Context, asked: AskedOne) -> str | None:
    """One aggregate over all rows: over those of each thing."""
    found, names = ungrouped(context), context.names
    if found is None:
        return None
    select, sources = found
    if len(select.selects) != 1 or select.args.get("order") or select.args.get("having"):
        return None
    figure = select.selects[0].unalias()
    if isinstance(figure, exp.Round):
        figure = figure.this
    if not isinstance(figure, exp.Avg | exp.Sum | exp.Count | exp.Max | exp.Min) or figure.find(exp.Window):
        return None
    if isinstance(figure, exp.Max if not asked.down else exp.Min) or select.find(exp.Subquery):
        return None
    if kind_of(figure, names, names.scopes[-1]) not in _FIGURES:
        return None
    things = _things(asked.thing, sources, context)
    if not things or _is_counted(figure, things, context):
        return None
    key = exp.Ordered(this=figure.copy(), desc=asked.down or None, nulls_first=False)
    select.set("expressions", [*(one.copy() for one in things), *select.selects])
    select.set("group", exp.Group(expressions=[one.copy() for one in things]))
    select.set("order", exp.Order(expressions=[key]))
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    which = "highest" if asked.down else "lowest"
    return f"Asked which {asked.thing}: the one with the {which} {figure.sql(dialect='postgres')} is given."


def _things(phrase: str, sources: list[Source], context: Context) -> list[exp.Column]:
    """What tells the things apart: their names and their key, joined in where FROM only refers to them."""
    names = context.names
    said = [stem(word) for word in words(phrase)]
    for source in sources:
        if source.table is not None and [
            stem(word) for word in names.joins.short.table_words(source.table)
        ] in (said, said[-1:]):
            own = names.joins.own.key(source.table)
            told = [*names.joins.own.called(source.table), *([own] if own else [])]
            return [exp.column(identifier(name), table=source.alias) for name in dict.fromkeys(told)]
    outside = outside_table(phrase, names, sources)
    if outside is not None:
        table, role = outside
        way = way_to(names, sources, table, role)
        if way is None:
            return []
        place = len(context.tree.args.get("joins") or ())
        alias = join_along(names, names.scopes[-1], sources, way, wanted="", place=place)
        return [exp.column(identifier(name), table=alias) for name in shown_of(table, way[-1], names)]
    if way := _reference(said, sources, context):
        place = len(context.tree.args.get("joins") or ())
        alias = join_along(names, names.scopes[-1], sources, way, wanted="", place=place)
        schema, _, name = way[-1].right.rpartition(".")
        referred = names.snapshot.table(schema, name)
        told = shown_of(referred, way[-1], names) if referred is not None else []
        return [exp.column(identifier(name), table=alias) for name in told]
    keys = [(one, name) for one in sources for name in one.columns or () if _is_key_of(name, said)]
    if len(keys) == 1:
        return [exp.column(identifier(keys[0][1]), table=keys[0][0].alias)]
    found = thing_column(phrase, sources, names)
    if found is None:
        return []
    column = exp.column(identifier(found[1]), table=found[0].alias)
    # A number is no thing: what has the highest total is not a total.
    return [column] if kind_of(column, names, names.scopes[-1]) == "text" else []


def _reference(said: list[str], sources: list[Source], context: Context) -> list[Join]:
    """The join to the things whose key the rows have under their name: the agent of ``agent_no``."""
    here = {source.table.qualified_name for source in sources if source.table is not None}
    joins = context.names.joins
    found = {
        join.right: join
        for own in here
        for join in joins.of(own)
        if join.left == own
        and len(join.left_columns) == 1
        and _is_key_of(join.left_columns[0], said)
        and join.right in joins.referred(own)
    }
    return list(found.values()) if len(found) == 1 and not here & {*found} else []


def _is_key_of(column: str, said: list[str]) -> bool:
    """``procedure_code`` is a procedure's, whatever the table is called that has them."""
    own = name_words(column)
    return own[-1] in _KEYS and [stem(word) for word in own[:-1]] == said


def _is_counted(figure: exp.Expr, things: list[exp.Column], context: Context) -> bool:
    """Whether it is the things themselves that are counted: of each there is one."""
    if not isinstance(figure, exp.Count) or len(context.names.sources(context.names.scopes[-1])) > 1:
        return False
    return any(
        folded(one.this) in {folded(thing.this) for thing in things} for one in figure.find_all(exp.Column)
    )


def _of_groups(context: Context, asked: AskedOne) -> str | None:
    """``SELECT MAX(n) FROM (SELECT thing, COUNT(*) AS n … GROUP BY thing)``: the thing with it."""
    select = context.tree
    if not isinstance(select, exp.Select) or len(select.selects) != 1 or select.args.get("joins"):
        return None
    if any(select.args.get(part) for part in ("where", "group", "having", "order", "limit", "with_")):
        return None
    source = select.args.get("from_")
    given = source.this if source is not None else None
    if not isinstance(given, exp.Subquery):
        return None
    inner = given.unnest()
    end = select.selects[0].unalias()
    if not isinstance(inner, exp.Select) or not isinstance(end, exp.Max if asked.down else exp.Min):
        return None
    if not isinstance(end.this, exp.Column) or not inner.args.get("group") or inner.args.get("limit"):
        return None
    keys = [item for item in inner.selects if not item.find(exp.AggFunc)]
    if not keys or not all(isinstance(item.unalias(), exp.Column) for item in keys):
        return None
    if folded(end.this.this) not in {output_name(item) for item in inner.selects if item not in keys}:
        return None
    shown = [exp.column(identifier(output_name(item)), table=given.alias or None) for item in keys]
    order = exp.Ordered(this=end.this.copy(), desc=asked.down or None, nulls_first=False)
    select.set("expressions", [*shown, end.this.copy()])
    select.set("order", exp.Order(expressions=[order]))
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    return f"Asked which {asked.thing}: the one with this {folded(end.this.this)} is given."


RULE = Rule("asked_holder", _fix)
