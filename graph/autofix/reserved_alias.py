"""An alias that is one of PostgreSQL's reserved words, as in ``domain_offer AS do``."""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.context.words import listed

RESERVED: frozenset[str] = listed(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
    is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using variadic verbose
    when where window with
    """
)
"""Words that PostgreSQL takes neither as a table alias nor as a column's qualifier."""


def _fix(context: Context) -> str | None:
    taken = {name.this.lower() for name in context.tree.find_all(exp.Identifier)}
    for alias in context.tree.find_all(exp.TableAlias):
        name = alias.this
        if not isinstance(name, exp.Identifier) or name.quoted or name.this.lower() not in RESERVED:
            continue
        fresh = next(
            candidate
            for number in range(1, 1000)
            if (candidate := f"{name.this.lower()}_{number}") not in taken
        )
        for column in context.tree.find_all(exp.Column):
            qualifier = column.args.get("table")
            if isinstance(qualifier, exp.Identifier) and qualifier.this.lower() == name.this.lower():
                column.set("table", exp.to_identifier(fresh))
        alias.set("this", exp.to_identifier(fresh))
        return f"The alias {name.this} is a reserved word; it is {fresh} now."
    return None


def rename_in_text(sql: str) -> str:
    """The statement with reserved aliases renamed, for those that the parser cannot read at all."""
    for word in re.findall(
        r"\b(?:AS)\s+([A-Za-z]+)\b(?=\s+(?:ON|JOIN|WHERE|LEFT|INNER|GROUP|ORDER)\b)", sql, re.I
    ):
        if word.lower() in RESERVED:
            sql = re.sub(rf"\bAS\s+{word}\b", f"AS {word.lower()}_1", sql, flags=re.I)
            sql = re.sub(rf"\b{word}\.(?=\w)", f"{word.lower()}_1.", sql, flags=re.I)
    return sql


RULE = Rule("reserved_alias", _fix)
