"""A policy's own tests decide whether it is taken."""

from typing import Any

import pytest

from agent.database import Database
from agent.policy_trial import UNTRIED, objection
from wire.policy import Policy, parse_policy


def policy(expect: str) -> Policy:
    return parse_policy(
        "version = 1\ndefault = 'allow'\n[tables.'public.secrets']\nallow = false\n"
        f"[[tests]]\nsql = 'SELECT word FROM secrets'\nexpect = '{expect}'\n"
    )


@pytest.mark.parametrize(("expect", "why"), [("deny", ""), ("allow", "its test 1 expects allow")])
async def test_a_failing_test_is_an_objection(place: Any, expect: str, why: str) -> None:
    async with Database(place.dsn, size=1) as database:
        found = await objection(database, policy(expect))
    assert found.startswith(why)
    assert bool(found) == bool(why)


async def test_tests_that_cannot_be_run_do_not_pass() -> None:
    async with Database("host=127.0.0.1 port=1 dbname=none connect_timeout=1", size=1) as database:
        assert await objection(database, policy("deny")) == UNTRIED
        assert await objection(database, Policy()) == ""
