"""A list that is compared with by a key that its table does not have, where both have what is shown.

``SELECT country … WHERE office_id NOT IN (SELECT office_id FROM customers)`` for countries with an office and
without customers: a customer has no office, but a country, and that is what is asked for.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded
from graph.context.joins import type_family
from graph.context.words import name_words, stem, words


def _fix(context: Context) -> str | None:
    names = context.names
    for item in names.unresolved():
        inner = item.scope.expression
        if not isinstance(inner, exp.Select):
            continue
        test = inner.find_ancestor(exp.In, exp.Select)
        outer = test.find_ancestor(exp.Select) if isinstance(test, exp.In) else None
        if item.problem != "absent" or not isinstance(test, exp.In) or not isinstance(outer, exp.Select):
            continue
        name = folded(item.column.this)
        is_listed = len(inner.selects) == 1 and inner.selects[0].unalias() is item.column
        if not is_listed or not isinstance(test.this, exp.Column) or folded(test.this.this) != name:
            continue
        shown = [one.unalias() for one in outer.selects]
        if len(shown) != 1 or not isinstance(shown[0], exp.Column) or isinstance(shown[0].this, exp.Star):
            continue
        column = folded(shown[0].this)
        outside = _only(names, outer)
        inside = _only(names, inner)
        if outside is None or inside is None or column == name or not _is_asked(column, context.question):
            continue
        if not _share(outside, inside, column):
            continue
        item.column.set("this", shown[0].this.copy())
        test.this.replace(shown[0].copy())
        return f"{inside.alias} has no {name}; its {column} is compared, which is what is asked for."
    return None


def _only(names: Names, select: exp.Select) -> Source | None:
    """The one table that the query reads."""
    scope = next((one for one in names.scopes if one.expression is select), None)
    sources = names.sources(scope) if scope is not None else []
    return sources[0] if len(sources) == 1 and sources[0].table is not None else None


def _is_asked(column: str, question: str) -> bool:
    """Whether the question has the column's word."""
    return stem(name_words(column)[-1]) in {stem(word) for word in words(question)}


def _share(one: Source, other: Source, column: str) -> bool:
    """Whether both tables have the column, of one kind."""
    kinds = [(source.columns or {}).get(column) for source in (one, other)]
    return None not in kinds and type_family(kinds[0] or "") == type_family(kinds[1] or "")


RULE = Rule("shared_column", _fix)
