"""Deterministic repair of SQL, before any model is asked again: small rules over the parsed statement.

``autofix`` is pure: a statement and a snapshot in, the mended statement and what was changed out. A rule acts
only where the statement as it stands cannot run, or cannot mean what it says (an integer ratio), and where
there is exactly one way to mend it. Everything else is left to the database and the model.

====================  =================================================================================
rule                  mends
====================  =================================================================================
foreign_dialect       what other databases write: IFNULL, YEAR(x), DATEDIFF, backticks, TOP …
table_name            a table without its schema, or named nearly right
phantom_table         a joined table that does not exist and is not needed
reserved_alias        an alias that is a reserved word
idle_join             a table joined on a column that is not there, and not needed
rejoin                a join on a column that one side lacks
misplaced_column      a column written of the wrong table of FROM
column_name           a column named nearly right
wrong_table           a table whose columns another table has
missing_join          a column of a table that FROM lacks, joined in where there is one way
computed_alias        a select alias used in WHERE or HAVING
ambiguous_column      a bare column that several tables of FROM have
type_mismatch         boolean = 1, ROUND(float, n), SUM(boolean), months of an epoch, LIKE on a number
grouping              selected or ordered columns that GROUP BY lacks
distinct_order        SELECT DISTINCT ordered by what is not selected
shown_group           figures per group that do not say of which group
shown_order           a list ordered by a measure that it does not show
asked_group           figures "per country" that are not shown per country
counted_table         a count of another table's rows than those asked for
counted_rows          COUNT(*) over rows that hold a count each
all_of                one column equal to two values at once
whole_share           an aggregate divided by itself
percent_scale         a ratio given as a percentage that nobody asked for
inverted_share        a proportion written upside down
integer_division      a ratio of integers, which PostgreSQL cuts to a whole number
zero_division         a divisor that turned out to be zero
literal_case          a compared text that the column has in another spelling
unasked_filter        a condition that nobody asked for
====================  =================================================================================
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.autofix import (
    all_of,
    ambiguous_column,
    asked_group,
    column_name,
    computed_alias,
    counted_rows,
    counted_table,
    distinct_order,
    foreign_dialect,
    grouping,
    idle_join,
    integer_division,
    inverted_share,
    literal_case,
    misplaced_column,
    missing_join,
    percent_scale,
    phantom_table,
    rejoin,
    reserved_alias,
    shown_group,
    shown_order,
    table_name,
    type_mismatch,
    unasked_filter,
    whole_share,
    wrong_table,
    zero_division,
)
from graph.autofix.base import Context, Rule
from graph.autofix.names import Names
from wire.outcome import Failed
from wire.snapshot import SchemaSnapshot

RULES: tuple[Rule, ...] = (
    foreign_dialect.RULE,
    table_name.RULE,
    phantom_table.RULE,
    reserved_alias.RULE,
    idle_join.RULE,
    rejoin.RULE,
    misplaced_column.RULE,
    column_name.RULE,
    wrong_table.RULE,
    missing_join.RULE,
    column_name.LATE_RULE,
    computed_alias.RULE,
    ambiguous_column.RULE,
    type_mismatch.RULE,
    grouping.RULE,
    distinct_order.RULE,
    shown_group.RULE,
    shown_order.RULE,
    asked_group.RULE,
    counted_table.RULE,
    counted_rows.RULE,
    all_of.RULE,
    whole_share.RULE,
    percent_scale.RULE,
    inverted_share.RULE,
    integer_division.RULE,
    zero_division.RULE,
    literal_case.RULE,
    unasked_filter.RULE,
)
"""In the order in which they are applied: names before types, types before shape."""

MAX_STEPS = 40
"""Times that one rule is applied to one statement: as often as a wrong name may be written in it."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The statement after repair; the very text that came in when nothing was mended."""

    sql: str
    changes: tuple[str, ...] = ()
    """A sentence for each change, in order."""
    rules: tuple[str, ...] = ()
    """The rule of each change."""


def autofix(
    sql: str,
    snapshot: SchemaSnapshot,
    *,
    question: str = "",
    failed: Failed | None = None,
    without: Collection[str] = (),
) -> Fixed:
    """Mend what can be mended with certainty.

    Args:
        sql: One statement. What does not parse as a query comes back as it is.
        snapshot: The tables that it may read.
        question: Helps to choose between spellings of a literal.
        failed: What the database said of it, when it has been asked; some rules act only then.
        without: Names of rules that are left out.
    """
    parsed = foreign_dialect.parse(sql)
    if parsed is None:
        return Fixed(sql)
    tree, said = parsed
    changes: list[str] = [said] if said else []
    rules: list[str] = [foreign_dialect.RULE.name] if said else []
    bench = _Bench(tree, snapshot, question, failed)
    for rule in RULES:
        if rule.name in without:
            continue
        for _ in range(MAX_STEPS):
            change = bench.apply(rule)
            if change is None:
                break
            if change not in changes:
                changes.append(change)
                rules.append(rule.name)
    if not changes:
        return Fixed(sql)
    return Fixed(bench.tree.sql(dialect="postgres", pretty="\n" in sql.strip()), tuple(changes), tuple(rules))


class _Bench:
    """The statement while rules work on it. Names are resolved anew only after a change."""

    def __init__(
        self, tree: exp.Query, snapshot: SchemaSnapshot, question: str, failed: Failed | None
    ) -> None:
        self.tree = tree
        self._snapshot = snapshot
        self._question = question
        self._failed = failed
        self._context: Context | None = None

    def apply(self, rule: Rule) -> str | None:
        """Let a rule change the statement once; None when it does not."""
        try:
            if self._context is None:
                # Rules change their tree in place; this one stays as it is until they are done.
                names = Names(self.tree.copy(), self._snapshot)
                self._context = Context(names, self._question, self._failed)
            said = rule.fix(self._context)
        except (SqlglotError, RecursionError):
            # Scopes of a statement that is broken elsewhere cannot always be built; the database will say.
            self._context = None
            return None
        if said is None or self._context.tree == self.tree:
            return None
        self.tree, self._context = self._context.tree, None
        return said


__all__ = ["RULES", "Fixed", "autofix"]
