"""Whether the same question gets the same answer: asked again, and asked in other words."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.metrics import Share
from evals.record import CaseResult


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement over repeats and paraphrases. A share is of cases that were asked more than once."""

    repeats: Share
    """Cases whose every repeat has one verdict."""
    same_sql: Share
    """Cases whose every repeat has one query, letter by letter."""
    paraphrases: Share
    """Cases whose every wording has one verdict."""
    worst: Share
    """Of those, cases that are right in every wording."""
    unstable: list[str]
    """Ids of cases whose verdict differs somewhere."""

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        shares = {name: getattr(self, name) for name in ("repeats", "same_sql", "paraphrases", "worst")}
        return {name: share.as_json() for name, share in shares.items()} | {"unstable": self.unstable}


def stability(results: Sequence[CaseResult]) -> Stability | None:
    """Agreement of these results; None where every question was asked once, in one wording."""
    trials: dict[tuple[str, int], list[CaseResult]] = defaultdict(list)
    wordings: dict[str, list[CaseResult]] = defaultdict(list)
    for one in results:
        trials[one.id, one.phrasing].append(one)
        if one.trial == 1:
            wordings[one.id].append(one)
    repeated = {key: group for key, group in trials.items() if len(group) > 1}
    reworded = {key: group for key, group in wordings.items() if len(group) > 1}
    if not repeated and not reworded:
        return None
    unsteady = {name for (name, _), group in repeated.items() if not _agree(group)}
    unsteady |= {name for name, group in reworded.items() if not _agree(group)}
    return Stability(
        repeats=Share(sum(map(_agree, repeated.values())), len(repeated)),
        same_sql=Share(
            sum(len({one.predicted for one in group}) == 1 for group in repeated.values()), len(repeated)
        ),
        paraphrases=Share(sum(map(_agree, reworded.values())), len(reworded)),
        worst=Share(sum(all(one.correct for one in group) for group in reworded.values()), len(reworded)),
        unstable=sorted(unsteady),
    )


def _agree(group: Sequence[CaseResult]) -> bool:
    return len({one.verdict for one in group}) == 1
