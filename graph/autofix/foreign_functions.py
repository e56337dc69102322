"""Functions that other databases have and PostgreSQL lacks, each built anew from its arguments.

A builder gets the arguments as written and returns what PostgreSQL would call it; None leaves the call alone.
Where a call names its unit (DATEDIFF(MONTH, a, b)), a bare unit is read like a quoted one.
"""

from collections.abc import Callable

from sqlglot import exp

Build = Callable[[list[exp.Expr]], exp.Expr | None]

_UNITS = {
    "year": "year", "yy": "year", "yyyy": "year", "quarter": "quarter", "qq": "quarter", "month": "month",
    "mm": "month", "week": "week", "wk": "week", "ww": "week", "day": "day", "dd": "day", "d": "day",
    "hour": "hour", "hh": "hour", "minute": "minute", "mi": "minute", "n": "minute", "second": "second",
    "ss": "second", "s": "second",
}  # fmt: skip
_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def unit_of(node: exp.Expr) -> str | None:
    """The unit of time that an argument names, bare or in quotes; None when it names none."""
    name = node.name.lower() if isinstance(node, exp.Column | exp.Literal | exp.Var | exp.Identifier) else ""
    if isinstance(node, exp.Column) and node.args.get("table"):
        return None
    return _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))


def part(name: str) -> Build:
    """``YEAR(x)`` and its like."""

    def build(args: list[exp.Expr]) -> exp.Expr | None:
        return extract(name, args[0]) if len(args) == 1 else None

    return build


def _day_from(shift: int, name: str) -> Build:
    """MySQL's WEEKDAY counts from Monday as 0, DAYOFWEEK from Sunday as 1; PostgreSQL from 1 and from 0."""

    def build(args: list[exp.Expr]) -> exp.Expr | None:
        if len(args) != 1:
            return None
        kind = exp.Add if shift > 0 else exp.Sub
        return exp.paren(kind(this=extract(name, args[0]), expression=exp.Literal.number(1)))

    return build


def extract(unit: str, value: exp.Expr) -> exp.Expr:
    """``EXTRACT(unit FROM value)``; a written-out date is cast to one, for it has no type of its own."""
    return exp.Extract(this=exp.var(unit), expression=as_moment(value))


def as_moment(value: exp.Expr) -> exp.Expr:
    """A text that is written out, as a timestamp; anything else as it is."""
    return exp.cast(value.copy(), exp.DType.TIMESTAMP) if is_string(value) else value.copy()


def is_string(node: exp.Expr) -> bool:
    """Whether this is a quoted text."""
    return isinstance(node, exp.Literal) and bool(node.is_string)


def seconds_between(later: exp.Expr, earlier: exp.Expr) -> exp.Expr:
    """Seconds from one moment to another, whatever types of moment they are."""
    sides = [exp.cast(side.copy(), exp.DType.TIMESTAMP) for side in (later, earlier)]
    return exp.Extract(
        this=exp.var("EPOCH"), expression=exp.paren(exp.Sub(this=sides[0], expression=sides[1]))
    )


def between(unit: str, later: exp.Expr, earlier: exp.Expr) -> exp.Expr:
    """Units of time from one moment to another: whole ones for days, months and years, as DATEDIFF counts."""
    if unit == "day":
        dates = [exp.cast(side.copy(), exp.DType.DATE) for side in (later, earlier)]
        return exp.paren(exp.Sub(this=dates[0], expression=dates[1]))
    if unit in _SECONDS:
        return exp.Div(
            this=seconds_between(later, earlier), expression=exp.Literal.number(_SECONDS[unit]), typed=True
        )
    age = exp.Anonymous(
        this="AGE", expressions=[exp.cast(side.copy(), exp.DType.TIMESTAMP) for side in (later, earlier)]
    )
    years = exp.Extract(this=exp.var("YEAR"), expression=age)
    if unit == "year":
        return years
    months = exp.Add(
        this=exp.Mul(this=years, expression=exp.Literal.number(12)),
        expression=exp.Extract(this=exp.var("MONTH"), expression=age.copy()),
    )
    whole = exp.paren(months)
    if unit == "month":
        return whole
    return exp.Floor(this=exp.Div(this=whole, expression=exp.Literal.number(3)))


