"""A column written of the wrong table of FROM: ``student.name`` where only ``program`` has a name."""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import Source, folded, identifier
from graph.autofix.other_moment import BARE
from graph.context.words import name_words


def _fix(context: Context) -> str | None:
    names = context.names
    for item in names.unresolved():
        column, scope = item.column, item.scope
        qualifier = folded(column.args.get("table"))
        if not qualifier or item.problem == "ambiguous":
            continue
        if item.problem == "no_source" and _is_known_table(context, qualifier):
            continue  # missing_join brings the table itself
        name = folded(column.this)
        sources = names.visible(scope)
        holders = [source for source in sources if source.has(name)]
        if len(holders) > 1:
            holders = _equal_anyway(holders, name, scope.expression)
        if not holders or any(source.columns is None for source in sources):
            continue
        if _would_say_nothing(column, name, qualifier, holders[0].alias):
            continue
        if _is_beside_itself(column, name, holders[0].alias):
            moment = _only_moment(sources, qualifier)
            if moment is None:
                continue
            column.set("this", identifier(moment))
            return f"{name} is taken from itself: of {qualifier} it is {moment}."
        column.set("table", exp.to_identifier(holders[0].alias))
        return f"{name} is a column of {_called(holders[0])}, not of {qualifier}."
    return None


def _is_beside_itself(column: exp.Column, name: str, holder: str) -> bool:
    """Whether the move would leave ``a.x - a.x``: two things were meant."""
    beside = column.parent
    if not isinstance(beside, exp.Sub | exp.LT | exp.LTE | exp.GT | exp.GTE):
        return False
    other = beside.expression if beside.this is column else beside.this
    if not isinstance(other, exp.Column) or folded(other.this) != name:
        return False
    return folded(other.args.get("table")) == holder


def _only_moment(sources: list[Source], qualifier: str) -> str | None:
    """The one moment of a source, or the one that is called as its things are: ``test_on`` of a test."""
    found = [
        (source, name)
        for source in sources
        if source.alias == qualifier
        for name, kind in (source.columns or {}).items()
        if kind_of_type(kind) in MOMENTS
    ]
    own = [name for source, name in found if {*name_words(name)} - BARE <= {*name_words(_called(source))}]
    told = own if len(found) > 1 else [name for _, name in found]
    return told[0] if len(told) == 1 else None


def _equal_anyway(holders: list[Source], name: str, select: exp.Expr) -> list[Source]:
    """The holders, when the statement joins them on this very column, so that any will do; else none."""
    aliases = {source.alias for source in holders}
    joined: set[str] = set()
    for equality in select.find_all(exp.EQ):
        left, right = equality.this, equality.expression
        if not (isinstance(left, exp.Column) and isinstance(right, exp.Column)):
            continue
        if folded(left.this) == folded(right.this) == name:
            joined |= {folded(left.args.get("table")), folded(right.args.get("table"))}
    return holders if aliases <= joined else []


def _would_say_nothing(column: exp.Column, name: str, qualifier: str, holder: str) -> bool:
    """Whether the move would turn a join's condition into ``a.x = a.x`` or take its own table out of it."""
    join = column.find_ancestor(exp.Join, exp.Select)
    if not isinstance(join, exp.Join):
        return False
    equality = column.parent
    if isinstance(equality, exp.EQ):
        other = equality.expression if equality.this is column else equality.this
        if isinstance(other, exp.Column) and folded(other.args.get("table")) == holder:
            return True
    return join.alias_or_name.lower() == qualifier


def _is_known_table(context: Context, name: str) -> bool:
    return any(table.name == name for table in context.names.snapshot.tables)


def _called(source: Source) -> str:
    return source.table.name if source.table else source.alias


RULE = Rule("misplaced_column", _fix)
