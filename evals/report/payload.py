"""A run as one JSON document, for ``--json``."""

from typing import Any

from evals.compare import Comparison
from evals.record import CaseResult
from evals.report.subject import Subject


def payload(subject: Subject) -> dict[str, Any]:
    """Run, figures, groups and every result."""
    told: dict[str, Any] = {
        "run": subject.run.model_dump(mode="json"),
        "summary": subject.summary.as_json(),
        **{
            f"by_{name}": {group: summary.as_json() for group, summary in groups.items()}
            for name, groups in subject.groups
        },
        "calibration": subject.calibration.as_json() if subject.calibration else None,
        "stability": subject.stability.as_json() if subject.stability else None,
        "cost": None,
        "cases": [_case(one) for one in subject.results],
    }
    if subject.price is not None and subject.cost is not None:
        told["cost"] = {"amount": round(subject.cost, 6), "currency": subject.price.currency}
    if subject.comparison is not None:
        told["comparison"] = comparison_json(subject.comparison)
    return told


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Two runs side by side; regressions first."""
    low, high = comparison.interval
    return {
        "regression": comparison.is_regression,
        "reasons": comparison.regressions,
        "common": comparison.common,
        "missing": comparison.missing,
        "lost": [flip.after.id for flip in comparison.lost],
        "gained": [flip.after.id for flip in comparison.gained],
        "moved": [flip.after.id for flip in comparison.moved],
        "p_value": comparison.p_value,
        "difference": round(comparison.difference, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "token_growth": round(comparison.token_growth, 4),
        "seconds_before": round(comparison.seconds_before, 3),
        "seconds_after": round(comparison.seconds_after, 3),
    }


def _case(one: CaseResult) -> dict[str, Any]:
    """A case's line: what was predicted, how it matches, and what it took."""
    told = {**one.model_dump(mode="json"), "attempts": len(one.attempts), "correct": one.correct}
    return {**told, "key": one.key, "exact_match": one.exact, "subset_match": one.subset}
