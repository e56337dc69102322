"""A policy's own tests, run on this server before the policy is taken."""

from __future__ import annotations

import psycopg

from agent.database import Database
from agent.errors import DatabaseUnavailable
from agent.sandbox.catalog import Catalog
from agent.sandbox.gate import Gate
from wire.policy import Policy

UNTRIED = "its tests could not be run, because the database was away; save the file again once it answers"


async def objection(database: Database, policy: Policy) -> str:
    """Why the policy must not be taken: the first of its tests that fails. Empty when all pass."""
    if not policy.tests:
        return ""
    try:
        async with database.transaction("BEGIN READ ONLY") as connection:
            catalog = await Catalog.load(connection)
    except (DatabaseUnavailable, psycopg.Error):
        return UNTRIED
    async with Gate(policy, catalog, workers=1) as gate:
        for number, test in enumerate(policy.tests, 1):
            verdict = await gate.check(test.sql)
            if verdict.allowed != (test.expect == "allow"):
                found = "allowed" if verdict.allowed else f"refused: {verdict.reason}"
                return f"its test {number} expects {test.expect}, and the statement is {found}"
    return ""
