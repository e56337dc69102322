"""The suite of ten trades: its gold runs and says something, and no rule makes a right query wrong."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import evals
from evals.cases import Case, load_cases
from evals.databases import SuiteServer, suite_server
from evals.distinguish import check_case
from evals.execution import ScoringConnection
from evals.gold import accepted_queries, split_statements
from evals.harness import sandbox_database
from evals.score import Scorer
from graph.autofix import autofix
from wire.snapshot import SchemaSnapshot

SUITES = Path(evals.__file__).parent / "suites"
LEAST_TOLD_APART = 0.85
"""Of all spoilt queries of the suite, whose databases have one variant each."""


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load_cases(SUITES / "trades")


@pytest.fixture(scope="module")
def server() -> Iterator[SuiteServer]:
    with suite_server(SUITES / "databases") as started:
        yield started


@pytest.fixture(scope="module")
def scorers(cases: list[Case], server: SuiteServer) -> Iterator[dict[str, Scorer]]:
    with ExitStack() as stack:
        yield {
            name: Scorer(stack.enter_context(ScoringConnection(server.database(name).owner_dsn)))
            for name in sorted({case.db for case in cases})
        }


def test_it_is_ten_trades_of_forty_cases(cases: list[Case]) -> None:
    assert set(Counter(case.db for case in cases).values()) == {40}
    assert Counter(case.answerable for case in cases) == {True: 300, False: 100}


def test_every_gold_runs_and_is_told_from_what_is_nearly_right(
    cases: list[Case], scorers: dict[str, Scorer]
) -> None:
    checks = [check_case(case, [scorers[case.db]]) for case in cases if case.answerable]
    assert {check.case.id: check.problems for check in checks if check.problems} == {}
    told = sum(check.told_apart for check in checks)
    assert told / (told + sum(len(check.survivors) for check in checks)) >= LEAST_TOLD_APART


def test_no_rule_makes_an_accepted_query_wrong(
    cases: list[Case], server: SuiteServer, scorers: dict[str, Scorer]
) -> None:
    """A rule mends what a small model writes; what a good one writes it must leave right."""
    snapshots = {name: asyncio.run(_snapshot(server.database(name).reader_dsn)) for name in scorers}
    spoilt = []
    for case in cases:
        for query in split_statements(case.gold) if case.answerable else ():
            sql = accepted_queries(query)[0]
            fixed = autofix(sql, snapshots[case.db], question=case.question, notes=case.instructions)
            if fixed.changes and scorers[case.db].score(case.gold, fixed.sql, case.accept).match == "none":
                spoilt.append((case.id, fixed.rules, fixed.sql))
    assert spoilt == []


async def _snapshot(dsn: str) -> SchemaSnapshot:
    async with sandbox_database(dsn) as database:
        return await database.snapshot()
