"""The most, the fewest or the average of what is counted by time, drafted as that of a column's values.

"The highest number of orders on a single day" as ``MAX(total)``, "orders in an average month" as
``AVG(quantity)``: the rows of each period are counted first. Only where the query is a plain figure, and the
table of the things asked for has one moment by which they are told.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import asked_groups
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of_type
from graph.autofix.names import Source, folded, identifier
from graph.autofix.other_moment import row_moment
from graph.context.words import stem, words
from wire.snapshot import Table

_UNIT = r"(?P<unit>hour|day|week|month|quarter|year)"
_THING = r"(?P<thing>(?:\w+\s+){0,2}?\w+s)"
_MOST = "highest|largest|greatest|biggest|maximum|most|max|peak"
_LEAST = "lowest|smallest|fewest|least|minimum|min"
_END = re.compile(
    rf"\b(?:(?P<most>{_MOST})|(?P<least>{_LEAST}))\s+(?:number|count)\s+of\s+{_THING}\b[^.;?]*?"
    rf"\b(?:on|in|within|during|of)\s+(?:(?:a|any|one)\s+)?(?:single|given|one|any|a)\s+{_UNIT}\b",
    re.IGNORECASE,
)
_USUAL = re.compile(
    rf"\b(?:how\s+many|number\s+of)\s+{_THING}\b[^.;?]*?\b(?:in|on|during|of|per)\s+an?\s+"
    rf"(?:average|typical)\s+{_UNIT}\b",
    re.IGNORECASE,
)
_AVERAGE = re.compile(
    rf"\b(?:average|mean)\s+number\s+of\s+{_THING}\b[^.;?]*?\b(?:per|an?|(?:in\s+)?each|every)\s+{_UNIT}\b",
    re.IGNORECASE,
)
_ON_AVERAGE = re.compile(
    rf"\bhow\s+many\s+{_THING}\b[^.;?]*?\b(?:per|an?|each|every)\s+{_UNIT}\b[^.;?]*?\bon\s+average\b|"
    rf"\bon\s+average\b[^.;?]*?\bhow\s+many\s+(?P<things>(?:\w+\s+){{0,2}}?\w+s)\b[^.;?]*?"
    rf"\b(?:per|an?|each|every)\s+(?P<units>hour|day|week|month|quarter|year)\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"^\W*(?:which|who|when|list)\b", re.IGNORECASE)
_NAME, _ALIAS = "n", "counted"


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    end = _END.search(question)
    asked = end or next(
        (hit for one in (_USUAL, _AVERAGE, _ON_AVERAGE) if (hit := one.search(question))), None
    )
    if asked is None or not isinstance(select, exp.Select) or _SUBJECT.search(question):
        return None
    said = asked.groupdict()
    unit = str(said["unit"] or said.get("units")).lower()
    if any(words(phrase)[:1] != [unit] for phrase in asked_groups(question)):
        return None
    if any(select.args.get(part) for part in _PARTS) or select.find(exp.Query, exp.Window) is not select:
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if len(select.selects) != 1 or not _is_figure(select.selects[0].unalias()) or len(sources) != 1:
        return None
    things = _things(said["thing"] or said.get("things") or "", context)
    moment = row_moment(things, question, names) if things is not None else None
    if things is None or moment is None or not _reads(things, sources[0], select):
        return None
    column = things.column(moment)
    assert column is not None
    period: exp.Expr = exp.column(identifier(moment))
    kind = kind_of_type(column.type)
    if unit == "hour" and kind != "timestamp":
        return None
    if unit != "day" or kind != "date":
        period = exp.func("DATE_TRUNC", exp.Literal.string(unit), period, dialect="postgres")
    inner = exp.select(exp.alias_(exp.Count(this=exp.Star()), _NAME))
    if sources[0].table is things:
        inner = inner.from_(select.args["from_"].this.copy())
        inner.set("where", where.copy() if (where := select.args.get("where")) is not None else None)
    else:
        schema = None if things.schema_name in names.snapshot.search_path else things.schema_name
        inner = inner.from_(
            exp.Table(this=identifier(things.name), db=identifier(schema) if schema else None)
        )
    inner.set("group", exp.Group(expressions=[period]))
    kinds = exp.Avg if end is None else exp.Max if end["most"] else exp.Min
    outer = exp.select(kinds(this=exp.column(_NAME, table=_ALIAS))).from_(inner.subquery(_ALIAS))
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)
    which = "average" if end is None else "most" if end["most"] else "fewest"
    return (
        f"The {which} of each {unit} is asked for: the rows of {things.name} are counted by {moment} first."
    )


_PARTS = ("group", "having", "order", "limit", "distinct", "with_", "joins")


def _is_figure(item: exp.Expr) -> bool:
    """Whether it is one aggregate of a column or of all rows, and no count that is divided."""
    while isinstance(item, exp.Round | exp.Cast | exp.Paren):
        item = item.this
    if not isinstance(item, exp.Avg | exp.Max | exp.Min | exp.Count | exp.Sum):
        return False
    return isinstance(item.this, exp.Column | exp.Star)


def _things(phrase: str, context: Context) -> Table | None:
    """The one table whose things a phrase ends with."""
    spoken = [stem(word) for word in words(phrase)]
    found = [
        table
        for table in context.names.snapshot.listed
        if table.kind in {"table", "partitioned_table", "foreign_table"} and table.partition_of is None
        for said in [[stem(word) for word in context.names.joins.short.table_words(table)]]
        if said and spoken[-len(said) :] == said
    ]
    return found[0] if len(found) == 1 else None


def _reads(things: Table, source: Source, select: exp.Select) -> bool:
    """Whether the query reads the things already, or nothing is lost with what it reads."""
    if source.table is things:
        return True
    return source.table is not None and not select.args.get("where") and not _is_kept(things, source)


def _is_kept(things: Table, source: Source) -> bool:
    """Whether the rows keep a number of the things: a summary, which may be what is meant."""
    own = {stem(word) for word in words(things.name)}
    return any({stem(word) for word in words(folded(name))} == own for name in source.columns or ())


RULE = Rule("period_counts", _fix)
