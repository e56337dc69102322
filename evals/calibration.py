"""Whether confidence means what it says: of answers given with 80 %, four of five should be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.record import CaseResult

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies in one tenth."""

    low: float
    high: float
    count: int
    confidence: float
    """Mean of what was said."""
    correct: float
    """Share that was right."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence held against what was right, over answers that carry a score."""

    bins: list[Bin]
    """Those that hold an answer, lowest first."""
    error: float
    """Expected calibration error: distance between said and right, weighted by answers. 0 is best."""
    brier: float
    """Mean squared distance between what was said and 1 or 0. 0 is best; 0.25 is a coin's."""
    of: int

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "ece": round(self.error, 4),
            "brier": round(self.brier, 4),
            "of": self.of,
            "bins": [
                {"low": one.low, "high": one.high, "count": one.count,
                 "confidence": round(one.confidence, 4), "correct": round(one.correct, 4)}
                for one in self.bins
            ],
        }  # fmt: skip


def calibrate(results: Sequence[CaseResult]) -> Calibration | None:
    """The calibration of these results; None where no answer carries a score."""
    told = [
        (one.confidence, one.correct)
        for one in results
        if one.confidence is not None and one.verdict in {"correct", "wrong"}
    ]
    if not told:
        return None
    bins: list[Bin] = []
    for place in range(BINS):
        low, high = place / BINS, (place + 1) / BINS
        inside = [pair for pair in told if low <= pair[0] < high or (pair[0] == 1 and place == BINS - 1)]
        if inside:
            said = sum(confidence for confidence, _ in inside) / len(inside)
            right = sum(correct for _, correct in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), said, right))
    error = sum(one.count * abs(one.confidence - one.correct) for one in bins) / len(told)
    brier = sum((confidence - correct) ** 2 for confidence, correct in told) / len(told)
    return Calibration(bins, error, brier, len(told))
