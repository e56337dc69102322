"""Moments, spans of time, and what stands beside them in another type: brought to where they can be compared.

An integer beside a moment holds seconds since 1970, or years; a text beside one holds a date; a difference of
dates is a number of days, one of timestamps an interval. Each is said in the way that PostgreSQL takes.
"""

from collections.abc import Callable

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, Kind, kind_of
from graph.autofix.names import Names, known_values
from graph.context.words import name_words

Check = Callable[[exp.Expr, Names, Scope], str | None]
_FIRST_YEAR, _LAST_YEAR = 1800, 2200


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for node in list(scope.walk()):
            for kinds, check in _CHECKS:
                if isinstance(node, kinds) and (said := check(node, names, scope)):
                    return said
    return None


def _pairs(node: exp.Expr) -> list[tuple[exp.Expr, exp.Expr]]:
    """What is compared with what, each way round."""
    if isinstance(node, exp.Between):
        return [(node.this, node.args["low"]), (node.this, node.args["high"]), (node.args["low"], node.this)]
    return [(node.this, node.expression), (node.expression, node.this)]


def _beside_a_moment(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``epoch_seconds > NOW()``, ``text_date >= CURRENT_DATE``, ``year = CURRENT_DATE``."""
    for value, other in _pairs(node):
        if not isinstance(value, exp.Column) or kind_of(other, names, scope) not in MOMENTS:
            continue
        kind = kind_of(value, names, scope)
        if kind == "integer" and not isinstance(node, exp.Add) and not _is_key(value.name):
            if "year" in name_words(value.name):
                other.replace(_part("YEAR", other))
                return f"{value.name} holds years; it is compared with a year."
            value.replace(exp.Anonymous(this="TO_TIMESTAMP", expressions=[value.copy()]))
            return f"{value.name} is a number; it is read as seconds since 1970."
        if kind == "text" and _may_hold_dates(value, names, scope):
            value.replace(exp.cast(value.copy(), exp.DType.TIMESTAMP))
            return f"{value.name} is text; it is read as a moment."
    return None


def _is_key(name: str) -> bool:
    return name_words(name)[-1:] == ["id"]


def _may_hold_dates(column: exp.Column, names: Names, scope: Scope) -> bool:
    """Whether nothing speaks against casting the text to a moment: known values begin with a year."""
    known = names.column(column, scope)
    values = known_values(known)[0] if known is not None else []
    return all(value[:4].isdigit() and value[4:5] in {"-", "/"} for value in values)


def _year(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``ordered_at = 2024``, ``birth_date < 1990``: a year."""
    for value, other in ((node.this, node.expression), (node.expression, node.this)):
        if not isinstance(other, exp.Literal) or other.is_string or not str(other.this).isdigit():
            continue
        if kind_of(value, names, scope) in MOMENTS and _FIRST_YEAR < int(other.this) < _LAST_YEAR:
            value.replace(_part("YEAR", value))
            return f"{value.sql(dialect='postgres')} is a moment; its year is compared with {other.this}."
    return None


def _part(unit: str, value: exp.Expr) -> exp.Expr:
    return exp.Extract(this=exp.var(unit), expression=value.copy())


def _span(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """A number of days compared with an interval, or an interval with a number of days."""
    for value, other in ((node.this, node.expression), (node.expression, node.this)):
        bare = value.unnest() if isinstance(value, exp.Paren) else value
        kinds = kind_of(bare, names, scope), kind_of(other, names, scope)
        if kinds == ("integer", "interval") and isinstance(bare, exp.Sub):
            bare.set("this", exp.cast(bare.this.copy(), exp.DType.TIMESTAMP))
            return "The difference of dates is taken as an interval, to be compared with one."
        if kinds == ("interval", "integer") and isinstance(other, exp.Literal):
            other.replace(_days(other))
            return f"A span of time is compared with {other.this} days."
    return None


def _days(count: exp.Expr) -> exp.Expr:
    return exp.Interval(this=exp.Literal.string(str(count.this)), unit=exp.var("DAYS"))


def _step(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``NOW() - 30``: thirty days."""
    left, right = node.this, node.expression
    if kind_of(left, names, scope) != "timestamp" or kind_of(right, names, scope) != "integer":
        return None
    if isinstance(right, exp.Literal):
        right.replace(_days(right))
        return f"{right.this} is taken as days."
    return None


def _difference(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """Two texts that hold dates, one taken from the other."""
    sides = [node.this, node.expression]
    if not all(isinstance(side, exp.Column) and _dated(side, names, scope) for side in sides):
        return None
    for side in sides:
        side.replace(exp.cast(side.copy(), exp.DType.DATE))
    return "Texts that hold dates are subtracted as dates."


def _dated(column: exp.Column, names: Names, scope: Scope) -> bool:
    named = {"date", "at", "on", "time", "day", "timestamp"} & set(name_words(column.name))
    return kind_of(column, names, scope) == "text" and bool(named) and _may_hold_dates(column, names, scope)


def _of_text(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """A part of a moment that is kept as text, or written out."""
    value = _argument(node)
    if value is None:
        return None
    kind = kind_of(value, names, scope)
    if kind == "text" and isinstance(value, exp.Column) and not _may_hold_dates(value, names, scope):
        return None
    if kind == "literal" and not (isinstance(node, exp.Extract) and value.name[:4].isdigit()):
        return None
    if kind not in {"text", "literal"}:
        return None
    value.replace(exp.cast(value.copy(), exp.DType.TIMESTAMP))
    return f"{value.sql(dialect='postgres')} is text; it is read as a moment."


def _argument(node: exp.Expr) -> exp.Expr | None:
    """The moment that a call takes apart."""
    value: exp.Expr | None = None
    if isinstance(node, exp.Extract):
        value = node.expression
    elif isinstance(node, exp.TimestampTrunc | exp.TimeToStr):
        value = node.this
    elif str(node.this).lower() == "date_trunc" and len(node.expressions) == 2:
        value = node.expressions[1]
    return value


def _part_of_span(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``EXTRACT(YEAR FROM a - b)``: a span of days has no years; AGE counts in them."""
    inner = node.expression.unnest() if isinstance(node.expression, exp.Paren) else node.expression
    if not isinstance(inner, exp.Sub):
        return None
    sides = [kind_of(side, names, scope) for side in (inner.this, inner.expression)]
    if not set(sides) <= MOMENTS:
        return None
    unit = node.this.name.upper().rstrip("S")
    if unit in {"YEAR", "MONTH"}:
        ends = [exp.cast(side.copy(), exp.DType.TIMESTAMP) for side in (inner.this, inner.expression)]
        age = exp.Anonymous(this="AGE", expressions=ends)
        if unit == "YEAR":
            node.set("expression", age)
        else:
            years = exp.Mul(this=_part("YEAR", age), expression=exp.Literal.number(12))
            node.replace(exp.paren(exp.Add(this=years, expression=_part("MONTH", age))))
        return f"A span of days has no {unit.lower()}s; they are counted by the calendar."
    if unit in _WHOLE and sides != ["date", "date"] and _is_measured(node):
        node.set("this", exp.var("EPOCH"))
        node.replace(
            exp.paren(exp.Div(this=node.copy(), expression=exp.Literal.number(_WHOLE[unit]), typed=True))
        )
        return f"The whole span is counted in {unit.lower()}s, not only what is left of it beside days."
    if unit in {"EPOCH", "HOUR", "MINUTE", "SECOND"} and sides == ["date", "date"]:
        inner.set("this", exp.cast(inner.this.copy(), exp.DType.TIMESTAMP))
        return "The difference of dates is taken as an interval."
    return None


_WHOLE = {"HOUR": 3_600, "MINUTE": 60}


def _is_measured(node: exp.Expr) -> bool:
    """Whether a span's hours are held against a number: ``EXTRACT(HOUR FROM a - b) > 48``."""
    other = (
        node.parent.expression if isinstance(node.parent, _COMPARISONS) and node.parent.this is node else None
    )
    return isinstance(other, exp.Literal) and not other.is_string


def _yes_of_number(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``has_lab = 'Yes'`` where the column is a number: above zero."""
    column, literal = node.this, node.expression
    if not isinstance(column, exp.Column) or kind_of(literal, names, scope) != "literal":
        return None
    kind: Kind = kind_of(column, names, scope)
    said = literal.name.strip().lower()
    if kind not in {"integer", "number"} or said not in _ANSWERS or isinstance(node, exp.NEQ):
        return None
    zero = exp.Literal.number(0)
    comparison = exp.GT if _ANSWERS[said] else exp.EQ
    node.replace(comparison(this=column.copy(), expression=zero))
    return f"{column.name} is a number; more than 0 stands for yes."


_ANSWERS = {"yes": True, "y": True, "true": True, "t": True, "no": False, "n": False, "false": False}


def _number_in_text(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """A text column beside a number: as text where they are to be equal, as numbers where ordered."""
    for value, other in _pairs(node):
        if not isinstance(value, exp.Column) or kind_of(value, names, scope) != "text":
            continue
        kind = kind_of(other, names, scope)
        if kind not in {"integer", "number"}:
            continue
        known = names.column(value, scope)
        values = known_values(known)[0] if known is not None else []
        if isinstance(node, exp.EQ | exp.NEQ) and isinstance(other, exp.Literal):
            other.replace(exp.Literal.string(other.this))
            return f"{value.name} is text; {other.this} is compared with it as text."
        if all(_is_number(one) for one in values) and not {"month", "day"} & set(name_words(value.name)):
            value.replace(exp.cast(value.copy(), exp.DType.DECIMAL))
            return f"{value.name} is text; it is read as a number."
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)

_CHECKS: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Check], ...] = (
    ((*_COMPARISONS, exp.Between, exp.Sub, exp.Add), _beside_a_moment),
    (_COMPARISONS, _year),
    (_COMPARISONS, _span),
    ((exp.Add, exp.Sub), _step),
    (exp.Sub, _difference),
    ((exp.Extract, exp.TimestampTrunc, exp.TimeToStr, exp.Anonymous), _of_text),
    (exp.Extract, _part_of_span),
    ((exp.EQ, exp.NEQ), _yes_of_number),
    ((*_COMPARISONS, exp.Between, exp.Mul, exp.Div), _number_in_text),
)

RULE = Rule("moment_types", _fix)
