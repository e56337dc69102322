"""A table without its schema, or named nearly right: ``author`` for ``authors``, ``users`` in ``app``."""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, identifier
from graph.context.words import name_words, stem
from wire.snapshot import SchemaSnapshot, Table


def _fix(context: Context) -> str | None:
    names = context.names
    shadowed = {folded(cte.args["alias"].this) for cte in context.tree.find_all(exp.CTE)}
    for node in context.tree.find_all(exp.Table):
        name = folded(node.this) if isinstance(node.this, exp.Identifier) else ""
        schema = folded(node.args.get("db"))
        if not name or (not schema and name in shadowed) or names.table(node) is not None:
            continue
        if node.args.get("catalog") or schema in {"pg_catalog", "information_schema"}:
            continue
        found = _only([table for table in names.snapshot.tables if table.name == name]) or _only(
            [table for table in names.snapshot.tables if same_name(table.name, name)]
        )
        if found is None:
            continue
        said = f"{schema}.{name}" if schema else name
        _rename(node, found, names.snapshot, old=name, schema=schema)
        return f"The table is {found.qualified_name}; there is no {said}."
    return None


def _rename(node: exp.Table, found: Table, snapshot: SchemaSnapshot, *, old: str, schema: str) -> None:
    aliased = bool(node.alias)
    node.set("this", identifier(found.name))
    on_path = found.schema_name in snapshot.search_path
    node.set("db", None if on_path and not schema else identifier(found.schema_name))
    if not aliased and found.name != old:
        # Columns refer to the table by the name it was given.
        node.set("alias", exp.TableAlias(this=exp.to_identifier(old)))


def same_name(left: str, right: str) -> bool:
    """Whether two names differ only in number, case or separators."""
    if left.replace("_", "").lower() == right.replace("_", "").lower():
        return True
    return [stem(word) for word in name_words(left)] == [stem(word) for word in name_words(right)]


def _only(tables: list[Table]) -> Table | None:
    return tables[0] if len(tables) == 1 else None


RULE = Rule("table_name", _fix)
