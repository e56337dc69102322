"""What a statement is held to: the policy, the gate that judges it, and who goes by them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.database import Connection
from agent.masked import OutputMasks
from agent.request import Request
from agent.stop import Stop
from agent.transaction import SEARCH_PATH
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack


class Verdict(Protocol):
    """What the gate says of a statement."""

    @property
    def allowed(self) -> bool: ...
    @property
    def sql(self) -> str:
        """The text to run instead of the one that came; meaningless when not allowed."""
        ...

    @property
    def layer(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def masks(self) -> OutputMasks: ...
    @property
    def guard(self) -> str:
        """An SQL condition that is true while what was judged is what will be read; empty for none."""
        ...


class Gate(Protocol):
    """Decides whether, and in what form, a statement runs: ``agent.sandbox.gate.Gate``."""

    async def check(self, sql: str) -> Verdict: ...
    async def reload(self) -> None:
        """Read the server's catalog anew."""
        ...


CostVerdict = Callable[[Connection, Any], Awaitable[Failed | None]]
"""Looks at the plan of a statement that the gate has let through, given its verdict; a ``Failed`` when it is
too costly, or would hold too much at once."""


class Held(Protocol):
    """A statement that goes by some terms, from its verdict to its end."""

    request: Request
    stop: Stop

    @property
    def executed(self) -> str:
        """The text that runs."""
        ...


@dataclass(eq=False, slots=True)
class Terms:
    """What a statement is held to, from its verdict to its end: a policy, and what was made of it."""

    policy: PolicyStack
    gate: Gate
    known_names: Collection[str] = ()
    search_path: tuple[str, ...] = SEARCH_PATH
    cost_verdict: CostVerdict | None = None
    runs: set[Held] = field(default_factory=set)
    _users: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """While inside, the gate is needed."""
        self._users += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._idle.set()

    async def unused(self) -> None:
        """Wait until no statement goes by these terms; once others are adopted, none begins."""
        if self._users:
            await self._idle.wait()


def stack_of(policy: Policy | PolicyStack) -> PolicyStack:
    """The policy with nothing that tightens it, where it is one alone."""
    return policy if isinstance(policy, PolicyStack) else PolicyStack(owner=policy)
