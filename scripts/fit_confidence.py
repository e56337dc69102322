"""Fit the confidence of answers to suites of cases: writes ``graph/confidence.json``.

    python scripts/fit_confidence.py --suite CASES DATABASES EVAL_OUT [--suite …] [--candidates 3] [--dry]
    python scripts/fit_confidence.py --suite … --weighed [--second] [--dry]

Runs each suite as ``custard eval run`` does (replies of the model come from EVAL_OUT where they are kept),
collects the signals of every answer with whether it was right, and fits one logistic regression over all
answers and, with ``--candidates``, one that knows how far further drafts agreed. The calibration error is
that of answers left out of the fit: those of one database after the other, or ten folds of fewer than three.

With ``--onto SIGNAL …`` the weights that are there stay in proportion, as one signal whose scale is fitted
together with the named ones. That is what some dozens of answers can bear: too few have met a repair or an
odd result to weigh these anew.
"""

import argparse
import asyncio
import json
import math
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from evals.cases import Case, load_cases
from evals.databases import suite_server
from evals.execution import ScoringConnection
from evals.harness import EVAL_POLICY, sandbox_database
from evals.model import ModelChoice, open_model
from evals.score import Scorer
from graph.build import run_events
from graph.confidence import Signals, kind_of, signals_of
from graph.events import Answered
from graph.nodes import trust
from graph.ports import Ports, Settings

OUT = Path(__file__).parents[1] / "graph" / "confidence.json"
RIDGE = 1.0
"""Pull of every coefficient but the constant towards 0: few answers must not make a strong claim."""
FOLDS = 10
BINS = 5
LEAST_DATABASES = 3
"""From so many on, whole databases are left out: answers about one resemble each other."""
KEPT = "kept"
"""The weights that are there, taken together as one signal."""
Sample = tuple[dict[str, float], bool, str]
"""Signals, whether the answer was right, and its database."""


