"""What decides about statements, as a running agent needs it."""

from collections.abc import Mapping
from typing import Protocol

from agent.sandbox.verdict import Shown
from agent.terms import CostVerdict, Verdict


class Judges(Protocol):
    """What decides about statements under one policy."""

    @property
    def search_path(self) -> tuple[str, ...]:
        """The path under which what they let through must run."""
        ...

    @property
    def cost(self) -> CostVerdict | None:
        """Looks at a plan before it runs; None when nothing does."""
        ...

    async def check(self, sql: str) -> Verdict:
        """Whether, and in what form, ``sql`` runs."""
        ...

    async def reload(self) -> None:
        """Read the server's catalog anew.

        Raises:
            DatabaseUnavailable: it cannot be reached.
        """
        ...

    def functions(self) -> list[str]:
        """Names of functions that they let through."""
        ...

    async def shown(self) -> Mapping[str, Shown] | None:
        """What may be read, by ``schema.name``, views and partitions followed; None when that is unknown."""
        ...

    def unknown_names(self) -> list[str]:
        """What is wrong with names that the policy holds, a sentence each; empty while that is unknown."""
        ...

    async def close(self) -> None:
        """End what they keep running, such as the processes that parse."""
        ...
