"""A running total that the query lacks: "orders of each month with a running total" as orders of each month.

The figure is added up over the periods in their order, within each of the other groups. Where a query that
groups nothing adds up or counts row by row in the order of a period that it shows, the rows of each period
are put together first: the total would else stand there once for each row, the period's own figure nowhere.
Where the figure is asked for "with a running total" and only the total is there, it is shown as well.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.series import Series, series_of

ASKED = re.compile(
    r"\b(?:running\s+(?:total|sum|count|balance)s?|cumulative(?:ly)?|cumulated|accumulated|rolling\s+total)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    rf"\b(?:with|and|plus|along\s+with|together\s+with|as\s+well\s+as|beside)\s+(?:(?:an?|the|its|their)\s+)?{ASKED.pattern}",
    re.IGNORECASE,
)
_NAME = "running_total"


def _fix(context: Context) -> str | None:
    if not ASKED.search(context.question):
        return None
    series = series_of(context.names)
    if series is not None:
        return _added(series)
    return _by_period(context.tree) or (_beside(context.tree) if _BESIDE.search(context.question) else None)


def _beside(select: exp.Query) -> str | None:
    """The figure of each period, where the query shows nothing but the periods and what they add up to."""
    if not isinstance(select, exp.Select) or not select.args.get("group") or select.args.get("distinct"):
        return None
    windows = [item for item in select.selects if isinstance(item.unalias(), exp.Window)]
    others = [item for item in select.selects if item not in windows]
    if len(windows) != 1 or len(list(select.find_all(exp.Window))) != 1:
        return None
    total = windows[0].unalias().this
    figure = total.this if isinstance(total, exp.Sum) else None
    if not isinstance(figure, exp.Sum | exp.Count) or any(item.find(exp.AggFunc) for item in others):
        return None
    place = select.selects.index(windows[0])
    select.set("expressions", [*select.selects[:place], figure.copy(), *select.selects[place:]])
    return f"{figure.sql(dialect='postgres')} is asked for beside its running total."


def _added(series: Series) -> str | None:
    figures = [figure for figure in series.figures if isinstance(figure, exp.Sum | exp.Count)]
    if len(figures) != 1 or len(series.figures) != 1:
        return None
    total = series.over(exp.Sum(this=figures[0].copy()))
    series.select.append("expressions", exp.alias_(total, _NAME))
    return f"A running total is asked for: {figures[0].sql(dialect='postgres')} is added up in order of time."


def _by_period(select: exp.Query) -> str | None:
    if not isinstance(select, exp.Select) or select.args.get("group") or select.args.get("distinct"):
        return None
    items = [item.unalias() for item in select.selects]
    windows = [item for item in items if isinstance(item, exp.Window)]
    if len(windows) != 1 or len(items) != 2 or len(list(select.find_all(exp.Window))) != 1:
        return None
    [window] = windows
    [period] = [item for item in items if item is not window]
    order = window.args.get("order")
    if not isinstance(window.this, exp.Sum | exp.Count) or order is None or window.args.get("partition_by"):
        return None
    if isinstance(period, exp.Column) or [one.this for one in order.expressions] != [period]:
        return None
    if window.this.this.find(exp.Distinct):
        return None
    figure = window.this.copy()
    window.set("this", exp.Sum(this=figure.copy()))
    select.set("expressions", [select.selects[0], figure, select.selects[1]])
    if select.selects[0].unalias() is window:
        select.set("expressions", [select.selects[2], figure, select.selects[0]])
    select.set("group", exp.Group(expressions=[period.copy()]))
    return f"The rows of each {period.sql(dialect='postgres')} are put together before they are added up."


RULE = Rule("running_total", _fix)
