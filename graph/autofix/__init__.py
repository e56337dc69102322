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
join_tree             tables joined in an order that does not connect them
wrong_key             keys of different things held against each other
bridge                the same, where other tables stand between the two
counted_apart         the ratio of two things' numbers over a join, where each is to be counted by itself
whole_key             a reference of several columns joined by some of them
pronoun_value         a text that is a word of the question's grammar, and no value
value_home            a text looked for in a column that cannot hold it, where another table does
quoted_literal        a text in double quotes
name_part             a surname looked for at the beginning of a whole name
full_name             a full name looked for in one column, where two hold a part each
coded_value           a made-up code for a value of the table that it refers to
referred_value        what a thing is called, looked for in the key that refers to it
shared_column         a list by a key that its table lacks, where both tables have what is shown
misplaced_column      a column written of the wrong table of FROM
deed_value            a moment that the table lacks, of which it has a value that says the same
column_name           a column named nearly right
other_table           a column whose name says that it is another table's
wrong_table           a table whose columns another table has
moment_column         a date of which the table has only one, under another name
missing_join          a column of a table that FROM lacks, joined in where there is one way
computed_alias        a select alias used in WHERE, HAVING or beside it
own_average           rows held against an aggregate of themselves
peer_average          things held against the average of all, where that of their own group is asked
self_correlation      a subquery's rows held against themselves instead of against the outer row
figure_condition      a condition on a group's figure, asked of each row
aggregate_where       an aggregate's condition in WHERE
ambiguous_column      a bare column that several tables of FROM have
type_mismatch         boolean = 1, ROUND(float, n), SUM(boolean), months of an epoch, LIKE on a number
month_names           months kept as names and used as numbers
asked_age             ages in days, or by the number of the year
moment_types          epochs, texts and spans beside moments; parts of spans
asked_hour            a time of day taken for a moment, or left out
made_up_date          a year that nobody named, where the question counts from today
deed_moment           a time taken of another date than that of the deed
other_moment          a date of a role that nobody spoke of, where rows have a beginning
own_moment            rows counted by when the thing began that they refer to
calendar_period       "last month" as one day, or as a month of every year
turned_span           a span of time taken from its end to its beginning
turned_difference     a span that the query's own condition makes negative
turned_flag           a yes or no taken for its opposite
turned_comparison     two columns compared the wrong way round
last_day              a span of days whose last day is cut off
week_days             days of the week as numbered elsewhere, or compared with padded names
median                the average, where the median is asked for
other_thing           things of another table than those asked for
latest_of_each        the last of all, or of groups that are too fine, where the last of each is asked for
first_of_each         the first of all, where the first of each group is asked for
first_of_period       the first of all times, where the first of each period is asked for
holder_of_each        the most of each group, without the thing that has it
referred_group        rows grouped by what they refer to of their own kind, called by their own names
row_arithmetic        a value of each row beside an aggregate
nested_aggregate      an aggregate of an aggregate
grouped_window        a window over single rows of a query that groups them
bare_extreme          the greatest value beside columns of single rows, as SQLite reads it
grouping              selected or ordered columns that GROUP BY lacks
distinct_order        SELECT DISTINCT ordered by what is not selected
moment_order          the last rows by time, where the first are asked for, or the other way round
turned_order          a list that is cut, sorted from the wrong end
summed_order          things ordered by a measure of single rows that refer to them
open_period           since, after or before a month or year, cut at another day
asked_period          a month, quarter, half or year that is named, cut at another day
said_reference        of two references to one kind of thing the other than the question speaks of
self_roles            a thing and another of its kind, the one taken for the other
self_count            a count over a thing's own references, taken from the wrong end
leaf_rows             things that refer to nothing, where nothing is to refer to them
same_row              a table joined to itself on its own key
null_group            the group without a name among those asked for by name
null_order            what is not known on top of a list that is cut
blank_group           the group that says nothing, which the question skips
null_join             rows without a partner among those that have one
null_list             a list with NULL in it, of which nothing is known to be no part
group_home            figures for each of one thing, shown under another's names
period_counts         the most or the average of a column, where it is of rows counted by time
group_average         groups held against an average row, and not against the average group
counted_groups        groups shown where it is asked how many there are
unasked_group         a figure for each of something, where one is asked for
asked_things          a number of things, where the things are asked for
shown_group           figures per group that do not say of which group
shown_order           a list ordered by a measure that it does not show
asked_group           figures "per country" that are not shown per country
asked_column          a column that the question lists and the query leaves out
own_name              things asked for, of which the query does not say which they are
joined_name           a second thing asked for, joined and not shown
asked_limit           a sorted list that the question wants cut
nth_value             the largest, where the second is asked for
counted_order         the most common of something, sorted by how it is written
asked_holder          the most of all, where the thing that has it is asked for
asked_order           the first of all asked for and all given, in no order
asked_table           figures "per drug" of which FROM has no table
period_group          figures "per year" that are not shown per year
idle_rows             a table of many rows for each that is joined and not used
unused_join           a table that is joined and not used, without which rows would be lost
first_time            any time of each thing, where its first is asked for
counted_table         a count of another table's rows than those asked for
counted_things        things counted once for each row that refers to them
counted_beside        two things counted over one join, each once for every row of the other
counted_values        the same over one table, whose rows refer to the things
counted_set           counts put together as sets
counted_rows          COUNT(*) over rows that hold a count each
distinct_count        rows counted where different things, or periods, are
average_per           an average of single rows, where that of each of something is asked for
counted_average       how many of one thing another has on average, not averaged or over rows of both
priced_pieces         the price of one piece added up, where each row is of several
line_price            lines reckoned at the product's price, which have their own
percent_column        per cent taken as whole ones, as in price * (1 - discount_pct)
summed_money          rows counted where their money is asked for
lone_value            values of one column that exclude each other, where one or none is asked for
loose_or              OR that binds otherwise than it is meant
never_value           what never has a value, told by a row that has another
all_of                one column equal to two values at once, or to either where both are asked for
many_rows             a value held against a subquery that gave several rows
pivoted_group         a column for each value, where a row for each is asked for
zero_rows             things without any row, asked for as well and dropped by an inner join
window_parts          a window over all rows, where one within each thing is asked for
running_total         a running total that is lacking
period_change         the change from one period to the next that is lacking
undivided_parts       the parts of a ratio or a difference side by side, where the one figure is asked for
ratio_parts           a ratio to all, where its second part was named
compared_parts        groups held against all rows of another time, and not against their own
narrower_view         a view of some of the things, where all of them are counted
turned_rate           a rate "per X" that is X for each, or whose X counts many times
ratio_complement      a ratio to all, where it is to those without
certain_share         a share whose part is a condition on all rows as well
whole_share           an aggregate divided by itself
percent_scale         a ratio given as a percentage that nobody asked for, or the other way round
inverted_share        a proportion written upside down
integer_division      a ratio of integers, which PostgreSQL cuts to a whole number
asked_unit            a span of time "in hours" given as an interval or in seconds
kept_unit             a measure kept in another unit than the one asked for
zero_division         a divisor that turned out to be zero
literal_case          a compared text that the column has in another spelling
spellings             a value of which the column has several spellings
like_case             a text searched for by its case, which nobody asked for
value_owner           a condition on a column of another table that has one of its name
negated_value         a value that the question excludes and the query asks for
yes_or_no             yes or no compared with a column that holds something else, or nothing
asked_kind            a kind or state that stands right beside its thing in the question
asked_value           a value that the question names and no condition does
asked_flag            a yes or no that question or notes name and no condition does
value_elsewhere       the same of a thing that FROM refers to, which is joined in
undivided_share       a count of the part, where its share of the whole is asked for
having_share          a share of things that have rows elsewhere, over a join that drops those without
noted_condition       what the notes say of which rows count, and the query does not
current_row           rows that are no longer in force, where what is current is asked for
present_things        things that have ended among those of the present
undone_deed           what is undone, asked by a status that the question does not name
only_value            things with only one kind of row, which may have others as well
unasked_filter        a condition that nobody asked for
unasked_code          a condition on a short code that nobody asked for
unasked_null          a test for what is not known that nobody asked for
====================  =================================================================================
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.autofix import (
    aggregate_where,
    all_of,
    ambiguous_column,
    asked_age,
    asked_column,
    asked_flag,
    asked_group,
    asked_holder,
    asked_hour,
    asked_kind,
    asked_limit,
    asked_order,
    asked_period,
    asked_table,
    asked_things,
    asked_unit,
    asked_value,
    average_per,
    bare_extreme,
    blank_group,
    bridge,
    calendar_period,
    certain_share,
    coded_value,
    column_name,
    compared_parts,
    computed_alias,
    counted_apart,
    counted_average,
    counted_beside,
    counted_groups,
    counted_order,
    counted_rows,
    counted_set,
    counted_table,
    counted_things,
    counted_values,
    current_row,
    deed_moment,
    deed_value,
    distinct_count,
    distinct_order,
    figure_condition,
    first_of_each,
    first_of_period,
    first_time,
    foreign_dialect,
    full_name,
    group_average,
    group_home,
    grouped_window,
    grouping,
    having_share,
    holder_of_each,
    idle_join,
    idle_rows,
    integer_division,
    inverted_share,
    join_tree,
    joined_name,
    kept_unit,
    last_day,
    latest_of_each,
    leaf_rows,
    like_case,
    line_price,
    literal_case,
    lone_value,
    loose_or,
    made_up_date,
    many_rows,
    median,
    misplaced_column,
    missing_join,
    moment_column,
    moment_order,
    moment_types,
    month_names,
    name_part,
    narrower_view,
    negated_value,
    nested_aggregate,
    never_value,
    noted_condition,
    nth_value,
    null_group,
    null_join,
    null_list,
    null_order,
    only_value,
    open_period,
    other_moment,
    other_table,
    other_thing,
    own_average,
    own_moment,
    own_name,
    peer_average,
    percent_column,
    percent_scale,
    period_change,
    period_counts,
    period_group,
    phantom_table,
    pivoted_group,
    present_things,
    priced_pieces,
    pronoun_value,
    quoted_literal,
    ratio_complement,
    ratio_parts,
    referred_group,
    referred_value,
    rejoin,
    reserved_alias,
    row_arithmetic,
    running_total,
    said_reference,
    same_row,
    self_correlation,
    self_count,
    self_roles,
    shared_column,
    shown_group,
    shown_order,
    spellings,
    summed_money,
    summed_order,
    table_name,
    turned_comparison,
    turned_difference,
    turned_flag,
    turned_order,
    turned_rate,
    turned_span,
    type_mismatch,
    unasked_code,
    unasked_filter,
    unasked_group,
    unasked_null,
    undivided_parts,
    undivided_share,
    undone_deed,
    unused_join,
    value_elsewhere,
    value_home,
    value_owner,
    week_days,
    whole_key,
    whole_share,
    window_parts,
    wrong_key,
    wrong_table,
    yes_or_no,
    zero_division,
    zero_rows,
)
from graph.autofix.base import Context, Rule
from graph.autofix.names import Names
from graph.context.prepared import Key
from wire.outcome import Failed
from wire.snapshot import SchemaSnapshot
from wire.values import Found

