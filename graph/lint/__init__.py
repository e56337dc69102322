"""Checking a draft without running it: one rule a file, listed here by hand.

====================  ==================================================================
rule                  forbids
====================  ==================================================================
not_a_single_select   anything but one query that only reads
unknown_table         a table that the snapshot does not have
unknown_column        a column that its table does not have
ambiguous_column      a bare column name that several FROM items have
out_of_policy         system catalogs, and what the cloud's policy denies
unknown_function      a function that the sandbox does not let through
====================  ==================================================================
"""

import logging
from collections.abc import Collection

from sqlglot.errors import SqlglotError

from graph.lint.ambiguous_column import AMBIGUOUS_COLUMN
from graph.lint.base import Rule, Statement, Verdict
from graph.lint.not_a_single_select import NOT_A_SINGLE_SELECT
from graph.lint.out_of_policy import OUT_OF_POLICY
from graph.lint.unknown_column import UNKNOWN_COLUMN
from graph.lint.unknown_function import UNKNOWN_FUNCTION
from graph.lint.unknown_table import UNKNOWN_TABLE
from graph.parsing import parsed
from graph.record import Finding
from wire.policy import Policy
from wire.snapshot import SchemaSnapshot

RULES: tuple[Rule, ...] = (
    NOT_A_SINGLE_SELECT,
    OUT_OF_POLICY,
    UNKNOWN_TABLE,
    UNKNOWN_COLUMN,
    AMBIGUOUS_COLUMN,
    UNKNOWN_FUNCTION,
)
"""In the order in which their findings are worth reading."""
MAX_FINDINGS = 8
"""Findings of one draft that are kept: the first ones explain the rest."""
_MAX_CHARACTERS = 100_000
"""Longer text is left to the sandbox, which has its own bound."""

# sqlglot warns of every statement it keeps as a Command; here that is a finding, not a warning.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def lint(
    sql: str,
    snapshot: SchemaSnapshot,
    *,
    cloud_policy: Policy | None = None,
    without: Collection[str] = frozenset(),
) -> Verdict:
    """Check a draft. Never raises for what a draft says.

    Args:
        sql: the draft, one statement.
        snapshot: what may be read.
        cloud_policy: what the backend forbids on top; None adds nothing.
        without: names of rules to leave out, or ``"lint"`` for all but the first.
    """
    statement = _parse(sql, snapshot, cloud_policy)
    findings: list[Finding] = []
    for rule in RULES:
        if rule.name in without or ("lint" in without and rule is not NOT_A_SINGLE_SELECT):
            continue
        findings += rule.check(statement)
        if rule is NOT_A_SINGLE_SELECT and findings:
            break
    rejected = any(finding.severity == "error" for finding in findings)
    return Verdict("reject" if rejected else "pass", findings[:MAX_FINDINGS])


def _parse(sql: str, snapshot: SchemaSnapshot, cloud_policy: Policy | None) -> Statement:
    if len(sql) > _MAX_CHARACTERS:
        return Statement(sql, None, 1, snapshot, cloud_policy)
    try:
        trees = parsed(sql)
    except (SqlglotError, RecursionError):
        return Statement(sql, None, 1, snapshot, cloud_policy)
    return Statement(sql, trees[0] if trees else None, len(trees), snapshot, cloud_policy)
