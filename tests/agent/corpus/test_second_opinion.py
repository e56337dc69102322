"""sqlglot's reading of a statement beside the gate's: what it sees read, the gate must have judged."""

import time
from typing import Any

import psycopg

from agent.sandbox.catalog import Catalog
from agent.sandbox.judge import Judge
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack


async def test_sqlglot_sees_no_relation_that_the_gate_did_not(
    corpus: Any, legitimate: list[Any], hostile: list[Any], open_policy: Policy, second_opinion: Any
) -> None:
    """Of the texts that run, and of those that came: 375 questions and what of the attacks may run."""
    async with await psycopg.AsyncConnection.connect(corpus.dsn) as connection:
        catalog = await Catalog.load(connection)
    judge = Judge(PolicyStack(owner=open_policy), catalog, MaskKey("k"))
    came, runs, unread, judged, second = [], [], 0, 0.0, 0.0
    for case in [*legitimate, *(case for case in hostile if len(case.sql) < 2_000)]:
        started = time.process_time()
        verdict = judge.judge(case.sql)
        if not verdict.allowed:
            continue
        judged += time.process_time() - started
        started = time.process_time()
        seen = second_opinion(case.sql, catalog.search_path)
        second += time.process_time() - started
        unread += seen is None
        told = set(verdict.relations)
        came += [(name, case.sql) for name in seen or () if not told & set(name.split("\n")) and name]
        inside = second_opinion(verdict.sql, ())
        runs += [(name, verdict.sql) for name in inside or () if name and name not in told]
    print(f"sqlglot read not {unread}; it took {second / judged:.1f} times the gate's own time")
    assert runs == []
    assert came == []
