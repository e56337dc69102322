"""A connection's own policy: what of it can be seen to be wrong before an agent holds to it."""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from wire.policy import Policy


def bad_filters(policy: Policy) -> list[str]:
    """Row filters that are no condition, a sentence each. The agent judges the others, by its own grammar."""
    return [
        f"tables.{name}.row_filter is not one SQL condition"
        for name, rule in policy.tables.items()
        if rule.row_filter is not None and not _is_condition(rule.row_filter)
    ]


def _is_condition(text: str) -> bool:
    try:
        trees = sqlglot.parse(f"SELECT 1 WHERE (\n{text}\n)", read="postgres")
    except (SqlglotError, RecursionError):
        return False
    if len(trees) != 1 or not isinstance(trees[0], exp.Select):
        return False
    filled = {name for name, value in trees[0].args.items() if value}
    return filled <= {"expressions", "where", "kind"}
