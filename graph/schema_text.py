"""A snapshot as the text that a model reads: compact DDL in a fixed order, within a budget of tokens.

The order never depends on the question, so that providers' and llama.cpp's prompt caches hit. When the whole
does not fit, detail goes first and tables last: samples, then comments, then the columns of the tables that
fit least, of which the names remain.
"""

import re
from collections.abc import Collection, Iterator

from graph.context.short_names import ShortNames
from graph.context.short_names import short_names as short_names_of
from wire.snapshot import Column, SchemaSnapshot, Table

CHARACTERS_PER_TOKEN = 3.2
"""Of DDL, measured with the tokenizer of Qwen2.5; others differ by some 15 %."""
_COMMENT_CHARACTERS = 120
_VALUES = 12
"""Enum labels or samples shown of one column."""
_PLAIN = re.compile(r"^[a-z_][a-z0-9_$]*$")
_RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint
    create current_date current_role current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign from grant group having in initially intersect
    into lateral leading limit localtime localtimestamp not null offset on only or order placing primary
    references returning select session_user some symmetric table then to trailing true union unique
    user using variadic when where window with
    """.split()  # noqa: SIM905 - a list of words, not of quotes
)


def schema_text(
    snapshot: SchemaSnapshot,
    *,
    tables: Collection[str] | None = None,
    token_budget: int = 6_000,
    short_names: bool = True,
) -> str:
    """The DDL of these tables.

    Args:
        snapshot: what may be read.
        tables: ``schema.table`` of those to show; None shows all.
        token_budget: about how many tokens the text may have.
        short_names: whether glued and shortened names are said in words, and what they refer to is shown.
    """
    short = short_names_of(snapshot) if short_names else None
    if tables is None:
        shown = list(snapshot.listed)
    else:
        shown = [table for table in snapshot.tables if table.qualified_name in tables]
        parents = {table.qualified_name for table in shown}
        shown = [table for table in shown if table.partition_of not in parents]
    shown.sort(key=lambda table: (table.schema_name, table.name))
    text = ""
    for detail in (2, 1, 0):
        text = "\n".join(_ddl(table, snapshot, detail, short) for table in shown)
        if estimated_tokens(text) <= token_budget:
            return text
    return _cut(shown, snapshot, token_budget)


def estimated_tokens(text: str) -> int:
    """About how many tokens a text of DDL has."""
    return int(len(text) / CHARACTERS_PER_TOKEN) + 1


def shown_name(table: Table, snapshot: SchemaSnapshot) -> str:
    """The table's name as a query must write it: with its schema unless the search path finds it."""
    first = next(snapshot.named(table.name), None)
    if first is table and table.schema_name in snapshot.search_path:
        return quoted(table.name)
    return f"{quoted(table.schema_name)}.{quoted(table.name)}"


def quoted(name: str) -> str:
    """An identifier as SQL must write it: in double quotes only where it needs them."""
    if _PLAIN.match(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def _ddl(table: Table, snapshot: SchemaSnapshot, detail: int, short: ShortNames | None = None) -> str:
    keyword = "VIEW" if table.kind in ("view", "materialized_view") else "TABLE"
    said = " ".join(short.table_words(table)) if short and short.glues(table) else ""
    remark = _remark([_one_line(table.comment) or said] if detail else [])
    lines = [f"{keyword} {shown_name(table, snapshot)} ({remark}"]
    columns = list(_columns(table, snapshot, detail, short))
    width = len(columns)
    lines += [
        f"  {text}{',' if place < width else ''}{remark}" for place, (text, remark) in enumerate(columns, 1)
    ]
    return "\n".join([*lines, ");"])


def _columns(
    table: Table, snapshot: SchemaSnapshot, detail: int, short: ShortNames | None
) -> Iterator[tuple[str, str]]:
    single = {key.columns[0]: key for key in table.foreign_keys if len(key.columns) == 1}
    for column in table.columns:
        text = f"{quoted(column.name)} {column.type}"
        if table.primary_key == [column.name]:
            text += " PRIMARY KEY"
        if key := single.get(column.name):
            text += (
                f" REFERENCES {_target(key.to_schema, key.to_table, snapshot)}({quoted(key.to_columns[0])})"
            )
        elif short and len(refers := short.refers(table, column.name)) == 1:
            text += f" REFERENCES {shown_name(refers[0][0], snapshot)}({quoted(refers[0][1])})"
        remarks = _remarks(column, detail)
        if short and detail and not column.comment and not key and (said := short.gloss(table, column.name)):
            remarks.insert(0, said)
        yield text, _remark(remarks)
    if len(table.primary_key) > 1:
        yield f"PRIMARY KEY ({', '.join(map(quoted, table.primary_key))})", ""
    for key in table.foreign_keys:
        if len(key.columns) > 1:
            mine, theirs = ", ".join(map(quoted, key.columns)), ", ".join(map(quoted, key.to_columns))
            yield (
                f"FOREIGN KEY ({mine}) REFERENCES {_target(key.to_schema, key.to_table, snapshot)}({theirs})",
                "",
            )


def _target(schema_name: str, name: str, snapshot: SchemaSnapshot) -> str:
    table = snapshot.table(schema_name, name)
    return shown_name(table, snapshot) if table else f"{quoted(schema_name)}.{quoted(name)}"


def _remarks(column: Column, detail: int) -> list[str]:
    remarks = []
    if detail and column.comment:
        remarks.append(_one_line(column.comment))
    if column.enum_values:
        remarks.append("one of " + _values(column.enum_values))
    elif detail > 1 and column.samples:
        remarks.append("such as " + _values(column.samples))
    if column.masked:
        remarks.append("masked")
    return remarks


def _values(values: list[str]) -> str:
    more = ", …" if len(values) > _VALUES else ""
    return ", ".join(literal(_one_line(value)) for value in values[:_VALUES]) + more


def _remark(parts: list[str]) -> str:
    text = "; ".join(part for part in parts if part)
    return f" -- {text}" if text else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _COMMENT_CHARACTERS else line[: _COMMENT_CHARACTERS - 1] + "…"


def _cut(tables: list[Table], snapshot: SchemaSnapshot, token_budget: int) -> str:
    """Narrow tables whole, the widest by name alone, in the usual order."""
    texts = {table.qualified_name: _ddl(table, snapshot, 0) for table in tables}
    names = {table.qualified_name: shown_name(table, snapshot) for table in tables}
    left = token_budget - estimated_tokens(", ".join(names.values()))
    whole: set[str] = set()
    for name in sorted(texts, key=lambda each: (len(texts[each]), each)):
        cost = estimated_tokens(texts[name])
        if cost > left:
            break
        left -= cost
        whole.add(name)
    told = "\n".join(texts[table.qualified_name] for table in tables if table.qualified_name in whole)
    rest = ", ".join(names[table.qualified_name] for table in tables if table.qualified_name not in whole)
    return f"{told}\n-- Further tables: {rest[: int(token_budget * CHARACTERS_PER_TOKEN)]}"