def main() -> None:
    """Read the command line, collect, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", nargs=3, action="append", required=True, metavar=("CASES", "DBS", "OUT"))
    parser.add_argument("--candidates", type=int, default=1)
    parser.add_argument(
        "--second", action="store_true", help="Fit what second drafts tell, and nothing else."
    )
    parser.add_argument(
        "--weighed", action="store_true", help="Fit what the model's own surprise tells, and nothing else."
    )
    parser.add_argument("--only", type=Path, help="File with the ids of cases to run with candidates.")
    parser.add_argument("--onto", nargs="+", default=[], metavar="SIGNAL")
    parser.add_argument("--dry", action="store_true", help="Print, and write nothing.")
    args = parser.parse_args()
    there = json.loads(OUT.read_text(encoding="utf-8"))
    if args.second or args.weighed:
        _fit_kind(args, there)
        return
    alone = [one for suite in args.suite for one in asyncio.run(_collect(*map(Path, suite), 1, None))]
    if args.onto:
        old = there["coefficients"]["alone"]
        before = _figures([(_score(old, values), right) for values, right, _ in alone])
        print("before:", json.dumps(before))
        alone = [(_kept(values, old, args.onto), right, db) for values, right, db in alone]
    weights = _fit(alone)
    quality = {**there["left_out_of_fit"], "alone": _quality(alone)}
    fitted = {**there["coefficients"], "alone": _unfolded(weights, old) if args.onto else weights}
    if args.candidates > 1:
        only = set(args.only.read_text().split()) if args.only else None
        drafted = [
            one
            for suite in args.suite
            for one in asyncio.run(_collect(*map(Path, suite), args.candidates, only))
            if "disagreement" in one[0]
        ]
        fitted["with_drafts"], quality["with_drafts"] = _fit(drafted), _quality(drafted)
    written = {
        "fitted_on": datetime.now(UTC).date().isoformat(),
        "model": "qwen2.5-coder-1.5b-instruct q4_k_m",
        "suites": [Path(suite[0]).name for suite in args.suite],
        "left_out_of_fit": quality,
        "coefficients": fitted,
    }
    text = json.dumps(written, indent=2) + "\n"
    print(text)
    if not args.dry:
        OUT.write_text(text, encoding="utf-8")


def _fit_kind(args: argparse.Namespace, there: dict[str, Any]) -> None:
    """The weights for answers of one kind, as ``graph.confidence.kind_of`` calls it; the others stay."""
    kind = ("with_second" if args.second else "alone") + ("_weighed" if args.weighed else "")
    met = [
        one
        for suite in args.suite
        for one in asyncio.run(_collect(*map(Path, suite), 1, None, second=args.second))
    ]
    if not args.weighed:
        met = [
            ({name: one for name, one in values.items() if name != "surprisal"}, *rest)
            for values, *rest in met
        ]
    met = [one for one in met if kind_of(one[0]) == kind]
    there["coefficients"][kind] = _fit(met)
    there["left_out_of_fit"][kind] = {
        **_quality(met),
        "fitted_on": datetime.now(UTC).date().isoformat(),
        "suites": [Path(suite[0]).name for suite in args.suite],
    }
    text = json.dumps(there, indent=2) + "\n"
    print(text)
    if not args.dry:
        OUT.write_text(text, encoding="utf-8")


async def _collect(
    cases_file: Path,
    databases: Path,
    out: Path,
    candidates: int,
    only: set[str] | None,
    *,
    second: bool = False,
) -> list[Sample]:
    cases = [case for case in load_cases(cases_file) if case.answerable and case.gold and not case.history]
    cases = [case for case in cases if only is None or case.id in only]
    off = frozenset({"worded_answer"}) if second else frozenset({"worded_answer", "second_draft"})
    settings = Settings(without=off, model_seconds=900, candidates=candidates)
    samples: list[Sample] = []
    with suite_server(databases) as server:
        async with open_model(ModelChoice.from_environment(), out / "replies.db") as model:
            for name in sorted({case.db for case in cases}):
                loaded = server.variants(name)
                async with AsyncExitStack() as stack:
                    database = await stack.enter_async_context(
                        sandbox_database(loaded[0].reader_dsn, loaded[0].policy or EVAL_POLICY)
                    )
                    scorers = [
                        Scorer(stack.enter_context(ScoringConnection(one.owner_dsn, one.search_path)))
                        for one in loaded
                    ]
                    for case in (one for one in cases if one.db == name):
                        ports = Ports(
                            database=database, model=model, settings=settings, instructions=case.instructions
                        )
                        if (sample := await _ask(case, ports, scorers)) is not None:
                            samples.append((*sample, name))
    return samples


async def _ask(case: Case, ports: Ports, scorers: list[Scorer]) -> tuple[dict[str, float], bool] | None:
    seen: list[Signals] = []
    plain = trust.confidence

    def spy(
        attempts: Any, rows: Any, covered: Any, agreement: Any, unsaid: Any, dropped: Any, surprisal: Any
    ) -> Any:
        seen.append(signals_of(attempts, rows, covered, agreement, unsaid, surprisal))
        # Whether it was doubtful does not matter here, and weights of its kind may be yet to come.
        return plain(attempts, rows, covered, agreement, unsaid, dropped, None)

    trust.confidence = spy
    try:
        told = [
            event async for event in run_events(ports, run_id=uuid4().hex, question=case.question, history=[])
        ]
    finally:
        trust.confidence = plain
    if not isinstance(told[-1], Answered) or not seen:
        return None
    sql = told[-1].answer.sql
    right = all(one.score(case.gold, sql, case.accept).match != "none" for one in scorers)
    return seen[-1].values(), right


def _fit(samples: list[Sample]) -> dict[str, float]:
    """Ridge logistic regression by gradient descent: a few hundred answers need nothing faster."""
    names = sorted({name for values, _, _ in samples for name in values})
    weights = dict.fromkeys(["constant", *names], 0.0)
    for _ in range(4_000):
        slope = dict.fromkeys(weights, 0.0)
        for values, right, _ in samples:
            off = _score(weights, values) - right
            slope["constant"] += off
            for name, value in values.items():
                slope[name] += off * value
        for name in weights:
            pull = 0.0 if name == "constant" else RIDGE * weights[name]
            weights[name] -= (slope[name] + pull) * 2 / len(samples)
            if name != "constant":
                # Every signal speaks against an answer. One that seems to speak for it met too few answers.
                weights[name] = min(0.0, weights[name])
    return {name: round(value, 3) for name, value in weights.items()}


def _score(weights: dict[str, float], values: dict[str, float]) -> float:
    return 1 / (
        1 + math.exp(-weights["constant"] - sum(weights.get(name, 0.0) * one for name, one in values.items()))
    )


def _kept(values: dict[str, float], old: dict[str, float], onto: list[str]) -> dict[str, float]:
    """The signals as the weights that are there see them, with the new ones. High is bad."""
    score = old["constant"] + sum(
        old.get(name, 0.0) * one for name, one in values.items() if name not in onto
    )
    return {KEPT: -score, **{name: values[name] for name in onto}}


def _unfolded(weights: dict[str, float], old: dict[str, float]) -> dict[str, float]:
    """Weights of each signal, from those of the kept ones together."""
    scale = -weights[KEPT]
    fresh = {name: value for name, value in weights.items() if name not in (KEPT, "constant")}
    scaled = {name: round(scale * value, 3) for name, value in old.items() if name != "constant"}
    return {"constant": round(weights["constant"] + scale * old["constant"], 3), **scaled, **fresh}


def _quality(samples: list[Sample]) -> dict[str, float]:
    """Of answers that the fit has not seen: calibration error, Brier score, and how well right goes first."""
    databases = sorted({db for _, _, db in samples})
    if len(databases) >= LEAST_DATABASES:
        folds = [[one for one in samples if one[2] == name] for name in databases]
    else:
        folds = [samples[fold::FOLDS] for fold in range(FOLDS)]
    said: list[tuple[float, bool]] = []
    for left_out in folds:
        weights = _fit([one for fold in folds if fold is not left_out for one in fold])
        said += [(_score(weights, values), right) for values, right, _ in left_out]
    return _figures(said)


def _figures(said: list[tuple[float, bool]]) -> dict[str, float]:
    said = sorted(said)
    error = 0.0
    for number in range(BINS):
        part = said[number * len(said) // BINS : (number + 1) * len(said) // BINS]
        error += abs(sum(score for score, _ in part) - sum(right for _, right in part)) / len(said)
    wrong, good = [s for s, right in said if not right], [s for s, right in said if right]
    before = sum((g > w) + (g == w) / 2 for g in good for w in wrong)
    return {
        "answers": len(said),
        "right": sum(right for _, right in said),
        "ece": round(error, 3),
        "brier": round(sum((score - right) ** 2 for score, right in said) / len(said), 3),
        "auc": round(before / (len(good) * len(wrong)), 3) if good and wrong else 0.5,
    }


if __name__ == "__main__":
    main()
