"""``COUNT(*)`` over a table that keeps counts: "how many check-ins" of rows that have a ``count`` each."""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, is_integer
from graph.context.words import name_words, stem, words

_HOW_MANY = re.compile(
    r"\b(?:how\s+many|(?:total\s+)?(?:number|count)\s+of|total)\s+((?:[\w-]+\s+){0,2}[\w-]+)", re.IGNORECASE
)
_COUNTS = ("count", "cnt")
"""Names of columns that hold how many of the table's things a row stands for. A quantity is none: an order's
line is one line, whatever it orders."""


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        for count in list(scope.find_all(exp.Count)):
            if not isinstance(count.this, exp.Star) or isinstance(count.parent, exp.Filter | exp.Window):
                continue
            for source in context.names.sources(scope):
                kept = next((name for name in _COUNTS if _is_number(source, name)), None)
                if kept is None or not _is_counted(source, context.question):
                    continue
                count.replace(exp.Sum(this=exp.column(kept, table=source.alias)))
                return f"A row of {source.alias} stands for as many as its {kept} says; these are added up."
    return None


def _is_number(source: Source, name: str) -> bool:
    return source.table is not None and is_integer((source.columns or {}).get(name, ""))


def _is_counted(source: Source, question: str) -> bool:
    """Whether the question asks how many of the table's own things there are."""
    table = "".join(stem(word) for word in name_words(source.table.name)) if source.table else ""
    for phrase in _HOW_MANY.findall(question):
        joined = "".join(words(phrase))
        if table and (joined.startswith(table) or stem(joined) == table):
            return True
    return False


RULE = Rule("counted_rows", _fix)
