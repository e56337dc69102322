"""The median asked for, the average given.

The average of the middle rows may be tried with ``LIMIT 2 OFFSET 1``, which leaves nothing of one figure.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_MEDIAN = re.compile(r"\bmedian\b", re.IGNORECASE)
_MEAN = re.compile(r"\b(?:average|mean|avg)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    if not _MEDIAN.search(context.question) or _MEAN.search(context.question):
        return None
    tree = context.tree
    averages = list(tree.find_all(exp.Avg))
    if len(averages) != 1 or tree.find(exp.PercentileCont, exp.PercentileDisc, exp.Median):
        return None
    [average] = averages
    if isinstance(average.this, exp.Distinct) or isinstance(average.parent, exp.Window):
        return None
    order = exp.Order(expressions=[exp.Ordered(this=average.this.copy())])
    middle = exp.PercentileCont(this=exp.Literal.number("0.5"))
    found: exp.Expr = exp.WithinGroup(this=middle, expression=order)
    if isinstance(average.parent, exp.Round) and average.parent.args.get("decimals"):
        # It is a float, of which PostgreSQL rounds no decimals.
        found = exp.cast(found, "numeric")
    average.replace(found)
    select = found.parent_select
    if isinstance(select, exp.Select) and not select.args.get("group"):
        for part in ("limit", "offset", "order"):
            select.set(part, None)
    return "The median is asked for, not the average."


RULE = Rule("median", _fix)
