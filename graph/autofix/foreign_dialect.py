"""What other databases write, said as PostgreSQL says it: IFNULL, YEAR(x), DATEDIFF, backticks, TOP …

A statement that PostgreSQL's grammar cannot read is read with MySQL's, SQL Server's or SQLite's, in that
order, and written anew; functions that PostgreSQL lacks are replaced one by one.
"""

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.autofix.base import Context, Rule

_DIALECTS = {"mysql": "`", "tsql": "[", "sqlite": "`"}
"""Dialects to try when PostgreSQL's grammar fails, with the mark that makes each likely."""


def parse(sql: str) -> tuple[exp.Query, str] | None:
    """The statement as a tree, and what had to be said differently; None when it is not one query."""
    text = sql.strip().rstrip(";")
    for dialect in (
        "postgres",
        *(name for name, mark in _DIALECTS.items() if mark in text or _has_top(text)),
    ):
        try:
            trees = [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
        except (SqlglotError, RecursionError):
            continue
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            return None
        if dialect == "postgres":
            return trees[0], ""
        plain = _unquoted(trees[0])
        return plain, f"Written in PostgreSQL's way instead of {dialect}'s."
    return None


def _has_top(text: str) -> bool:
    return text[:60].upper().split()[1:2] == ["TOP"]


def _unquoted(tree: exp.Query) -> exp.Query:
    """Names without quotes: MySQL's backticks do not keep case, PostgreSQL's quotes do."""
    for name in tree.find_all(exp.Identifier):
        if name.quoted and name.this.replace("_", "a").isalnum():
            name.set("quoted", False)
    return tree


def _extract(part: str) -> Callable[[list[exp.Expr]], exp.Expr | None]:
    def build(args: list[exp.Expr]) -> exp.Expr | None:
        return exp.Extract(this=exp.var(part), expression=args[0]) if len(args) == 1 else None

    return build


def _coalesce(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.Coalesce(this=args[0], expressions=args[1:]) if len(args) >= 2 else None


def _conditional(args: list[exp.Expr]) -> exp.Expr | None:
    if len(args) not in {2, 3}:
        return None
    return exp.Case(ifs=[exp.If(this=args[0], true=args[1])], default=args[2] if len(args) == 3 else None)


def _date_difference(args: list[exp.Expr]) -> exp.Expr | None:
    """DATEDIFF(a, b) counts days from b to a; DATEDIFF(day, a, b) from a to b."""
    if len(args) == 3 and args[0].name.lower() in {"day", "days", "dd", "d"}:
        args = [args[2], args[1]]
    if len(args) != 2:
        return None
    later, earlier = (exp.cast(arg, exp.DType.DATE) for arg in args)
    return exp.Paren(this=exp.Sub(this=later, expression=earlier))


def _now(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.CurrentTimestamp() if not args else None


def _today(args: list[exp.Expr]) -> exp.Expr | None:
    return exp.CurrentDate() if not args else None


def _renamed(name: str) -> Callable[[list[exp.Expr]], exp.Expr | None]:
    return lambda args: exp.Anonymous(this=name, expressions=args)


_PARTS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%j": "DDD"}


def _strftime(args: list[exp.Expr]) -> exp.Expr | None:
    """SQLite's strftime(format, moment)."""
    if len(args) != 2 or not args[0].is_string:
        return None
    pattern = args[0].name
    for mark, meaning in _PARTS.items():
        pattern = pattern.replace(mark, meaning)
    if "%" in pattern:
        return None
    return exp.Anonymous(this="TO_CHAR", expressions=[args[1], exp.Literal.string(pattern)])


_FUNCTIONS: dict[str, Callable[[list[exp.Expr]], exp.Expr | None]] = {
    "IFNULL": _coalesce,
    "ISNULL": _coalesce,
    "NVL": _coalesce,
    "IF": _conditional,
    "IIF": _conditional,
    "YEAR": _extract("YEAR"),
    "MONTH": _extract("MONTH"),
    "DAY": _extract("DAY"),
    "HOUR": _extract("HOUR"),
    "MINUTE": _extract("MINUTE"),
    "QUARTER": _extract("QUARTER"),
    "WEEK": _extract("WEEK"),
    "DAYOFWEEK": _extract("DOW"),
    "DATEDIFF": _date_difference,
    "GETDATE": _now,
    "SYSDATE": _now,
    "CURDATE": _today,
    "STRFTIME": _strftime,
    "LEN": _renamed("LENGTH"),
    "LCASE": _renamed("LOWER"),
    "UCASE": _renamed("UPPER"),
}


def _fix(context: Context) -> str | None:
    known = set(context.names.snapshot.functions)
    for call in context.tree.find_all(exp.Anonymous):
        name = str(call.this)
        build = _FUNCTIONS.get(name.upper())
        if build is None or name.lower() in known:
            continue
        replacement = build(list(call.expressions))
        if replacement is not None:
            said = call.sql(dialect="postgres")
            call.replace(replacement)
            return f"{said} is written {replacement.sql(dialect='postgres')} in PostgreSQL."
    for difference in context.tree.find_all(exp.DateDiff):
        said = difference.sql(dialect="postgres")
        built = _date_difference([difference.this, difference.expression])
        if built is not None and not difference.args.get("unit"):
            difference.replace(built)
            return f"{said} is written {built.sql(dialect='postgres')} in PostgreSQL."
    for part_call in context.tree.find_all(
        exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Week, exp.DayOfWeek
    ):
        part = "DOW" if isinstance(part_call, exp.DayOfWeek) else part_call.sql_name().upper()
        said = part_call.sql(dialect="postgres")
        inner = part_call.this
        while isinstance(inner, exp.TsOrDsToDate):
            inner = inner.this
        replacement = exp.Extract(this=exp.var(part), expression=inner)
        part_call.replace(replacement)
        return f"{said} is written {replacement.sql(dialect='postgres')} in PostgreSQL."
    return None


RULE = Rule("foreign_dialect", _fix)
