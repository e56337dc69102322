"""Two runs over the same cases, paired: what was gained, what was lost, and is that more than noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evals.record import CaseResult

MIN_NET_LOSS = 4
"""Cases lost beyond those gained from which on a run can count as a regression."""
MAX_P = 0.1
"""Probability under which losses are no longer put down to chance."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A case whose verdict changed."""

    before: CaseResult
    after: CaseResult


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second run beside the first."""

    gained: list[Flip]
    lost: list[Flip]
    common: int
    """Cases that both runs have."""

    @property
    def p_value(self) -> float:
        """Two-sided sign test over the flips."""
        return sign_test(len(self.gained), len(self.lost))

    @property
    def is_regression(self) -> bool:
        """Whether more was lost than chance would take."""
        return len(self.lost) - len(self.gained) >= MIN_NET_LOSS and self.p_value < MAX_P


def compare(before: Sequence[CaseResult], after: Sequence[CaseResult]) -> Comparison:
    """Pair the results by case id; a case that either run could not score is left out."""
    earlier = {one.id: one for one in before if one.verdict != "unscored"}
    pairs = [Flip(earlier[one.id], one) for one in after if one.id in earlier and one.verdict != "unscored"]
    return Comparison(
        gained=[pair for pair in pairs if pair.after.correct and not pair.before.correct],
        lost=[pair for pair in pairs if pair.before.correct and not pair.after.correct],
        common=len(pairs),
    )


def sign_test(gained: int, lost: int) -> float:
    """Probability of flips at least as uneven as these, if gains and losses were equally likely."""
    flips = gained + lost
    if not flips:
        return 1.0
    tail = sum(math.comb(flips, k) for k in range(max(gained, lost), flips + 1)) / 2**flips
    return float(min(1.0, 2 * tail))
