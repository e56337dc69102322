"""A run as a LangSmith dataset and experiment. Nothing is sent but by ``custard eval sync`` with a key.

Sent are questions, predicted queries, verdicts, tokens and seconds. Accepted queries only when asked for, and
no row of any result ever. Ids are made of the case's and the run's: what is sent twice is there once.
"""

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evals.errors import SyncError
from evals.record import CaseResult, SuiteRun

if TYPE_CHECKING:
    from langsmith import Client

_NAMESPACE = uuid.UUID("0d1c5c9e-0f2b-5a7e-9a53-6a1b0c2f7d10")
_SCORES: dict[str, Callable[[CaseResult], float]] = {
    "correct": lambda one: float(one.correct),
    "exact": lambda one: float(one.exact),
    "valid": lambda one: float(one.valid),
    "silent_wrong": lambda one: float(one.verdict == "wrong"),
    "tokens": lambda one: float(one.tokens_in + one.tokens_out),
}
TIMEOUT_MS = 20_000


@dataclass(frozen=True, slots=True)
class Synced:
    """What was sent."""

    dataset: str
    experiment: str
    examples: int
    """New ones; those that were there already are not sent again."""
    runs: int
    url: str = ""
    """Where the experiment can be looked at, where the server says so."""


def open_client() -> "Client":
    """A client for ``LANGSMITH_ENDPOINT`` with ``LANGSMITH_API_KEY``.

    Raises:
        SyncError: there is no key.
    """
    if not (os.environ.get("LANGSMITH_API_KEY") or os.environ.get("LANGCHAIN_API_KEY")):
        raise SyncError(
            "There is no key for LangSmith.",
            "Set LANGSMITH_API_KEY, and LANGSMITH_ENDPOINT for a server of yours.",
        )
    from langsmith import Client

    # One request a call, answered before the next: what fails is known, and nothing is sent later.
    return Client(auto_batch_tracing=False, timeout_ms=TIMEOUT_MS, info={})


def sync(
    client: "Client",
    run: SuiteRun,
    results: Sequence[CaseResult],
    *,
    dataset: str,
    with_gold: bool = False,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Synced:
    """Send a run: its cases as examples of the dataset, its results as an experiment on it.

    Args:
        dataset: name of the dataset; made where there is none.
        with_gold: whether each case's accepted query goes with it.
        told: called with how many results are sent, and how many there are.

    Raises:
        SyncError: the server cannot be reached, or says no.
    """
    from langsmith.utils import LangSmithError

    try:
        return _send(client, run, results, dataset, with_gold, told)
    except (LangSmithError, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise SyncError(
            f"LangSmith does not take the run: {said}",
            "Check LANGSMITH_ENDPOINT and the key; the same command goes on where this stopped.",
        ) from error


def _send(
    client: "Client",
    run: SuiteRun,
    results: Sequence[CaseResult],
    dataset: str,
    with_gold: bool,
    told: Callable[[int, int], None],
) -> Synced:
    if client.has_dataset(dataset_name=dataset):
        target = client.read_dataset(dataset_name=dataset)
    else:
        target = client.create_dataset(dataset, description=f"Cases of the suite {run.suite}, from Custard.")
    known = {example.id for example in client.list_examples(dataset_id=target.id)}
    cases = {_example_id(target.id, one): one for one in results}
    fresh = [
        _example(example_id, one, with_gold) for example_id, one in cases.items() if example_id not in known
    ]
    if fresh:
        client.create_examples(dataset_id=target.id, examples=fresh)
    name = f"{run.suite} {run.run_id}"
    project = client.create_project(
        name,
        upsert=True,
        reference_dataset_id=target.id,
        metadata={"model": run.model, "commit": run.commit, "prompts": run.prompts, "without": run.without},
    )
    for number, one in enumerate(results, 1):
        run_id = _id(run.run_id, one.key)
        client.create_run(
            id=run_id,
            name="custard",
            run_type="chain",
            inputs={"question": one.question, "db": one.db},
            outputs=_outputs(one),
            start_time=run.started_at,
            end_time=run.started_at + timedelta(seconds=one.seconds),
            reference_example_id=_example_id(target.id, one),
            project_name=name,
            error=one.error or None,
            tags=[one.category] if one.category else [],
        )
        for key, score in _SCORES.items():
            client.create_feedback(
                run_id=run_id,
                key=key,
                score=score(one),
                feedback_id=_id(run.run_id, one.key, key),
                session_id=project.id,
            )
        told(number, len(results))
    return Synced(dataset, name, len(fresh), len(results), getattr(project, "url", None) or "")


def _example(example_id: uuid.UUID, one: CaseResult, with_gold: bool) -> dict[str, Any]:
    outputs: dict[str, Any] = {"answerable": one.answerable}
    if with_gold and one.accepted:
        outputs["sql"] = one.accepted
    return {
        "id": example_id,
        "inputs": {"question": one.question, "db": one.db},
        "reference_outputs": outputs,
        "metadata": {"case": one.id, "category": one.category, "kind": one.kind, "phrasing": one.phrasing},
    }


def _outputs(one: CaseResult) -> dict[str, Any]:
    return {
        "sql": one.predicted,
        "refusal": one.refusal,
        "verdict": one.verdict,
        "attempts": len(one.attempts),
        "confidence": one.confidence,
        "model_calls": one.model_calls,
        "seconds": one.seconds,
    }


def _example_id(dataset: uuid.UUID, one: CaseResult) -> uuid.UUID:
    """Of the case in one wording, whichever time it is asked."""
    return _id(str(dataset), one.id, str(one.phrasing), one.question)


def _id(*parts: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, "\n".join(parts))
