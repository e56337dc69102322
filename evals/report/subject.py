"""What a report is about: a run, its results, and what they are held against."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from evals.calibration import Calibration, calibrate
from evals.compare import Comparison
from evals.metrics import Summary, by_group, headline, summarize
from evals.prices import Price
from evals.record import CaseResult, SuiteRun
from evals.stability import Stability, stability


@dataclass(frozen=True)
class Subject:
    """A run with everything that can be said of it; worked out when asked for."""

    run: SuiteRun
    results: list[CaseResult]
    comparison: Comparison | None = None
    """Beside which the run stands; None for one that stands alone."""
    price: Price | None = None
    """Of the model's tokens; None where no table names it."""

    @cached_property
    def cases(self) -> list[CaseResult]:
        """Each case once: its own words, the first time."""
        return headline(self.results)

    @cached_property
    def summary(self) -> Summary:
        return summarize(self.cases)

    @cached_property
    def calibration(self) -> Calibration | None:
        return calibrate(self.cases)

    @cached_property
    def stability(self) -> Stability | None:
        return stability(self.results)

    @property
    def cost(self) -> float | None:
        """Of the whole run, as asked: a replayed reply counted as it once cost."""
        if self.price is None:
            return None
        return self.price.of(
            sum(one.tokens_in for one in self.results), sum(one.tokens_out for one in self.results)
        )

    @property
    def groups(self) -> list[tuple[str, dict[str, Summary]]]:
        """Summaries by category, by kind of unanswerable, and by database; one of a kind is left out."""
        keys: list[tuple[str, Callable[[CaseResult], str]]] = [
            ("category", lambda one: one.category),
            ("kind", lambda one: one.kind),
            ("database", lambda one: one.db),
        ]
        return [
            (name, by_group((one for one in self.cases if name != "kind" or one.kind), key))
            for name, key in keys
            if len({key(one) for one in self.cases}) > 1
        ]
