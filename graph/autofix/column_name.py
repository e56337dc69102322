"""A column named nearly right: ``author_name`` for ``author.name``, ``num_likes`` for ``like_count``."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, identifier, is_output_of_subquery
from graph.context.words import name_words, stem

_SPELLED, _NEAR = 6, 0.85
"""Letters that a name needs before a near spelling counts, and how near it must be."""


def _fix(context: Context) -> str | None:
    return _rename(context, strict=True)


def _fix_late(context: Context) -> str | None:
    return _rename(context, strict=False)


def _rename(context: Context, *, strict: bool) -> str | None:
    names = context.names
    for item in names.unresolved():
        if item.problem == "ambiguous":
            continue
        name, qualifier = folded(item.column.this), folded(item.column.args.get("table"))
        sources = names.visible(item.scope)
        if any(source.has(name) for source in sources):
            continue  # written of the wrong table, not wrongly
        if not qualifier and _is_computed(item.column, name, item.scope.expression):
            continue  # what the query itself computes
        meant = [source for source in sources if source.alias == qualifier] if qualifier else sources
        if item.problem == "no_source" or (strict and _elsewhere(context, name)):
            continue
        # What a subquery gives is its own: taken from the query around it, it would be the same in every row.
        near = names.sources(item.scope) if is_output_of_subquery(item.column, item.scope) else sources
        found = _nearest(name, meant) or _nearest(name, near)
        if found is None:
            continue
        source, actual = found
        if _is_compared(item.column, actual):
            continue  # a column is not held against itself
        item.column.set("this", identifier(actual))
        if qualifier or len(sources) > 1:
            item.column.set("table", exp.to_identifier(source.alias))
        return f"The column is {source.alias}.{actual}; there is no {name}."
    return None


def _is_computed(column: exp.Column, name: str, select: exp.Expr) -> bool:
    """Whether it is the name of a select item, used where PostgreSQL does not know it yet."""
    inside = column.find_ancestor(exp.Where, exp.Having, exp.Select)
    if not isinstance(select, exp.Select) or not isinstance(inside, exp.Where | exp.Having):
        return False
    return inside.parent is select and any(
        isinstance(item, exp.Alias) and folded(item.args["alias"]) == name for item in select.selects
    )


def _is_compared(column: exp.Column, actual: str) -> bool:
    """Whether it stands beside the column of that very name, compared with it or taken from it."""
    beside = column.parent
    if not isinstance(beside, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE | exp.Sub | exp.Div):
        return False
    other = beside.expression if beside.this is column else beside.this
    if not isinstance(other, exp.Column) or folded(other.this) != actual:
        return False
    return not column.args.get("table") or folded(column.args["table"]) == folded(other.args.get("table"))


def _elsewhere(context: Context, name: str) -> bool:
    """Whether a table outside FROM has exactly this column: then a join is missing, not a letter."""
    return any(table.column(name) is not None for table in context.names.snapshot.tables)


def _nearest(name: str, sources: Iterable[Source]) -> tuple[Source, str] | None:
    """The one column that this name can be meant for, by the first way of comparing that finds any."""
    pairs = [(source, column) for source in sources for column in source.columns or ()]
    for same in (_same_letters, _same_words, _without_table, _same_core, _near_spelling, _same_label):
        found = [(source, column) for source, column in pairs if same(name, column, source)]
        if len(found) > 1:
            found = [(source, column) for source, column in found if _is_head(name, column)]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def _is_head(name: str, column: str) -> bool:
    """Whether the column is what the name ends with: a ``population_density`` is a density."""
    whole, end = name_words(name), name_words(column)
    return len(end) < len(whole) and whole[-len(end) :] == end


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


def _bag(name: str) -> frozenset[str]:
    return frozenset(_ABBREVIATIONS.get(stem(word), stem(word)) for word in name_words(name))


_ABBREVIATIONS = {
    "number": "num", "no": "num", "count": "num", "cnt": "num", "amt": "amount", "qty": "quantit",
    "desc": "descript", "description": "descript", "avg": "averag", "pct": "percent", "dept": "depart",
    "addr": "addres", "fname": "firstname", "lname": "lastname", "identifier": "id",
}  # fmt: skip
"""Common short forms of words in names, by stem."""


def _same_letters(name: str, column: str, source: Source) -> bool:
    return _bare(name) == _bare(column)


def _same_words(name: str, column: str, source: Source) -> bool:
    return _bag(name) == _bag(column)


def _without_table(name: str, column: str, source: Source) -> bool:
    """``author_name`` is ``author.name``; ``journal.name`` is ``journal.journalname``."""
    table = source.table.name if source.table else source.alias
    forms = {_bare(table), stem(_bare(table)), *map(_bare, name_words(table))}
    long, short = sorted((_bare(name), _bare(column)), key=len, reverse=True)
    return any(long == form + short for form in forms)


def _same_core(name: str, column: str, source: Source) -> bool:
    """All words of the shorter name are in the longer one, and at least one of them says something."""
    if _stripped(name) == _stripped(column):
        return True
    asked, given = _bag(name), _bag(column)
    core = (asked & given) - {"id", "num", "name", "date", "code", "type"}
    return bool(core) and (asked <= given or given <= asked)


def _near_spelling(name: str, column: str, source: Source) -> bool:
    """``kilometers`` is ``kilometres``: long names that differ in a letter or two."""
    long_enough = min(len(name), len(column)) >= _SPELLED
    return long_enough and SequenceMatcher(None, _bare(name), _bare(column)).ratio() >= _NEAR


def _same_label(name: str, column: str, source: Source) -> bool:
    """``customer_name`` is ``company_name`` of customers, which have no other name of their own."""
    asked, given = name_words(name), name_words(column)
    table = name_words(source.table.name if source.table else source.alias)
    if len(asked) < 2 or asked[-1] not in _LABELS or given[-1:] != asked[-1:] or given[0] in _OTHERS:
        return False
    return [stem(word) for word in asked[:-1]] == [stem(word) for word in table]


_LABELS = frozenset({"name", "title"})
_OTHERS = frozenset({"contact", "first", "last", "middle", "short", "file", "display", "user", "job"})
"""Words of names that are not, or not wholly, those of the thing itself."""


def _stripped(name: str) -> str:
    """The name without words of measuring: ``maximum_payload`` is ``pay_load``."""
    return "".join(word for word in name_words(name) if word not in _MEASURES)


_MEASURES = frozenset(
    {"max", "maximum", "min", "minimum", "avg", "average", "total", "sum", "num", "number", "of"}
)

RULE = Rule("column_name", _fix)
LATE_RULE = Rule("column_name", _fix_late)
"""For after ``missing_join``: the name exists in a table that cannot be joined, so a near one is meant."""
