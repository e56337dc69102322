"""The headline figures of a run, as text."""

from evals.metrics import Share, Summary
from evals.report.subject import Subject


def figures(subject: Subject) -> list[tuple[str, str]]:
    """Name and value of each figure, what matters most first."""
    summary = subject.summary
    seconds = (summary.seconds, summary.seconds_p50, summary.seconds_p90)
    reliability = (summary.reliability_1, summary.reliability_10)
    listed = [
        ("Correct", share_text(summary.correct)),
        ("… exact", share_text(summary.exact)),
        ("Valid SQL", share_text(summary.valid)),
        ("… at the first attempt", share_text(summary.first_valid)),
        ("Unanswerable refused", share_text(summary.abstained)),
        ("False refusals", share_text(summary.false_refusals)),
        ("Wrong without a word", share_text(summary.silent_wrong)),
        *(
            [("Sentences with a wrong figure", share_text(summary.wrong_figures))]
            if summary.wrong_figures.of
            else []
        ),
        ("Repaired", share_text(summary.repaired)),
        ("… and right then", share_text(summary.repair_yield)),
        ("Attempts a question", f"{summary.attempts:.2f}"),
        ("Model calls a question", f"{summary.model_calls:.2f}"),
        ("Tokens in / out a question", f"{summary.tokens_in:.0f} / {summary.tokens_out:.0f}"),
        ("Tokens a right answer", f"{summary.tokens_right:.0f}"),
        ("Seconds: mean, median, 90 %", ", ".join(f"{value:.1f}" for value in seconds)),
        ("Own code and database, median", f"{summary.own_ms_p50:.0f} ms"),
        ("Reliability, a wrong answer at −1 / −10", " / ".join(f"{value:.2f}" for value in reliability)),
    ]
    if subject.price is not None and subject.cost is not None:
        right = sum(one.correct for one in subject.cases)
        told = subject.price.told
        each = f", {told(subject.cost / right)} a right answer" if right else ""
        listed.append(("Cost", f"{told(subject.cost)}{each}"))
    if subject.calibration is not None:
        one = subject.calibration
        listed.append(("Calibration error", f"{one.error:.3f} over {one.of} answers; Brier {one.brier:.3f}"))
    if subject.stability is not None:
        steady = subject.stability
        if steady.repeats.of:
            listed.append(("Same verdict on every repeat", share_text(steady.repeats)))
            listed.append(("… and the same query", share_text(steady.same_sql)))
        if steady.paraphrases.of:
            listed.append(("Same verdict in every wording", share_text(steady.paraphrases)))
            listed.append(("Right in every wording", share_text(steady.worst)))
    if summary.unscored:
        listed.append(("Cases that could not be scored", str(summary.unscored)))
    return listed


def share_text(share: Share) -> str:
    """A share with its count and interval."""
    if not share.of:
        return "–"
    low, high = share.interval
    return f"{share.value:.1%} ({share.count} of {share.of}; {low:.0%} to {high:.0%})"


def group_row(summary: Summary) -> tuple[str, ...]:
    """A group's line, under ``GROUP_HEAD``."""
    low, high = summary.correct.interval
    return (
        f"{summary.correct.count}/{summary.correct.of}" if summary.correct.of else "–",
        f"{low:.0%}–{high:.0%}" if summary.correct.of else "–",
        f"{summary.valid.count}/{summary.valid.of}" if summary.valid.of else "–",
        f"{summary.abstained.count}/{summary.abstained.of}" if summary.abstained.of else "–",
        f"{summary.silent_wrong.count}/{summary.silent_wrong.of}",
        f"{summary.seconds:.1f}",
    )


GROUP_HEAD = ("Correct", "95 %", "Valid", "Refused", "Wrong", "Seconds")
"""``95 %``: where the true share lies, 19 times in 20. ``Refused``: rightly. ``Wrong``: without a word."""


def about(subject: Subject) -> str:
    """One line: of what, by which model, when, at which commit, and what was switched off."""
    run = subject.run
    parts = [f"{len(subject.cases)} cases", f"model {run.model}", f"{run.started_at:%Y-%m-%d %H:%M} UTC"]
    if run.commit:
        parts.append(f"commit {run.commit}")
    if run.repeat > 1:
        parts.append(f"{run.repeat} times each")
    if run.paraphrases:
        parts.append("with paraphrases")
    if run.value_hints:
        parts.append("with values in prompts")
    if run.candidates > 1:
        parts.append(f"{run.candidates} drafts each")
    if run.worded:
        parts.append("answers worded")
    off = f" Without: {', '.join(run.without)}." if run.without else ""
    return f"{', '.join(parts)}.{off}"


def verdict_on(subject: Subject) -> str:
    """One sentence on a comparison."""
    comparison = subject.comparison
    if comparison is None:
        return ""
    low, high = comparison.interval
    reasons = comparison.regressions
    said = f"a regression: {'; '.join(reasons)}" if reasons else "no regression beyond noise"
    return (
        f"{comparison.common} cases in common: {len(comparison.gained)} gained, {len(comparison.lost)} lost, "
        f"p = {comparison.p_value:.3f} (McNemar), {comparison.difference:+.1%} ({low:+.0%} to {high:+.0%}), "
        f"tokens × {comparison.token_growth:.2f}: {said}."
    )