def _difference(args: list[exp.Expr]) -> exp.Expr | None:
    """DATEDIFF(a, b) counts days from b to a; with a unit first, from the first date to the second."""
    if len(args) == 2:
        return between("day", args[0], args[1])
    if len(args) != 3:
        return None
    if (unit := unit_of(args[0])) is not None:
        return between(unit, args[2], args[1])
    if (unit := unit_of(args[2])) is not None:
        return between(unit, args[0], args[1])
    return None


def _count_of(unit: str) -> Build:
    """MONTHS_BETWEEN(later, earlier) and its like."""
    return lambda args: between(unit, args[0], args[1]) if len(args) == 2 else None


def _shifted(sign: int) -> Build:
    """DATEADD(unit, n, x), DATE_ADD(x, INTERVAL …), ADDDATE(x, n), DATE_SUB …"""

    def build(args: list[exp.Expr]) -> exp.Expr | None:
        if len(args) == 3 and (unit := unit_of(args[0])) is not None:
            return _moved(args[2], args[1], unit, sign)
        if len(args) == 2 and isinstance(args[1], exp.Interval):
            return _plus(args[0], args[1].copy(), sign)
        if len(args) == 2:
            return _moved(args[0], args[1], "day", sign)
        return None

    return build


def _moved(moment: exp.Expr, count: exp.Expr, unit: str, sign: int) -> exp.Expr | None:
    """So many units after or before a moment."""
    bare = count.this if isinstance(count, exp.Neg) else count
    if isinstance(count, exp.Neg):
        sign = -sign
    if not isinstance(bare, exp.Literal):
        step = exp.Mul(this=exp.paren(bare.copy()), expression=interval(1, unit))
        return _plus(moment, step, sign)
    text = str(bare.this)
    if text.startswith("-"):
        text, sign = text[1:], -sign
    if not text.isdigit():
        return None
    number = int(text) * (3 if unit == "quarter" else 1)
    return _plus(moment, interval(number, "month" if unit == "quarter" else unit), sign)


def truncated(unit: str, value: exp.Expr) -> exp.Expr:
    """``DATE_TRUNC('unit', value)``."""
    return exp.TimestampTrunc(this=value, unit=exp.var(unit.upper()))


def interval(number: int, unit: str) -> exp.Expr:
    """``INTERVAL '3 months'``."""
    return exp.Interval(this=exp.Literal.string(str(number)), unit=exp.var(unit.upper()))


def _plus(moment: exp.Expr, step: exp.Expr, sign: int) -> exp.Expr:
    kind = exp.Add if sign > 0 else exp.Sub
    return exp.paren(kind(this=as_moment(moment), expression=step))


