"""unknown_function: a function must be one that the sandbox lets through.

Anti-pattern: other dialects' functions (``DATEDIFF(a, b)``, ``IFNULL(x, 0)``), and functions that reach
beyond the query. Best practice: PostgreSQL's own. Silent while the snapshot does not say which functions
there are.
"""

import re
from collections.abc import Iterator

from sqlglot import exp

from graph.lint.base import Rule, Statement
from graph.lint.nearest import nearest
from graph.record import Finding

_CALL = re.compile(r"\s*\(")
_GRAMMAR = frozenset(
    """
    all any array cast coalesce collation cube exists extract filter greatest grouping grouping_sets if
    in interval least normalize not nullif over overlay position rollup row some substring trim unnest
    values within xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi xmlroot xmlserialize json
    json_array json_arrayagg json_object json_objectagg json_query json_exists json_scalar
    json_serialize json_table json_value treat char character varchar numeric decimal float bit
    timestamp time rows using and or on when then else case select from where having by as with distinct
    lateral
    """.split()  # noqa: SIM905 - a list of words, not of quotes
)
"""What PostgreSQL's grammar itself knows before a bracket: no function of these names need exist."""


def _check(statement: Statement) -> Iterator[Finding]:
    known = set(statement.snapshot.functions)
    if not known or statement.tree is None:
        return
    bare = {name.rpartition(".")[2] for name in known}
    said: set[str] = set()
    for node in statement.tree.find_all(exp.Func):
        written = _written(node, statement.sql)
        if written is None:
            continue
        name, position = written
        if name in bare or name in _GRAMMAR or name in said:
            continue
        said.add(name)
        close = nearest(name, bare)
        yield Finding(
            rule="unknown_function",
            message=f"There is no function {name} that may be used here.",
            hint=f"Similar: {', '.join(close)}." if close else "Use a function of PostgreSQL.",
            position=position,
        )


def _written(node: exp.Func, sql: str) -> tuple[str, int] | None:
    """The function's name as the draft has it, and where; None when it is no call by name."""
    start, end = node.meta.get("start"), node.meta.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    name = sql[start : end + 1].strip('"')
    if not re.fullmatch(r"[^\W\d]\w*", name) or not _CALL.match(sql, end + 1):
        return None
    return name.lower(), start + 1


UNKNOWN_FUNCTION = Rule("unknown_function", _check)
