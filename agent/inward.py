"""A sandbox whose results stay in this process: the same gate, with bounds of its own."""

from collections.abc import Callable, Collection

from agent.admission import Admission
from agent.database import Database
from agent.execution import Sandbox
from agent.terms import CostVerdict, Gate
from wire.outcome import Failed
from wire.policy import Limits, PolicyStack, Share

PER_MINUTE = 100_000
"""Statements of ours do not use up what the owner grants to others; other bounds hold for them."""


def inward_sandbox(
    database: Database,
    policy: PolicyStack,
    gate: Gate,
    *,
    limits: Limits,
    concurrent: int,
    search_path: Collection[str],
    cost_verdict: CostVerdict | None,
    objection: Callable[[], Failed | None],
) -> Sandbox:
    """A sandbox under this policy, of whose results nothing leaves unless whoever reads them tells it.

    The policy's share does not bear on what is read here: whoever reads goes by it before telling.

    Args:
        limits: hold where they are stricter than the policy's.
        concurrent: statements at once, apart from everybody else's.
    """
    inward = Share(model="results", screen="results", trace="schema")
    owner = policy.owner.model_copy(update={"limits": policy.limits.tighten(limits), "share": inward})
    return Sandbox(
        database,
        PolicyStack(owner=owner),
        gate,
        admission=Admission(concurrent=concurrent, per_minute=PER_MINUTE),
        search_path=tuple(search_path),
        cost_verdict=cost_verdict,
        objection=objection,
    )
