"""Cases of an eval beside the agent: what scores a query by them, and the way on which it runs queries.

What accepts and compares is not the agent's: ``evals.casebook`` holds the cases. The agent lends it its gate,
and sends on what it says, which has no place for a row or an accepted query.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from agent.execution import Request, Sandbox
from wire.cases import CaseList, CaseVerdict
from wire.outcome import Failed, ResultColumn
from wire.policy import SHARE_ORDER, Policy, Share

_log = logging.getLogger("agent.casebook")

SCORE_SECONDS = 100.0
"""For one query with all that its case accepts."""


@dataclass
class Table:
    """A whole result, or its beginning, in PostgreSQL's text; also the sink that collects it."""

    names: list[ResultColumn] = field(default_factory=list)
    cells: list[list[str | None]] = field(default_factory=list)
    whole: bool = True

    async def columns(self, columns: list[ResultColumn]) -> None:
        self.names = columns

    async def rows(self, body: bytes, row_count: int) -> None:
        self.cells.extend(json.loads(body))


RunQuery = Callable[[str], Awaitable[Table | Failed]]
"""Runs a query under the owner's policy, for this process alone."""


class Casebook(Protocol):
    """The cases, and what compares results."""

    def listed(self) -> CaseList:
        """What may be told of the cases."""
        ...

    async def score(self, case_id: str, sql: str, run: RunQuery) -> CaseVerdict:
        """Hold a query against what a case accepts. Raises nothing for what queries do."""
        ...


def withholding(policy: Policy) -> Policy:
    """The owner's policy as an agent with cases has it: no row leaves, whoever asks.

    A question of an eval is asked as any other, so that no backend's word could tell it apart.
    """
    screen = min(policy.share.screen, "samples", key=SHARE_ORDER.index)
    share = Share(model=policy.share.model, screen=screen, trace=policy.share.trace)
    # Made anew rather than copied: a copy would keep the digest of what it no longer says.
    return Policy.model_validate({**policy.model_dump(), "share": share})


async def verdict_of(book: Casebook, case_id: str, sql: str, sandbox: Sandbox) -> CaseVerdict:
    """Score a query in time, whatever happens."""

    async def run(query: str) -> Table | Failed:
        table = Table()
        outcome = await sandbox.execute(Request(query, run_id="score"), table)
        if isinstance(outcome, Failed):
            return outcome
        table.whole = outcome.truncated is None
        return table

    try:
        async with asyncio.timeout(SCORE_SECONDS):
            return await book.score(case_id, sql, run)
    except TimeoutError:
        _log.warning("a case was not scored in time", extra={"case": case_id})
    except Exception as error:  # its words may quote what must not leave, a log included
        _log.error("a case could not be scored", extra={"case": case_id, "kind": type(error).__name__})
    return CaseVerdict(problem="unavailable")
