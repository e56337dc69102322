"""Looking at a result before it is told: what is odd about it, given the question and the query.

====================  ==================================================================
check                 finds
====================  ==================================================================
empty_result          no rows, where the question expects some
only_null             nothing but NULL, in all of it or in a column
missing_group         figures "per month" that are one figure for all
missing_column        a column that was asked for and is not shown
ratio_range           a share that is not between 0 and 100 %
exploded_join         a sum over rows that a join has multiplied
tied_limit            a list cut among equals
====================  ==================================================================

Each is pure, and named in ``Settings.without`` to switch it off. A finding is a warning: it lowers the
answer's confidence, and may ask for one more attempt, which is kept only if it cures the finding.
"""

from collections.abc import Collection

from graph.record import Finding
from graph.results.asked import MISSING_COLUMN, MISSING_GROUP
from graph.results.base import Check, Seen
from graph.results.emptiness import EMPTY_RESULT, ONLY_NULL
from graph.results.fan_out import EXPLODED_JOIN
from graph.results.figures import RATIO_RANGE, TIED_LIMIT
from wire.outcome import Rows
from wire.snapshot import SchemaSnapshot

CHECKS: tuple[Check, ...] = (
    EMPTY_RESULT,
    ONLY_NULL,
    MISSING_GROUP,
    MISSING_COLUMN,
    RATIO_RANGE,
    EXPLODED_JOIN,
    TIED_LIMIT,
)
"""The gravest first."""
NAMES = frozenset(check.name for check in CHECKS)
ASKING = frozenset(check.name for check in CHECKS if check.asks)


def check_rows(
    question: str, sql: str, rows: Rows, snapshot: SchemaSnapshot, without: Collection[str] = ()
) -> list[Finding]:
    """What is odd about a result, as warnings, the gravest first.

    Args:
        question: as asked.
        sql: the query that gave the rows.
        without: names of checks that are left out.
    """
    seen = Seen(question, sql, rows, snapshot)
    return [
        Finding(rule=check.name, severity="warning", message=said, hint=check.hint)
        for check in CHECKS
        if check.name not in without and (said := check.look(seen)) is not None
    ]


__all__ = ["ASKING", "CHECKS", "NAMES", "Check", "check_rows"]
