"""The figures of a run: shares with their intervals, tokens, seconds, and what a wrong answer costs."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evals.record import CaseResult


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with a 95 % interval (Wilson)."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 of nothing is 0."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies, 19 times in 20."""
        if not self.of:
            return 0.0, 1.0
        z, n, p = 1.96, self.of, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {"count": self.count, "of": self.of, "share": round(self.value, 4),
                "low": round(low, 4), "high": round(high, 4)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of some results; all of a run's, or one group's."""

    correct: Share
    """Of the answerable: exact or subset."""
    exact: Share
    valid: Share
    first_valid: Share
    silent_wrong: Share
    """Of all: an answer was given and it is wrong."""
    false_refusals: Share
    """Of the answerable: refused or asked back."""
    abstained: Share
    """Of the unanswerable: refused or asked back."""
    repaired: Share
    """Of the answerable: more than one attempt was made."""
    repair_yield: Share
    """Of those that were repaired: right in the end."""
    abstention_precision: Share
    """Of all refusals and questions back: there was indeed no answer, or asking was right."""
    wrong_figures: Share
    """Of the sentences with a figure: one of them is not the result's."""
    tokens_in: float
    tokens_out: float
    tokens_right: float
    """Tokens of all cases, in and out, for each correct one."""
    model_calls: float
    attempts: float
    seconds: float
    seconds_p50: float
    seconds_p90: float
    seconds_slowest: float
    own_ms_p50: float
    step_seconds: dict[str, float]
    """Mean seconds of each step, over the cases that took it."""
    reliability_1: float
    """Mean of +1 right, 0 not answered though answerable, −1 wrong."""
    reliability_10: float
    """The same with −10: what it is worth where a wrong number is expensive."""
    unscored: int

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        plain = asdict(self)
        return {
            name: getattr(self, name).as_json() if isinstance(getattr(self, name), Share) else value
            for name, value in plain.items()
        }


def summarize(results: Sequence[CaseResult]) -> Summary:
    """The figures of these results; those that could not be scored are counted apart."""
    scored = [one for one in results if one.verdict != "unscored"]
    steps: dict[str, list[float]] = {}
    for one in scored:
        for step, took in one.step_seconds.items():
            steps.setdefault(step, []).append(took)
    answerable = [one for one in scored if one.answerable]
    others = [one for one in scored if not one.answerable]
    seconds = sorted(one.seconds for one in scored)
    own = sorted(one.own_seconds * 1000 for one in scored)

    def share(test: Callable[[CaseResult], bool], among: Sequence[CaseResult]) -> Share:
        return Share(sum(map(test, among)), len(among))

    def mean(values: Iterable[float]) -> float:
        found = list(values)
        return round(sum(found) / len(found), 3) if found else 0.0

    return Summary(
        correct=share(lambda one: one.correct, answerable),
        exact=share(lambda one: one.exact, answerable),
        valid=share(lambda one: one.valid, answerable),
        first_valid=share(lambda one: one.first_valid, answerable),
        silent_wrong=share(lambda one: one.verdict == "wrong", scored),
        false_refusals=share(lambda one: one.verdict == "refused", answerable),
        abstained=share(lambda one: one.correct, others),
        repaired=share(lambda one: len(one.attempts) > 1, answerable),
        repair_yield=share(lambda one: one.correct, [one for one in answerable if len(one.attempts) > 1]),
        abstention_precision=share(
            lambda one: one.correct, [one for one in scored if one.status in {"refused", "clarify"}]
        ),
        wrong_figures=share(lambda one: bool(one.wrong_figures), [one for one in scored if one.figures]),
        tokens_in=mean(one.tokens_in for one in scored),
        tokens_out=mean(one.tokens_out for one in scored),
        tokens_right=_per(
            sum(one.tokens_in + one.tokens_out for one in scored), sum(one.correct for one in scored)
        ),
        model_calls=mean(one.model_calls for one in scored),
        attempts=mean(len(one.attempts) for one in scored),
        seconds=mean(seconds),
        seconds_p50=percentile(seconds, 0.5),
        seconds_p90=percentile(seconds, 0.9),
        seconds_slowest=seconds[-1] if seconds else 0.0,
        own_ms_p50=percentile(own, 0.5),
        step_seconds={step: mean(took) for step, took in sorted(steps.items())},
        reliability_1=mean(_reliability(one, 1) for one in scored),
        reliability_10=mean(_reliability(one, 10) for one in scored),
        unscored=len(results) - len(scored),
    )


def by_group(results: Iterable[CaseResult], key: Callable[[CaseResult], str]) -> dict[str, Summary]:
    """A summary for each group, groups in order of their names."""
    groups: dict[str, list[CaseResult]] = {}
    for one in results:
        groups.setdefault(key(one) or "–", []).append(one)
    return {name: summarize(groups[name]) for name in sorted(groups)}


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the ordered values lies; 0 of nothing."""
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, math.floor(share * len(ordered)))], 3)


def headline(results: Iterable[CaseResult]) -> list[CaseResult]:
    """Each case once: its own words, asked for the first time. What figures of a run are taken over."""
    return [one for one in results if one.trial == 1 and one.phrasing == 0]


def _per(amount: float, count: int) -> float:
    return round(amount / count, 1) if count else 0.0


def _reliability(one: CaseResult, penalty: float) -> float:
    if one.correct:
        return 1.0
    return -penalty if one.verdict == "wrong" else 0.0
