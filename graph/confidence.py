"""How far an answer can be trusted: signals from its run, weighed by coefficients that were fitted to evals.

The score is the share of answers like this one that were right when the coefficients were fitted
(``confidence.json`` says on what, and how far off it was). The reasons are what a person can check.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.coverage import Coverage
from graph.parsing import parsed_one
from graph.record import Attempt, Confidence, Finding
from graph.results import NAMES
from wire.outcome import Rows

HIGH, MEDIUM = 0.75, 0.5
"""Scores from which an answer is called so."""
DROPPED = 0.2
"""The most that is said of an answer that leaves out a name of its question."""
SEVERAL = 2
"""Words without a trace from which on they are a reason: right answers often have one."""
WAVERING = 4.0
"""Nats of surprisal that are a reason to doubt: less than half of such answers were right."""
_SHOWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class Signals:
    """What a run tells of its answer, as numbers; each is 0 where nothing speaks against it."""

    mended: float
    """1 when rules changed the query."""
    repaired: float
    """Times that the model had to write it again, up to 3."""
    odd: float
    """Checks of the result that found something, up to 2."""
    empty: float
    """1 when there are no rows, or nothing but NULL."""
    unknown: float
    """Share of the question's words that the database does not know."""
    joins: float
    """Tables beside the first, up to 3."""
    nested: float
    """Subqueries, up to 2."""
    ratio: float
    """1 when something is divided."""
    time: float
    """1 when moments are reckoned with."""
    unsaid: float = 0.0
    """Words of the question of which the query has no trace, up to 4."""
    disagreement: float | None = None
    """Share of several further drafts that gave another result; None when there were none."""
    surprisal: float | None = None
    """How unlikely the model found its own query: nats by ``WAVERING``, up to 3; None where nothing tells."""
    second: float | None = None
    """1 when a second draft, made with the whole schema, gave another result; None when there was none."""

    def values(self) -> dict[str, float]:
        """By name; without what is not known."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: float(value) for name, value in named.items() if value is not None}


def signals_of(
    attempts: Sequence[Attempt],
    rows: Rows,
    covered: Coverage | None = None,
    agreement: tuple[int, int] | None = None,
    unsaid: Sequence[str] = (),
    surprisal: float | None = None,
) -> Signals:
    """The signals of a run.

    Args:
        attempts: all of the run; the last one gave ``rows``.
        rows: the result.
        covered: which of the question's words the database knows; None when that was not judged.
        agreement: of how many further drafts how many gave the same result: (agreeing, drafted).
        unsaid: words of the question of which the query has no trace.
        surprisal: of the query as the model wrote it, in nats.
    """
    last = attempts[-1]
    tree = _tree(last.sql)
    tables = len({table.sql() for table in tree.find_all(exp.Table)}) if tree else 0
    reckons = (exp.Extract, exp.Interval, exp.TimestampTrunc, exp.CurrentDate, exp.CurrentTimestamp)
    return Signals(
        mended=float(any(attempt.changes for attempt in attempts)),
        repaired=float(min(3, sum(attempt.origin == "repair" for attempt in attempts))),
        odd=float(min(2, len(_odd(last)))),
        empty=float(bool(_emptiness(rows))),
        unknown=1 - covered.share if covered is not None else 0.0,
        joins=float(min(3, max(0, tables - 1))),
        nested=float(min(2, len(list(tree.find_all(exp.Subquery))))) if tree else 0.0,
        ratio=float(tree is not None and tree.find(exp.Div) is not None),
        time=float(tree is not None and tree.find(*reckons) is not None),
        unsaid=float(min(4, len(unsaid))),
        disagreement=1 - agreement[0] / agreement[1] if agreement and agreement[1] > 1 else None,
        surprisal=min(3.0, surprisal / WAVERING) if surprisal is not None else None,
        second=1.0 - agreement[0] if agreement and agreement[1] == 1 else None,
    )


def score_of(signals: Signals) -> float:
    """Between 0 and 1: the share of answers with such signals that were right in the evals."""
    values = signals.values()
    fitted = _coefficients()[kind_of(values)]
    # What no fit has met, as a signal that is newer than it, says nothing.
    logit = fitted["constant"] + sum(fitted.get(name, 0.0) * value for name, value in values.items())
    # A few hundred answers do not tell one in a thousand from never.
    return round(min(0.99, max(0.01, 1 / (1 + math.exp(-logit)))), 3)


def kind_of(values: Mapping[str, float]) -> str:
    """The fit that answers with these signals have: by what else was drafted, and what the server tells."""
    kind = "with_second" if "second" in values else "with_drafts" if "disagreement" in values else "alone"
    return f"{kind}_weighed" if "surprisal" in values and kind != "with_drafts" else kind


def confidence(
    attempts: Sequence[Attempt],
    rows: Rows,
    covered: Coverage | None = None,
    agreement: tuple[int, int] | None = None,
    unsaid: Sequence[str] = (),
    dropped: Sequence[str] = (),
    surprisal: float | None = None,
) -> Confidence:
    """The score, its word, and every reason to doubt, the gravest first.

    Args as ``signals_of``, and ``dropped``: names of the question that the query has left out.
    """
    score = score_of(signals_of(attempts, rows, covered, agreement, unsaid, surprisal))
    if dropped:
        # Whatever else speaks for it: it answers for everything what was asked of one thing.
        score = min(score, DROPPED)
    reasons = [f"The query has nothing for {_quoted(dropped)}."] if dropped else []
    reasons += [*_emptiness(rows), *(finding.message for finding in _odd(attempts[-1]))]
    reasons += [*_strangeness(covered), *_disagreement(agreement), *_mending(attempts), *_cut(rows)]
    if surprisal is not None and surprisal >= WAVERING:
        reasons.append("The model wavered over parts of the query.")
    if len(unsaid) >= SEVERAL:
        reasons.append(f"The query has no trace of {_quoted(unsaid)}.")
    if covered is not None and not covered.is_doubtful and covered.missing:
        reasons.append(f"Nothing here is called {_quoted(covered.missing)}.")
    level = "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"
    if _emptiness(rows):
        level = "low"  # Right or not, nothing is what a wrong condition gives too.
    elif level == "high" and rows.truncated is not None:
        level = "medium"
    if not reasons:
        reasons = (
            ["The first query passed every check and found rows."]
            if level == "high"
            else ["Nothing speaks against it, but questions of this kind often go wrong."]
        )
    return Confidence.model_validate(
        {"level": level, "score": score, "reasons": list(dict.fromkeys(reasons))}
    )


@cache
def _coefficients() -> dict[str, dict[str, float]]:
    return dict(json.loads((files("graph") / "confidence.json").read_text(encoding="utf-8"))["coefficients"])


def _tree(sql: str) -> exp.Expr | None:
    try:
        return parsed_one(sql)
    except (SqlglotError, RecursionError):
        return None


def _odd(attempt: Attempt) -> list[Finding]:
    return [finding for finding in attempt.findings if finding.rule in NAMES]


def _emptiness(rows: Rows) -> list[str]:
    if rows.row_count == 0:
        return ["No rows were found: a name or a date may be written differently in the data."]
    if rows.row_count == 1 and rows.preview and all(cell is None for cell in rows.preview[0]):
        return ["The only value is NULL: nothing may have matched."]
    return []


def _strangeness(covered: Coverage | None) -> list[str]:
    if covered is None or not covered.is_doubtful:
        return []
    return [f"Much of the question is unknown here: {_quoted(covered.missing)}."]


def _disagreement(agreement: tuple[int, int] | None) -> list[str]:
    if agreement is None or agreement[0] == agreement[1]:
        return []
    if agreement[1] == 1:
        return ["A second draft, made with the whole schema, gave another result."]
    return [f"Of {agreement[1]} further drafts {agreement[0]} gave the same result."]


def _mending(attempts: Sequence[Attempt]) -> list[str]:
    reasons = []
    repairs = sum(attempt.origin == "repair" for attempt in attempts)
    if repairs:
        reasons.append(f"The query was rewritten {'once' if repairs == 1 else f'{repairs} times'}.")
    if any(attempt.changes for attempt in attempts):
        reasons.append("The query was mended by rule.")
    return reasons


def _cut(rows: Rows) -> list[str]:
    if rows.truncated is None:
        return []
    return [f"The result was cut after {rows.row_count:,} rows: totals over it are not totals over all."]


def _quoted(found: Sequence[str]) -> str:
    more = ", …" if len(found) > _SHOWN_WORDS else ""
    return ", ".join(f"“{word}”" for word in found[:_SHOWN_WORDS]) + more
