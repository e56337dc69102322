"""The sandbox's gate in a running agent: built when the database first answers, its catalog kept fresh."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import repeat

import psycopg

from agent.database import Connection, Database
from agent.errors import IntrospectionFailed
from agent.policy_review import unknown_names
from agent.policy_source import PolicySource
from agent.sandbox.catalog import Catalog
from agent.sandbox.gate import Gate, permitted_functions
from agent.sandbox.maskkey import stored_key
from agent.sandbox.verdict import Shown, Verdict
from agent.sandbox.wrapping import MaskKey
from agent.settings import config_dir
from agent.terms import CostVerdict
from agent.transaction import SEARCH_PATH
from wire.outcome import Failed
from wire.policy import PolicyStack

_BEGIN = (
    "BEGIN READ ONLY; SET LOCAL statement_timeout = 30000; SET LOCAL lock_timeout = 5000;"
    " SET LOCAL idle_in_transaction_session_timeout = 60000; SET LOCAL jit = off"
)


@cache
def _key() -> MaskKey:
    """One for the agent: the same value keeps its hash when the policy changes and after a restart."""
    return stored_key(config_dir() / "mask.key")


def _whose() -> Iterator[str]:
    """Before each policy of a stack, where it is not the owner's."""
    yield ""
    yield from repeat("the backend's ")


class Gatekeeper:
    """A gate for one policy, whose catalog comes from the database when that can be reached.

    Args:
        database: open; it may be away for now.
    """

    def __init__(self, database: Database, policy: PolicyStack) -> None:
        self._database = database
        self._policy = policy
        self._gate: Gate | None = None
        self._building = asyncio.Lock()

    @property
    def search_path(self) -> tuple[str, ...]:
        """The path under which a verdict's text must run."""
        return self._gate.search_path if self._gate is not None else SEARCH_PATH

    @property
    def cost(self) -> CostVerdict | None:
        """The planner's gate."""
        return self._too_costly

    async def check(self, sql: str) -> Verdict:
        """Judge a statement.

        Raises:
            DatabaseUnavailable, IntrospectionFailed: as ``reload``, while there is no catalog yet.
            psycopg.Error: the catalog had to be read again, and could not.
        """
        gate = self._gate
        if gate is None:
            await self.reload()
            gate = self._gate
        assert gate is not None
        return await gate.check(sql)

    async def reload(self) -> None:
        """Read the server's catalog anew.

        Raises:
            DatabaseUnavailable: no connection could be had.
            IntrospectionFailed: PostgreSQL refused to show it.
        """
        async with self._building:
            catalog = await self._catalog()
            if self._gate is None:
                gate = Gate(self._policy, catalog, refresh=self._catalog, key=_key())
                await gate.__aenter__()
                self._gate = gate
            elif replace(catalog, loaded_at=0.0) != replace(self._gate.catalog, loaded_at=0.0):
                await self._gate.replace_catalog(catalog)

    def functions(self) -> list[str]:
        """Names of functions that a statement may call; empty while there is no catalog."""
        return permitted_functions(self._gate.catalog, self._policy) if self._gate is not None else []

    async def shown(self) -> Mapping[str, Shown] | None:
        """What may be read, by ``schema.name``; nothing while there is no catalog."""
        return await self._gate.shown() if self._gate is not None else {}

    def unknown_names(self) -> list[str]:
        """Names in the policy that the server does not have, with the nearest that it has."""
        if self._gate is None:
            return []
        return [
            f"{whose}{problem.rule.key}: {problem.what}"
            + (f" Is {' or '.join(problem.near)} meant?" if problem.near else "")
            for whose, policy in zip(_whose(), self._policy.policies, strict=False)
            for problem in unknown_names(PolicySource(policy), self._gate.catalog)
        ]

    async def close(self) -> None:
        """End the processes that parse."""
        if self._gate is not None:
            await self._gate.close()

    async def _catalog(self) -> Catalog:
        try:
            async with self._database.transaction(_BEGIN) as conn:
                return await Catalog.load(conn)
        except psycopg.Error as error:
            raise IntrospectionFailed(
                f"PostgreSQL did not show its catalog to the sandbox (sqlstate {error.sqlstate or 'none'}).",
                "Ask again in a moment; the role needs to read pg_catalog, as every role may by default.",
            ) from error

    async def _too_costly(self, conn: Connection, judged: Verdict) -> Failed | None:
        assert self._gate is not None
        verdict = await self._gate.cost_verdict(conn, judged)
        if verdict.allowed:
            return None
        return Failed(code="limit", message=verdict.reason, hint=verdict.hint, layer=verdict.layer)