def _now(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.CurrentTimestamp() if not args else None


def _today(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.CurrentDate() if not args else None


def sqlite_moment(args: list[exp.Expr]) -> exp.Expr | None:
    """``DATE('now', '-30 days', 'start of month')``: a moment, and steps from it."""
    if not args:
        return exp.CurrentDate()
    first, *steps = args
    if not is_string(first) and not steps:
        return None
    now = is_string(first) and first.name.lower() == "now"
    moment: exp.Expr = exp.CurrentDate() if now else as_moment(first)
    for step in steps:
        if not is_string(step):
            return None
        words = step.name.lower().split()
        if len(words) == 3 and words[:2] == ["start", "of"] and words[2] in _UNITS:
            moment = truncated(words[2], moment)
        elif (
            len(words) == 2 and words[0].lstrip("+-").isdigit() and (unit := _UNITS.get(words[1].rstrip("s")))
        ):
            number = int(words[0])
            kind = exp.Sub if number < 0 else exp.Add
            moment = exp.paren(kind(this=moment, expression=interval(abs(number), unit)))
        elif words != ["localtime"]:
            return None
    return moment


_MARKS = {
    "%Y": "YYYY", "%y": "YY", "%m": "MM", "%c": "FMMM", "%d": "DD", "%e": "FMDD", "%H": "HH24", "%h": "HH12",
    "%i": "MI", "%S": "SS", "%s": "SS", "%j": "DDD", "%b": "Mon", "%a": "Dy", "%W": "FMDay", "%u": "IW",
    "%V": "IW", "%B": "FMMonth", "%A": "FMDay", "%p": "AM",
}  # fmt: skip


def _formatted(place: int, minutes: str, names: str = "") -> Build:
    """STRFTIME(format, x), DATE_FORMAT(x, format): ``place`` is the format's, %M differs between them."""

    def build(args: list[exp.Expr]) -> exp.Expr | None:
        if len(args) != 2 or not is_string(args[place]):
            return None
        pattern = args[place].name.replace("%M", minutes)
        if names:
            pattern = pattern.replace("%W", names)
        for mark, meaning in _MARKS.items():
            pattern = pattern.replace(mark, meaning)
        if "%" in pattern:
            return None
        value = args[1 - place]
        if is_string(value) and value.name.lower() == "now":
            value = exp.CurrentTimestamp()
        return exp.Anonymous(this="TO_CHAR", expressions=[as_moment(value), exp.Literal.string(pattern)])

    return build


def _spelled(pattern: str) -> Build:
    """MONTHNAME(x), DAYNAME(x)."""
    return lambda args: (
        exp.Anonymous(this="TO_CHAR", expressions=[as_moment(args[0]), exp.Literal.string(pattern)])
        if len(args) == 1
        else None
    )


def _datename(args: list[exp.Expr]) -> exp.Expr | None:
    unit = unit_of(args[0]) if len(args) == 2 else None
    pattern = {"month": "FMMonth", "day": "FMDD", "year": "YYYY"}.get(unit or "")
    return _spelled(pattern)(args[1:]) if pattern else None


def _datepart(args: list[exp.Expr]) -> exp.Expr | None:
    if len(args) != 2 or (unit := unit_of(args[0])) is None:
        return None
    return extract(unit.upper(), args[1])


def _truncated(args: list[exp.Expr]) -> exp.Expr | None:
    """DATE_TRUNC(x, MONTH), TRUNC(x, 'MM')."""
    if len(args) != 2:
        return None
    first, second = unit_of(args[0]), unit_of(args[1])
    if (first is None) == (second is None):
        return None
    unit, value = (first, args[1]) if first else (second, args[0])
    return truncated(unit or "", as_moment(value))


def _julian(args: list[exp.Expr]) -> exp.Expr | None:
    """JULIANDAY(x) counts days; only differences of it are ever wanted, so any fixed start will do."""
    if len(args) != 1:
        return None
    now = is_string(args[0]) and args[0].name.lower() == "now"
    value = exp.CurrentTimestamp() if now else exp.cast(args[0].copy(), exp.DType.TIMESTAMP)
    epoch = exp.Extract(this=exp.var("EPOCH"), expression=value)
    return exp.paren(exp.Div(this=epoch, expression=exp.Literal.number(86_400)))


def _epoch(args: list[exp.Expr]) -> exp.Expr | None:
    value = as_moment(args[0]) if args else exp.CurrentTimestamp()
    return exp.Extract(this=exp.var("EPOCH"), expression=value) if len(args) <= 1 else None


def _renamed(name: str) -> Build:
    return lambda args: exp.Anonymous(this=name, expressions=[arg.copy() for arg in args])


def _coalesce(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.Coalesce(this=args[0].copy(), expressions=[args[1].copy()]) if len(args) == 2 else None


def _is_null(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.Is(this=args[0].copy(), expression=exp.Null()) if len(args) == 1 else _coalesce(args)


def _piece_before(args: list[exp.Expr]) -> exp.Expr | None:
    return _renamed("SPLIT_PART")(args) if len(args) == 3 and not isinstance(args[2], exp.Neg) else None


def _summed_if(args: list[exp.Expr]) -> exp.Expr | None:
    if len(args) != 2:
        return None
    chosen = exp.Case(ifs=[exp.If(this=args[0].copy(), true=args[1].copy())])
    return exp.Sum(this=chosen)


FUNCTIONS: dict[str, Build] = {
    "IFNULL": _coalesce, "ISNULL": _is_null, "NVL": _coalesce,
    "YEAR": part("YEAR"), "MONTH": part("MONTH"), "DAY": part("DAY"), "HOUR": part("HOUR"),
    "MINUTE": part("MINUTE"), "SECOND": part("SECOND"), "QUARTER": part("QUARTER"), "WEEK": part("WEEK"),
    "WEEKOFYEAR": part("WEEK"), "DAYOFMONTH": part("DAY"), "DAYOFWEEK": _day_from(1, "DOW"),
    "WEEKDAY": _day_from(-1, "ISODOW"), "DAYOFYEAR": part("DOY"), "DATEPART": _datepart,
    "DATE_PART": _datepart, "DATENAME": _datename,
    "MONTHNAME": _spelled("FMMonth"), "DAYNAME": _spelled("FMDay"), "YEARWEEK": _spelled("IYYYIW"),
    "DATEDIFF": _difference, "DATE_DIFF": _difference, "TIMESTAMPDIFF": _difference,
    "TIMESTAMP_DIFF": _difference, "DATETIME_DIFF": _difference, "TIMEDIFF": lambda args: (
        exp.paren(exp.Sub(this=args[0].copy(), expression=args[1].copy())) if len(args) == 2 else None
    ),
    "MONTHS_BETWEEN": _count_of("month"),
    "DATEADD": _shifted(1), "DATE_ADD": _shifted(1), "ADDDATE": _shifted(1), "TIMESTAMPADD": _shifted(1),
    "DATE_SUB": _shifted(-1), "SUBDATE": _shifted(-1), "ADD_MONTHS": lambda args: (
        _moved(args[0], args[1], "month", 1) if len(args) == 2 else None
    ),
    "DATETIME": sqlite_moment, "DATE": sqlite_moment,
    "STRFTIME": _formatted(0, "MI"), "DATE_FORMAT": _formatted(1, "FMMonth"),
    "FORMAT_DATE": _formatted(0, "MI"), "FORMAT_DATETIME": _formatted(0, "MI"),
    "FORMAT_TIMESTAMP": _formatted(0, "MI"), "TIME_FORMAT": _formatted(1, "MI"),
    "DATE_TRUNC": _truncated, "DATETIME_TRUNC": _truncated, "TIMESTAMP_TRUNC": _truncated,
    "TRUNC": _truncated, "JULIANDAY": _julian, "UNIX_TIMESTAMP": _epoch, "TO_UNIXTIME": _epoch,
    "FROM_UNIXTIME": _renamed("TO_TIMESTAMP"),
    "GETDATE": _now, "SYSDATE": _now, "SYSDATETIME": _now, "SYSTIMESTAMP": _now, "UTC_TIMESTAMP": _now,
    "CURDATE": _today, "TODAY": _today,
    "LCASE": _renamed("LOWER"), "UCASE": _renamed("UPPER"), "MID": _renamed("SUBSTR"),
    "SUBSTRING_INDEX": _piece_before, "SUMIF": _summed_if, "STDEV": _renamed("STDDEV"),
    "VAR": _renamed("VARIANCE"), "TOTAL": _renamed("SUM"), "LISTAGG": _renamed("STRING_AGG"),
    "TIME_TO_SEC": lambda args: (
        exp.Extract(this=exp.var("EPOCH"), expression=args[0].copy()) if len(args) == 1 else None
    ),
}  # fmt: skip
"""By the name that other databases give it, capital."""
