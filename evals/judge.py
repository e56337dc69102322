"""What the result of a case is, given how its run ended and what its database says."""

from collections.abc import Sequence
from dataclasses import replace

from evals.errors import GoldError
from evals.options import Ask
from evals.prose import Told, told
from evals.record import (
    SAMPLE_CHARACTERS,
    SAMPLE_COLUMNS,
    SAMPLE_ROWS,
    AttemptNote,
    CaseResult,
    Sample,
    Verdict,
)
from evals.results import ResultSet
from evals.score import Score, Scorer
from graph.record import Attempt
from graph.run import Run
from wire.outcome import Failed, Rows

_MODEL_STEPS = {"draft_sql", "repair_sql", "summarize"}
_NOTHING = Score("none", valid=False)


def judge(
    ask: Ask,
    run: Run,
    scorers: Sequence[Scorer],
    seconds: float,
    *,
    keep_rows: bool = False,
    worded: bool = False,
) -> CaseResult:
    """Hold a finished run against its case.

    Args:
        scorers: one a variant of the database, the one that was asked first. None at all: only what needs no
            accepted query is judged.
        seconds: from question to answer.
        keep_rows: whether the beginning of both results is kept. Never for a live database.
        worded: whether answers were put into sentences, whose figures are then looked at.
    """
    case = ask.case
    predicted = run.attempts[-1].sql if run.attempts else None
    verdict, score, variants = _verdict(ask, run, predicted, scorers)
    refusal = (
        run.refusal.message if run.refusal else run.clarification.question if run.clarification else None
    )
    problem = f"{run.problem.code}: {run.problem.message}" if run.problem else ""
    steps: dict[str, float] = {}
    for timing in run.timings:
        steps[timing.step] = steps.get(timing.step, 0.0) + (timing.elapsed_ms or 0.0) / 1000
    confidence = run.answer.confidence if run.answer else None
    said = _said(ask, run) if worded else None
    return CaseResult(
        id=case.id,
        db=case.db,
        category=case.category,
        kind=case.kind,
        question=ask.question or case.question,
        trial=ask.trial,
        phrasing=ask.phrasing,
        answerable=case.answerable,
        status=run.status,
        predicted=predicted,
        refusal=refusal,
        exact=score.match == "exact",
        subset=score.match != "none",
        valid=score.valid or (not scorers and _ran(run)),
        first_valid=bool(run.attempts) and isinstance(run.attempts[0].outcome, Rows),
        error=score.error or problem,
        accepted=score.accepted if scorers else "",
        tokens_in=run.usage.input_tokens,
        tokens_out=run.usage.output_tokens,
        model_calls=run.usage.model_calls,
        seconds=round(seconds, 3),
        own_seconds=round(max(0.0, sum(took for step, took in steps.items() if step not in _MODEL_STEPS)), 4),
        step_seconds={step: round(took, 4) for step, took in steps.items()},
        confidence=confidence.score if confidence else None,
        confidence_level=confidence.level if confidence else "",
        sentence=run.answer.text if run.answer and said and keep_rows else "",
        figures=said.figures if said else 0,
        wrong_figures=[one if keep_rows else "…" for one in said.wrong] if said else [],
        assumptions=run.answer.assumptions if run.answer else [],
        variants=variants,
        accepted_result=sample(score.gold) if keep_rows and score.gold else None,
        predicted_result=sample(score.predicted) if keep_rows and score.predicted else None,
        run_id=run.run_id,
        attempts=[_note(attempt) for attempt in run.attempts],
        verdict=verdict,
    )


def _said(ask: Ask, run: Run) -> Told | None:
    """The figures of the answer's sentence; None without an answer, or where its rows are kept back."""
    answer = run.answer
    outcome = run.attempts[-1].outcome if run.attempts else None
    if answer is None or not isinstance(outcome, Rows) or outcome.withheld:
        return None
    return told(answer.text, outcome, ask.question or ask.case.question)


def sample(result: ResultSet) -> Sample:
    """The beginning of a result, each value as text and cut to a length that fits a page."""
    return Sample(
        columns=list(result.columns[:SAMPLE_COLUMNS]),
        rows=[[_text(value) for value in row[:SAMPLE_COLUMNS]] for row in result.rows[:SAMPLE_ROWS]],
        row_count=len(result.rows),
    )


def _verdict(
    ask: Ask, run: Run, predicted: str | None, scorers: Sequence[Scorer]
) -> tuple[Verdict, Score, list[bool]]:
    case = ask.case
    abstained = run.status in {"refused", "clarify"}
    if abstained and (not case.answerable or case.may_ask):
        return "correct", _NOTHING, []
    if not case.answerable:
        if run.status == "succeeded":
            return "wrong", _NOTHING, []
        return ("correct" if case.hostile else "failed"), _NOTHING, []
    if abstained:
        return "refused", _NOTHING, []
    if not scorers:
        return "unscored", _NOTHING, []
    if predicted is None:
        return "failed", _NOTHING, []
    try:
        score = scorers[0].score(case.gold, predicted, case.accept)
        variants = [other.score(case.gold, predicted, case.accept).match != "none" for other in scorers[1:]]
    except GoldError as error:
        return "unscored", Score("none", valid=False, error=str(error)), []
    right = score.match != "none"
    if right and run.status != "succeeded":
        # The query is right, yet whoever asked got an error.
        return "failed", replace(score, match="none"), []
    if not variants:
        return ("correct" if right else "wrong" if score.valid else "invalid"), score, []
    variants = [right, *variants]
    if right and not all(variants):
        luck = f"Right on {sum(variants)} of {len(variants)} variants of the data: right by luck."
        return "wrong", Score("none", True, luck, score.accepted, score.gold, score.predicted), variants
    return ("correct" if right else "wrong" if score.valid else "invalid"), score, variants


def _ran(run: Run) -> bool:
    return bool(run.attempts) and isinstance(run.attempts[-1].outcome, Rows)


def _note(attempt: Attempt) -> AttemptNote:
    problem = (
        attempt.outcome.message
        if isinstance(attempt.outcome, Failed)
        else "; ".join(one.message for one in attempt.findings if one.severity == "error")
    )
    return AttemptNote(sql=attempt.sql, origin=attempt.origin, changes=attempt.changes, problem=problem)


def _text(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= SAMPLE_CHARACTERS else text[: SAMPLE_CHARACTERS - 1] + "…"
