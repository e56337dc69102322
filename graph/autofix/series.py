"""A query that gives figures for each month, day or year: its keys in time, and what else it groups by.

For rules about rows that follow one another: running totals, and changes from one period to the next.
"""

from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, folded
from graph.context.words import name_words

_UNITS = ("year", "quarter", "month", "week", "day", "hour")
"""The coarse ones before the fine ones: rows follow one another by year first."""


@dataclass(frozen=True, slots=True)
class Series:
    """What a grouped query shows."""

    select: exp.Select
    periods: list[exp.Expr]
    """Select items, without their names, that say when; coarse ones first."""
    others: list[exp.Expr]
    """The other items that are grouped by."""
    figures: list[exp.Expr]
    """Items with an aggregate, without their names."""

    def over(self, figure: exp.Expr) -> exp.Window:
        """The figure over the periods in their order, within each of the other groups."""
        order = exp.Order(expressions=[exp.Ordered(this=period.copy()) for period in self.periods])
        parts = [other.copy() for other in self.others]
        return exp.Window(this=figure, order=order, **({"partition_by": parts} if parts else {}))


def series_of(names: Names) -> Series | None:
    """The statement as a series; None when it is none, or holds windows already."""
    select = names.tree
    if not isinstance(select, exp.Select) or not select.args.get("group") or select.is_star:
        return None
    if any(select.args.get(part) for part in ("distinct", "limit", "with_", "having")):
        return None
    if select.find(exp.Window) or not names.scopes or names.scopes[-1].expression is not select:
        return None
    scope = names.scopes[-1]
    items = [item.unalias() for item in select.selects]
    figures = [item for item in items if item.find(exp.AggFunc)]
    plain = [item for item in items if not item.find(exp.AggFunc)]
    ranked = [(rank, item) for item in plain if (rank := _period(item, names, scope)) is not None]
    if not ranked or not figures:
        return None
    periods = [item for _, item in sorted(ranked, key=lambda pair: pair[0])]
    others = [item for item in plain if not any(item is period for period in periods)]
    return Series(select, periods, others, figures)


def _period(item: exp.Expr, names: Names, scope: Scope) -> int | None:
    """How coarse a period is, as a place among the units; None for what is none or does not sort by time."""
    if isinstance(item, exp.Cast):
        return _period(item.this, names, scope)
    if isinstance(item, exp.Extract):
        unit = str(item.this.name).lower()
        moment = kind_of(item.expression, names, scope) in MOMENTS
        return _UNITS.index(unit) if moment and unit in _UNITS else None
    if isinstance(item, exp.TimeToStr):
        written = item.args["format"].name
        return 0 if written.startswith("%Y") and _sorts(written) else None
    if isinstance(item, exp.Column):
        if kind_of(item, names, scope) in MOMENTS:
            return len(_UNITS)
        last = name_words(folded(item.this))[-1:]
        numbers = kind_of(item, names, scope) in {"integer", "number"}
        return _UNITS.index(last[0]) if last and last[0] in _UNITS and numbers else None
    return 0 if kind_of(item, names, scope) in MOMENTS and item.find(exp.Column) else None


def _sorts(written: str) -> bool:
    """Whether texts of this format follow one another as their moments do."""
    return "%b" not in written and "%B" not in written and "%A" not in written and "%a" not in written
