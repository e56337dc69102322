"""The change from one period to the next that the query lacks: "growth over the year before" as yearly sums.

Each period's figure is held against that of the period before it, within each of the other groups: as a
share where growth or a percentage is asked for, as a difference else.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.series import series_of

_UNIT = r"(?:year|quarter|month|week|day|period|one)"
_CHANGE = (
    r"(?:growth|grow|grew|grown|changed?|increased?|decreased?|differences?|development|rise|rose|drop|fell)"
)
_ASKED = re.compile(
    rf"\b{_CHANGE}\b.*\b(?:(?:previous|prior|preceding)\s+{_UNIT}|{_UNIT}\s+(?:before|earlier|to\s+{_UNIT}))\b|"
    rf"\b{_UNIT}\W+(?:over|on|to|by)\W+{_UNIT}\s+{_CHANGE}\b|\b{_CHANGE}\b.*\b{_UNIT}\W+(?:over|on|by|to)\W+{_UNIT}\b",
    re.IGNORECASE,
)
_SHARE = re.compile(r"\b(?:growth|grow|grew|grown|percent(?:age)?|rate|relative|share)\b|%", re.IGNORECASE)
_NAME = "change"


def _fix(context: Context) -> str | None:
    if not _ASKED.search(context.question):
        return None
    series = series_of(context.names)
    if series is None or len(series.figures) != 1:
        return None
    [figure] = series.figures
    before = series.over(exp.Lag(this=figure.copy()))
    if _SHARE.search(context.question):
        earlier = exp.Nullif(this=before, expression=exp.Literal.number(0))
        share = exp.Div(
            this=exp.Mul(this=exp.Literal.number("1.0"), expression=figure.copy()), expression=earlier
        )
        change: exp.Expr = exp.Sub(this=share, expression=exp.Literal.number(1))
    else:
        change = exp.Sub(this=figure.copy(), expression=before)
    series.select.append("expressions", exp.alias_(change, _NAME))
    return f"{figure.sql(dialect='postgres')} is held against that of the period before."


RULE = Rule("period_change", _fix)
