"""Things counted once for each row of one table that refers to them: "how many customers ordered" as
``COUNT(*) FROM orders``, "how many managers" as ``COUNT(manager_id) FROM staff``.

Where FROM holds the things' table as well, ``counted_things`` sees to it.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, identifier
from graph.context.words import name_words, stem, words
from wire.snapshot import Table

_HOW_MANY = re.compile(
    r"\b(?:how\s+many|number\s+of|count\s+of)\s+(?:unique\s+|distinct\s+|different\s+)?((?:\w+\s+){0,2}\w+)",
    re.IGNORECASE,
)
_UNDERGONE = re.compile(
    r"\b(?:how\s+many|number\s+of|count\s+of)\s+(?:\w+\s+){1,3}?(?:(?:that|which)\s+)?"
    r"(?:were|was|(?:has|have|had)\s+been|got)\s+(?:\w+ly\s+)?\w+(?:ed|en|wn|ght|nt|ld|lt|st|ut|id|de)\b",
    re.IGNORECASE,
)
"""*How many books were borrowed* may count a book as often as it was; who borrows is one person each time."""
_FEW = frozenset({"people", "staff", "men", "women", "children"})


def _fix(context: Context) -> str | None:
    phrases = _HOW_MANY.findall(context.question)
    names = context.names
    if len(phrases) != 1 or len(names.scopes) != 1 or _UNDERGONE.search(context.question):
        return None
    select = names.scopes[0].expression
    sources = names.sources(names.scopes[0])
    if not isinstance(select, exp.Select) or len(sources) != 1 or sources[0].table is None:
        return None
    counts = [count for item in select.selects for count in item.find_all(exp.Count)]
    if len(counts) != 1 or isinstance(counts[0].parent, exp.Window | exp.Filter | exp.Div | exp.Mul):
        return None
    [count], table = counts, sources[0].table
    said = words(phrases[0])
    own = count.this.name if isinstance(count.this, exp.Column) else ""
    key = _reference(said, table, names, counted=own.lower())
    if key is None or not (isinstance(count.this, exp.Star) or _is_key(count.this, key, table)):
        return None
    group = select.args.get("group")
    keyed = group is not None and any(
        name_words(one.name)[-1:] == ["id"] for one in group.find_all(exp.Column)
    )
    if keyed:
        return None  # a table of pairs has each only once
    column = exp.column(identifier(key), table=None)
    count.set("this", exp.Distinct(expressions=[column]))
    return f"Each {key} is counted once, however many rows of {table.name} have it."


def _reference(said: list[str], table: Table, names: Names, *, counted: str) -> str | None:
    """The one column by which rows of the table refer to what the phrase counts.

    Where no table is called so, the rows themselves may be those things (staff whose title is manager): then
    only the column that is counted will do.
    """
    # How many customers, and not how many customer orders: the first plural is the thing.
    length = next((at for at, word in enumerate(said, 1) if word.endswith("s") or word in _FEW), 0)
    spoken = [stem(word) for word in said[:length]]
    if not spoken or spoken == _stems(names.joins.short.table_words(table)):
        return None
    tables = {one.qualified_name: one for one in names.snapshot.tables}
    found = {
        join.left_columns[0]
        for target in names.joins.referred(table.qualified_name)
        for join in names.joins.between(table.qualified_name, target)
        if len(join.left_columns) == 1 and _stems(names.joins.short.table_words(tables[target])) == spoken
    }
    found |= {
        column.name
        for column in table.columns
        for parts in [name_words(column.name)]
        if column.name == counted and parts[-1:] == ["id"] and _stems(parts[:-1]) == spoken
    }
    return found.pop() if len(found) == 1 and not _is_single(found, table) else None


def _stems(said: list[str]) -> list[str]:
    return [stem(word) for word in said]


def _is_single(columns: set[str], table: Table) -> bool:
    """Whether no two rows have the same value there."""
    return any(set(key) == columns for key in [table.primary_key, *table.unique_keys])


def _is_key(node: exp.Expr, key: str, table: Table) -> bool:
    """Whether a count is of the reference itself, or of the rows by their own key."""
    if not isinstance(node, exp.Column):
        return False
    return folded(node.this) == key or [folded(node.this)] == table.primary_key


RULE = Rule("counted_values", _fix)
