"""How far an answer can be trusted, from what the run saw of it. No score: none has been calibrated."""

from collections.abc import Sequence

from graph.context.coverage import Coverage
from graph.record import Attempt, Confidence
from wire.outcome import Rows

_SHOWN_WORDS = 3


def confidence(attempts: Sequence[Attempt], rows: Rows, covered: Coverage | None = None) -> Confidence:
    """Low, medium or high, with every reason that there is to doubt, the gravest first.

    Args:
        attempts: all of the run; the last one gave ``rows``.
        rows: the result.
        covered: which of the question's words the database knows; None when that was not judged.

    Returns:
        ``high`` says only that nothing spoke against the answer: the first query passed and gave rows.
    """
    low = [*_emptiness(rows), *_strangeness(covered)]
    medium = [*_mending(attempts), *_cut(rows)]
    if covered is not None and not covered.is_doubtful and covered.missing:
        medium.append(f"Nothing here is called {_quoted(covered.missing)}.")
    if low:
        return Confidence(level="low", reasons=[*low, *medium])
    if medium:
        return Confidence(level="medium", reasons=medium)
    return Confidence(level="high", reasons=["The first query passed every check and found rows."])


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


def _mending(attempts: Sequence[Attempt]) -> list[str]:
    reasons = []
    repairs = sum(attempt.origin == "repair" for attempt in attempts)
    if repairs:
        reasons.append(f"The query was rewritten {'once' if repairs == 1 else f'{repairs} times'}.")
    if any(attempt.origin == "autofix" for attempt in attempts):
        reasons.append("The query was mended by rule.")
    return reasons


def _cut(rows: Rows) -> list[str]:
    if rows.truncated is None:
        return []
    return [f"The result was cut after {rows.row_count:,} rows: totals over it are not totals over all."]


def _quoted(found: Sequence[str]) -> str:
    more = ", …" if len(found) > _SHOWN_WORDS else ""
    return ", ".join(f"“{word}”" for word in found[:_SHOWN_WORDS]) + more
