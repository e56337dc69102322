"""What a case accepts, written out: one list of plain queries from the short notation of ``gold``.

Accepted queries stand one after another, separated by ``;``. ``{a, b}`` in a select list means that any
non-empty choice of these columns is right; ``GROUP BY {}`` follows whatever was chosen, leaving out what
the choice computes by an aggregate.
"""

import re
from itertools import combinations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from evals.errors import GoldError

MAX_CHOICES = 6
"""Columns in one pair of braces; more than 2**6 - 1 variants a query say little and cost a lot."""

_CHOICE = re.compile(r"\{([^{}]*[^{}\s][^{}]*)\}")
_FOLLOWS = re.compile(r"\{\s*\}")
_ALIAS = re.compile(r"\A\s+AS\s+\w+", re.IGNORECASE)


def accepted_queries(gold: str) -> list[str]:
    """Every query that the notation stands for, the most columns first.

    Raises:
        GoldError: a quote is open, braces hold too much, or nothing is left.
    """
    queries = [variant for query in split_statements(gold) for variant in _variants(query)]
    if not queries:
        raise GoldError("The gold holds no query.", "Write at least one SELECT.")
    return list(dict.fromkeys(queries))


def split_statements(text: str) -> list[str]:
    """The statements between semicolons; those in quotes, dollar quotes and comments do not separate.

    Raises:
        GoldError: a quote or a comment is never closed.
    """
    statements: list[str] = []
    start = place = 0
    while place < len(text):
        token = _OPAQUE.match(text, place)
        if token:
            place = token.end()
        elif text[place] == ";":
            statements.append(text[start:place].strip())
            start = place = place + 1
        elif text[place] in "'\"" or text.startswith("/*", place):
            raise GoldError(
                f"A quote or comment is open at: {text[place : place + 40]!r}", "Close it in the file."
            )
        else:
            place += 1
    statements.append(text[start:].strip())
    return [statement for statement in statements if statement]


_OPAQUE = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | \$(\w*)\$.*?\$\1\$ | --[^\n]* | /\*.*?\*/ | \w+""",
    re.DOTALL | re.VERBOSE,
)


def _variants(query: str, keys: tuple[str, ...] = ()) -> list[str]:
    """The query with each choice made in every way; ``keys`` are what the choices so far group by."""
    choice = _CHOICE.search(query)
    if choice is None:
        return [_FOLLOWS.sub(", ".join(keys) or "()", query)]
    columns = _columns(choice.group(1))
    if len(columns) > MAX_CHOICES:
        raise GoldError(f"{len(columns)} columns in one pair of braces: {query[:80]}", "Leave at most six.")
    variants: list[str] = []
    for size in range(len(columns), 0, -1):
        for chosen in combinations(columns, size):
            rest = query[choice.end() :]
            if size > 1:  # an alias after the braces names one column; it cannot name several
                rest = _ALIAS.sub("", rest)
            groups = (*keys, *filter(None, map(_group_key, chosen)))
            variants.extend(_variants(query[: choice.start()] + ", ".join(chosen) + rest, groups))
    return variants


def _columns(text: str) -> list[str]:
    """The expressions in a pair of braces; commas inside parentheses do not separate."""
    columns, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            columns.append(text[start:place].strip())
            start = place + 1
    columns.append(text[start:].strip())
    return [column for column in columns if column]


def _group_key(column: str) -> str | None:
    """What groups by this column: as it stands, without its alias; nothing for an aggregate or a constant.

    PostgreSQL holds it against the select list letter by letter, as far as strings in it go: written anew,
    ``date_trunc('month', x)`` could become ``DATE_TRUNC('MONTH', x)``, which is another.
    """
    try:
        parsed = sqlglot.parse_one(f"SELECT {column}", read="postgres", into=exp.Select).selects[0]
    except (SqlglotError, IndexError, AttributeError):
        return re.sub(r"\s+AS\s+\w+\Z", "", column, flags=re.IGNORECASE)
    if parsed.find(exp.AggFunc, exp.Window) or isinstance(parsed.unalias(), exp.Literal):
        return None
    if not parsed.alias:
        return column
    alias = re.escape(parsed.alias)
    return re.sub(rf'\s+(?:AS\s+)?(?:"{alias}"|{alias})\Z', "", column, flags=re.IGNORECASE)
