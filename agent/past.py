"""Executions that are over: remembered, so that none of them runs a second time."""

from collections import OrderedDict

from agent.statement import Key
from wire.messages import StatementFailed, StatementRef
from wire.outcome import Failed

REMEMBERED = 10_000
"""Executions that are remembered at most."""


class Past:
    """What ended each execution, as far as that can be told again."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Key, str | None] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._answers

    def add(self, key: Key, answer: str | None) -> None:
        """Remember an execution and its terminal frame; None for a result that is no longer kept."""
        self._answers[key] = answer
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)

    def answer(self, ref: StatementRef) -> str:
        """The frame for whoever asks for the same execution again."""
        answer = self._answers[ref.statement_id, ref.attempt]
        if answer is not None:
            return answer
        failure = Failed(
            code="protocol",
            message="This execution is over and its result is no longer kept.",
            hint="Run it as a new attempt.",
            retryable=True,
        )
        return StatementFailed(
            statement_id=ref.statement_id, attempt=ref.attempt, failure=failure
        ).model_dump_json()
