"""What other databases write, said as PostgreSQL says it: IFNULL, YEAR(x), DATEDIFF, backticks, TOP …

A statement that PostgreSQL's grammar cannot read is read with MySQL's, SQL Server's, SQLite's or BigQuery's,
in that order, and written anew; functions that PostgreSQL lacks are replaced one by one.
"""

import re

import sqlglot
from sqlglot import exp, transforms
from sqlglot.errors import SqlglotError

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import FUNCTIONS, is_string
from graph.parsing import parsed

_DIALECTS = ("mysql", "tsql", "sqlite", "bigquery")
"""Grammars to try when PostgreSQL's fails."""
_GUARD = "foreign__"
"""Put before names of functions whose arguments sqlglot would take for those of another dialect."""
_TAKEN = re.compile(
    r"(?<![\w.])(date_?diff|timestamp_?diff|datetime_diff|date_?add|date_?sub|add_months|months_between|"
    r"date_trunc|datetime_trunc|timestamp_trunc|trunc|date|datetime|date_?part|ifnull|nvl|year|month|day|week|"
    r"hour|minute|second|quarter|day_?of_?(?:week|month|year)|monthname|dayname|stdev|substring_index|"
    r"date_format)(?=\s*\()",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_WRITTEN_ANEW = re.compile(
    r"\b(?:ifnull|nvl2?|iif|if|instr|locate|charindex|len|group_concat|countif|count_if|safe_cast|try_cast|"
    r"safe_divide|median|str_to_date|last_day|rand|pow|truncate|approx_count_distinct)\s*\(|"
    r"\binterval\s+\d|\brlike\b|\bregexp\b|==|<=>|\bas\s+(?:datetime|string|int64)\b",
    re.IGNORECASE,
)
"""What sqlglot reads as PostgreSQL but PostgreSQL does not: writing the tree anew is all that is needed."""
_BARE_STEP = re.compile(r"([-+]\s*)(\d+)\s+((?:day|week|month|year|hour|minute)s?)\b", re.IGNORECASE)
_TYPES = {"SIGNED": "BIGINT", "UNSIGNED": "BIGINT", "FLOAT64": "DOUBLE PRECISION", "NUMBER": "DECIMAL"}
_PARTS = {
    "DAYOFWEEK": "DOW",
    "WEEKDAY": "ISODOW",
    "DAYOFYEAR": "DOY",
    "WEEKOFYEAR": "WEEK",
    "DAYOFMONTH": "DAY",
}
_BUILT_IN = frozenset({"DATE_TRUNC", "TRUNC", "DATE", "DATE_PART"})
"""PostgreSQL has these too: only other databases' way to call them is replaced."""


def parse(sql: str) -> tuple[exp.Query, str] | None:
    """The statement as a tree, and what had to be said differently; None when it is not one query."""
    text = sql.strip().rstrip(";")
    for dialect, form in (("postgres", text), *((name, _stepped(text)) for name in ("postgres", *_DIALECTS))):
        trees = _read(_guarded(form) if dialect == "postgres" else form, dialect)
        if trees is None:
            continue
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            return None
        tree = trees[0]
        if dialect == "postgres":
            _unguard(tree)
            anew = form != text or bool(_WRITTEN_ANEW.search(_QUOTED.sub("''", text)))
            return tree, "Written in PostgreSQL's way." if anew else ""
        return _unquoted(tree), f"Written in PostgreSQL's way instead of {dialect}'s."
    return None


def _read(text: str, dialect: str) -> list[exp.Expr] | None:
    try:
        if dialect == "postgres":
            return [tree.copy() for tree in parsed(text)]
        return [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    except (SqlglotError, RecursionError):
        return None


def _outside_quotes(pattern: re.Pattern[str], replacement: str, text: str) -> str:
    parts, place = [], 0
    for quoted in _QUOTED.finditer(text):
        parts += [pattern.sub(replacement, text[place : quoted.start()]), quoted[0]]
        place = quoted.end()
    return "".join([*parts, pattern.sub(replacement, text[place:])])


def _guarded(text: str) -> str:
    return _outside_quotes(_TAKEN, _GUARD + r"\1", text)


def _stepped(text: str) -> str:
    """``CURRENT_DATE - 30 DAY``, with the interval that it means."""
    return _outside_quotes(_BARE_STEP, r"\1INTERVAL '\2 \3'", text)


def _unguard(tree: exp.Query) -> None:
    """Give guarded calls their names back; PostgreSQL's own are read as it reads them."""
    for call in list(tree.find_all(exp.Anonymous)):
        name = str(call.this)
        if not name.lower().startswith(_GUARD):
            continue
        call.set("this", name[len(_GUARD) :])
        own = call.name.upper()
        if own in _BUILT_IN and (_is_own_way(call) or _build(call) is None):
            call.replace(sqlglot.parse_one(call.sql(dialect="postgres"), read="postgres"))


def _is_own_way(call: exp.Anonymous) -> bool:
    """Whether PostgreSQL would take the call: DATE_TRUNC and DATE_PART name their unit first, in quotes."""
    first = next(iter(call.expressions), None)
    return call.name.upper() in {"DATE_TRUNC", "DATE_PART"} and first is not None and is_string(first)


def _unquoted(tree: exp.Query) -> exp.Query:
    """Names without quotes: MySQL's backticks do not keep case, PostgreSQL's quotes do."""
    for name in tree.find_all(exp.Identifier):
        if name.quoted and name.this.replace("_", "a").isalnum():
            name.set("quoted", False)
    return tree


def _build(call: exp.Anonymous) -> exp.Expr | None:
    build = FUNCTIONS.get(str(call.this).upper())
    return build(list(call.expressions)) if build is not None else None


def _fix(context: Context) -> str | None:
    known = set(context.names.snapshot.functions)
    for call in context.tree.find_all(exp.Anonymous):
        name = str(call.this)
        if name.lower() in known and name.upper() not in _BUILT_IN:
            continue
        replacement = _build(call)
        if replacement is not None:
            said = call.sql(dialect="postgres")
            call.replace(replacement)
            return f"{said} is written {replacement.sql(dialect='postgres')} in PostgreSQL."
    for node in context.tree.find_all(exp.Cast):
        foreign = node.to.sql(dialect="postgres").upper()
        if foreign in _TYPES:
            node.set("to", exp.DataType.build(_TYPES[foreign], dialect="postgres"))
            return f"The type {foreign} is called {_TYPES[foreign]} in PostgreSQL."
    for moment in context.tree.find_all(exp.Extract):
        if (own := _PARTS.get(moment.this.name.upper())) is not None:
            moment.set("this", exp.var(own))
            return f"That part of a moment is called {own} in PostgreSQL."
    for column in context.tree.find_all(exp.Column):
        if column.name.upper() in {"SYSDATE", "SYSTIMESTAMP"} and not column.args.get("table"):
            column.replace(exp.CurrentTimestamp())
            return "The present moment is CURRENT_TIMESTAMP in PostgreSQL."
    return _qualified(context.tree)


def _qualified(tree: exp.Query) -> str | None:
    """QUALIFY, which PostgreSQL says with a query around the window."""
    for select in tree.find_all(exp.Select):
        if select.args.get("qualify"):
            around = transforms.eliminate_qualify(select.copy())
            if around is not None and not around.find(exp.Qualify):
                _take(select, around)
                return "QUALIFY is said with a query around the window in PostgreSQL."
    return None


def _take(select: exp.Select, other: exp.Expr) -> None:
    """Become the other statement, in place."""
    for key in list(select.args):
        select.set(key, None)
    for key, value in other.args.items():
        select.set(key, value)


RULE = Rule("foreign_dialect", _fix)