RULES: tuple[Rule, ...] = (
    foreign_dialect.RULE,
    table_name.RULE,
    phantom_table.RULE,
    reserved_alias.RULE,
    idle_join.RULE,
    rejoin.RULE,
    join_tree.RULE,
    wrong_key.RULE,
    bridge.RULE,
    counted_apart.RULE,
    whole_key.RULE,
    quoted_literal.RULE,
    name_part.RULE,
    full_name.RULE,
    pronoun_value.RULE,
    value_home.RULE,
    coded_value.RULE,
    referred_value.RULE,
    shared_column.RULE,
    misplaced_column.RULE,
    deed_value.RULE,
    column_name.RULE,
    other_table.RULE,
    wrong_table.RULE,
    moment_column.RULE,
    missing_join.RULE,
    column_name.LATE_RULE,
    computed_alias.RULE,
    own_average.RULE,
    peer_average.RULE,
    self_correlation.RULE,
    figure_condition.RULE,
    aggregate_where.RULE,
    ambiguous_column.RULE,
    type_mismatch.RULE,
    month_names.RULE,
    asked_age.RULE,
    moment_types.RULE,
    other_moment.RULE,
    own_moment.RULE,
    deed_moment.RULE,
    asked_hour.RULE,
    made_up_date.RULE,
    calendar_period.RULE,
    turned_span.RULE,
    turned_difference.RULE,
    turned_comparison.RULE,
    turned_flag.RULE,
    last_day.RULE,
    week_days.RULE,
    asked_period.RULE,
    open_period.RULE,
    referred_group.RULE,
    row_arithmetic.RULE,
    nested_aggregate.RULE,
    grouped_window.RULE,
    bare_extreme.RULE,
    grouping.RULE,
    distinct_order.RULE,
    median.RULE,
    other_thing.RULE,
    latest_of_each.RULE,
    holder_of_each.RULE,
    first_of_each.RULE,
    first_of_period.RULE,
    moment_order.RULE,
    turned_order.RULE,
    summed_order.RULE,
    said_reference.RULE,
    self_roles.RULE,
    self_count.RULE,
    nth_value.RULE,
    leaf_rows.RULE,
    counted_order.RULE,
    same_row.RULE,
    asked_holder.RULE,
    asked_order.RULE,
    null_group.RULE,
    null_order.RULE,
    blank_group.RULE,
    null_join.RULE,
    null_list.RULE,
    group_home.RULE,
    period_counts.RULE,
    group_average.RULE,
    counted_groups.RULE,
    unasked_group.RULE,
    asked_things.RULE,
    asked_limit.RULE,
    shown_group.RULE,
    shown_order.RULE,
    asked_group.RULE,
    asked_column.RULE,
    own_name.RULE,
    joined_name.RULE,
    asked_table.RULE,
    period_group.RULE,
    idle_rows.RULE,
    unused_join.RULE,
    first_time.RULE,
    counted_table.RULE,
    counted_things.RULE,
    counted_values.RULE,
    counted_set.RULE,
    counted_rows.RULE,
    distinct_count.RULE,
    average_per.RULE,
    counted_average.RULE,
    priced_pieces.RULE,
    line_price.RULE,
    percent_column.RULE,
    summed_money.RULE,
    lone_value.RULE,
    loose_or.RULE,
    never_value.RULE,
    all_of.RULE,
    many_rows.RULE,
    pivoted_group.RULE,
    zero_rows.RULE,
    window_parts.RULE,
    running_total.RULE,
    period_change.RULE,
    compared_parts.RULE,
    narrower_view.RULE,
    turned_rate.RULE,
    undivided_parts.RULE,
    ratio_parts.RULE,
    ratio_complement.RULE,
    certain_share.RULE,
    whole_share.RULE,
    percent_scale.RULE,
    inverted_share.RULE,
    integer_division.RULE,
    asked_unit.RULE,
    kept_unit.RULE,
    zero_division.RULE,
    literal_case.RULE,
    spellings.RULE,
    like_case.RULE,
    value_owner.RULE,
    negated_value.RULE,
    yes_or_no.RULE,
    asked_kind.RULE,
    asked_value.RULE,
    value_elsewhere.RULE,
    asked_flag.RULE,
    undivided_share.RULE,
    having_share.RULE,
    noted_condition.RULE,
    counted_beside.RULE,
    current_row.RULE,
    present_things.RULE,
    undone_deed.RULE,
    only_value.RULE,
    unasked_filter.RULE,
    unasked_code.RULE,
    unasked_null.RULE,
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
    notes: str = "",
    failed: Failed | None = None,
    found: Found | None = None,
    without: Collection[str] = (),
) -> Fixed:
    """Mend what can be mended with certainty.

    Args:
        sql: One statement. What does not parse as a query comes back as it is.
        snapshot: The tables that it may read.
        question: Helps to choose between spellings of a literal.
        notes: What is said beside the question.
        failed: What the database said of it, when it has been asked; some rules act only then.
        found: What the agent has looked up of its literals.
        without: Names of rules that are left out.
    """
    asked = _Asked(question, notes)
    if failed is None and found is None:
        # A draft is looked at before and after it is linted; nothing else has changed in between.
        return _untried(sql, Key(snapshot), asked, frozenset(without))
    return _mended(sql, snapshot, asked, failed, found, without)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, and what is said beside it."""

    question: str
    notes: str


@lru_cache(maxsize=64)
def _untried(sql: str, key: Key, asked: _Asked, without: frozenset[str]) -> Fixed:
    return _mended(sql, key.snapshot, asked, None, None, without)


def _mended(
    sql: str,
    snapshot: SchemaSnapshot,
    asked: _Asked,
    failed: Failed | None,
    found: Found | None,
    without: Collection[str],
) -> Fixed:
    parsed = foreign_dialect.parse(sql)
    if parsed is None:
        return Fixed(sql)
    tree, said = parsed
    changes: list[str] = [said] if said else []
    rules: list[str] = [foreign_dialect.RULE.name] if said else []
    bench = _Bench(tree, snapshot, asked, failed, found)
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
        self,
        tree: exp.Query,
        snapshot: SchemaSnapshot,
        asked: _Asked,
        failed: Failed | None,
        found: Found | None,
    ) -> None:
        self.tree = tree
        self._snapshot = snapshot
        self._asked = asked
        self._failed = failed
        self._found = found
        self._context: Context | None = None

    def apply(self, rule: Rule) -> str | None:
        """Let a rule change the statement once; None when it does not."""
        try:
            if self._context is None:
                # Rules change their tree in place; this one stays as it is until they are done.
                names = Names(self.tree.copy(), self._snapshot)
                self._context = Context(
                    names, self._asked.question, self._asked.notes, self._failed, self._found
                )
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
