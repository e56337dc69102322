"""``COUNT(*)`` over a table that keeps counts: "how many check-ins" of rows that have a ``count`` each.

A column that is called as what is asked for holds a count too: "how many working days" of rows that have
``working_days``.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of_type
from graph.autofix.names import Names, Source, folded, identifier, is_integer
from graph.context.words import name_words, stem, words

_HOW_MANY = re.compile(
    r"\b(?:how\s+many|(?:total\s+)?(?:number|count)\s+of|total)\s+((?:[\w-]+\s+){0,2}[\w-]+)", re.IGNORECASE
)
_ASKED = re.compile(
    r"\b(?:how\s+many|(?:total\s+)?(?:number|count)\s+of)\s+((?:\w+\s+){0,2}\w+)", re.IGNORECASE
)
_COUNTS = ("count", "cnt")
"""Names of columns that hold how many of the table's things a row stands for. A quantity is none: an order's
line is one line, whatever it orders."""


def _fix(context: Context) -> str | None:
    return _by_count(context) or _by_name(context)


def _by_count(context: Context) -> str | None:
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


def _by_name(context: Context) -> str | None:
    """A column that holds as many of the things asked for as its row stands for."""
    names, select = context.names, context.tree
    phrases = _ASKED.findall(context.question)
    if not isinstance(select, exp.Select) or len(phrases) != 1 or select.args.get("having"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) != 1 or sources[0].table is None:
        return None
    [source] = sources
    kept = _kept(phrases[0], source, names)
    counts = [count for count in select.find_all(exp.Count) if count.parent_select is select]
    if kept is None or not counts or select.find(exp.Sum, exp.Avg, exp.Window, exp.Filter, exp.Div):
        return None
    if not all(_is_of_rows(count, kept, source, names) for count in counts):
        return None
    for count in counts:
        count.replace(exp.Sum(this=exp.column(identifier(kept))))
    return f"{kept} says how many; they are added up, the rows of {source.alias} not counted."


def _kept(phrase: str, source: Source, names: Names) -> str | None:
    """The one numeric column that is called as the things of a phrase, where no table is."""
    said = words(phrase)
    length = next((at for at, word in enumerate(said, 1) if word.endswith("s")), 0)
    spoken = [stem(word) for word in said[:length]]
    tables = [names.joins.short.table_words(table) for table in names.snapshot.listed]
    if not spoken or any(spoken[-len(table) :] == [stem(word) for word in table] for table in tables):
        return None
    found = [
        name
        for name, kind in (source.columns or {}).items()
        if kind_of_type(kind) in {"integer", "number"}
        and [stem(word) for word in name_words(name)] == spoken
        and name_words(name)[-1].endswith("s")
    ]
    return found[0] if len(found) == 1 else None


def _is_of_rows(count: exp.Count, kept: str, source: Source, names: Names) -> bool:
    """Whether all rows are counted, or the column's values."""
    if isinstance(count.this, exp.Star):
        return True
    own = names.joins.own.key(source.table) if source.table is not None else None
    return isinstance(count.this, exp.Column) and folded(count.this.this) in {kept, own}


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
