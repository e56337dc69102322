"""How a statement ends that gives no result: refused, stopped, or overtaken by a change of its tables."""

from agent.stop import StopReason
from agent.terms import Verdict
from wire.outcome import Failed


def refused(verdict: Verdict) -> Failed:
    """The gate did not let it through."""
    return Failed(
        code="limit" if verdict.code == "limit" else "policy",
        message=verdict.reason,
        hint=verdict.hint,
        layer=verdict.layer,
    )


def changing() -> Failed:
    """What it reads was altered each time that it was judged."""
    return Failed(
        code="database",
        message="The tables that the statement reads are being changed.",
        hint="Ask again in a moment.",
        retryable=True,
    )


def stopped(reason: StopReason | None, seconds: float, elapsed_ms: float = 0.0) -> Failed:
    """It was stopped, for a reason; None as the caller's own wish.

    Args:
        seconds: that it might have run.
    """
    if reason == "timeout":
        return Failed(
            code="timeout",
            message=f"The statement ran longer than the {seconds:g} seconds it may.",
            hint="Narrow it: fewer rows, a shorter period, or an aggregate.",
            sqlstate="57014",
            elapsed_ms=elapsed_ms,
        )
    if reason == "policy":
        return Failed(
            code="policy",
            message="The owner's policy changed while the statement ran.",
            hint="Ask again: the new policy decides.",
            retryable=True,
            elapsed_ms=elapsed_ms,
        )
    if reason == "shutdown":
        return Failed(
            code="agent_lost", message="The agent was stopped.", retryable=True, elapsed_ms=elapsed_ms
        )
    return Failed(
        code="cancelled", message="The statement was stopped.", sqlstate="57014", elapsed_ms=elapsed_ms
    )
