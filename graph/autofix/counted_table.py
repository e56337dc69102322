"""``COUNT(*)`` of another table's rows: "how many restaurants in each region" counted over the regions.

The table that the question counts is joined in, when exactly one join leads to it from a table of FROM.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import identifier
from graph.context.words import name_words, stem, words
from wire.snapshot import Table

_COUNTED = re.compile(r"\b(?:how\s+many|number\s+of|count\s+of)\s+((?:\w+\s+){0,1}\w+)", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or select.args.get("joins") or not select.args.get("group"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) != 1 or sources[0].table is None:
        return None
    if not any(isinstance(count.this, exp.Star) for count in scope.find_all(exp.Count)):
        return None
    here = sources[0].table
    counted = _counted(context.question, names.snapshot.tables)
    if counted is None or counted is here or any(True for _ in select.find_all(exp.Subquery)):
        return None
    ways = names.joins.between(here.qualified_name, counted.qualified_name)
    if len(ways) != 1:
        return None
    way = ways[0]
    on = exp.and_(
        *(
            exp.EQ(
                this=exp.column(identifier(left), table=sources[0].alias),
                expression=exp.column(identifier(right), table=counted.name),
            )
            for left, right in zip(way.left_columns, way.right_columns, strict=True)
        )
    )
    table = exp.Table(
        this=identifier(counted.name),
        db=None if counted.schema_name in names.snapshot.search_path else identifier(counted.schema_name),
    )
    for column in names.columns(scope):
        if not column.args.get("table"):
            column.set("table", exp.to_identifier(sources[0].alias))
    select.append("joins", exp.Join(this=table, on=on))
    return f"{counted.name} is what is counted; it is joined to {here.name}."


def _counted(question: str, tables: list[Table]) -> Table | None:
    """The one table whose whole name follows "how many"."""
    for phrase in _COUNTED.findall(question):
        spoken = [stem(word) for word in words(phrase)]
        for length in (2, 1):
            found = [
                table
                for table in tables
                if [stem(word) for word in name_words(table.name)] == spoken[:length]
                and table.partition_of is None
            ]
            if len(found) == 1:
                return found[0]
    return None


RULE = Rule("counted_table", _fix)
