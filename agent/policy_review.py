"""``custard-agent policy``: what a policy says, on this server, before anybody relies on it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from dataclasses import asdict, dataclass

from agent.sandbox.catalog import Catalog
from agent.sandbox.commands import DSN_VARIABLE
from agent.sandbox.gate import Gate
from agent.sandbox.judge import Judge, check_filters
from agent.sandbox.verdict import Verdict
from agent.sandbox.wrapping import MaskKey
from wire.policy import PolicyStack

EXIT_FAILED = 1
EXIT_REFUSED = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a policy that does not do what it looks like."""

    where: str
    what: str
    fatal: bool = False
    """True when the policy must not be taken: a test of its own fails, or a row filter cannot be used."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference in what two policies permit."""

    relation: str
    added: tuple[str, ...]
    """Columns that only the second permits."""
    removed: tuple[str, ...]
    """Columns that only the first permits."""


def review(stack: PolicyStack, catalog: Catalog) -> list[Problem]:
    """Everything that is wrong with a policy on this server."""
    found = []
    for place, policy in enumerate(stack.policies):
        whose = "" if place == 0 else "the cloud's "
        known = {relation.schema for relation in catalog.relations.values()}
        found += [
            Problem(f"{whose}schemas.{schema}", "This server has no table in such a schema.")
            for schema in sorted(policy.schemas.keys() - known)
        ]
        for name, rule in policy.tables.items():
            where = f'{whose}tables."{name}"'
            relation = catalog.by_qualified_name.get(name)
            if relation is None:
                found.append(Problem(where, "This server has no such table."))
                continue
            columns = {column.name for column in relation.columns}
            named = {*rule.deny_columns, *(rule.allow_columns or ()), *rule.masks}
            found += [
                Problem(where, f"The table has no column {column}.") for column in sorted(named - columns)
            ]
    found += [Problem("row_filter", problem, True) for problem in check_filters(stack, catalog, MaskKey(""))]
    judge = Judge(stack, catalog, MaskKey(""))
    for relation in catalog.relations.values():
        if relation.definition is None:
            continue
        judged = judge.access.of(relation)
        permitted = all(policy.permits_table(relation.schema, relation.name) for policy in stack.policies)
        if permitted and (not judged.allowed or judge.readable(relation) is None):
            why = judged.why or "it depends on columns or functions that are not permitted"
            found.append(Problem(relation.qualified_name, f"The view is permitted by name, but {why}."))
    return found + failing_tests(stack, judge)


def failing_tests(stack: PolicyStack, judge: Judge) -> list[Problem]:
    """The policy's own tests that it does not pass."""
    found = []
    for number, test in enumerate(stack.owner.tests, 1):
        verdict = judge.judge(test.sql)
        if verdict.allowed != (test.expect == "allow"):
            said = "allows it" if verdict.allowed else f"denies it ({verdict.reason})"
            found.append(
                Problem(f"tests[{number}]", f"Expected {test.expect}, but it {said}: {test.sql}", True)
            )
    return found


def changes(before: PolicyStack, after: PolicyStack, catalog: Catalog) -> list[Change]:
    """What the second policy permits and the first does not, and the reverse, relation by relation."""
    old = Judge(before, catalog, MaskKey("")).shown()
    new = Judge(after, catalog, MaskKey("")).shown()
    found = []
    for name in sorted(old.keys() | new.keys()):
        was = set(old[name].columns) if name in old else set()
        now = set(new[name].columns) if name in new else set()
        if was != now or (name in old) != (name in new):
            found.append(Change(name, tuple(sorted(now - was)), tuple(sorted(was - now))))
    return found


async def explain(gate: Gate, sql: str) -> Verdict:
    """The verdict on one statement, with the relations and columns that it reads."""
    return await gate.check(sql)


def handle(arguments: argparse.Namespace) -> int:
    """Run ``policy check|explain|diff|test``; returns the exit code.

    Raises:
        SettingsError: no database is named, or a file cannot be read.
        PolicyError: a policy cannot be taken.
        DatabaseUnavailable: the server cannot be reached.
    """
    return asyncio.run(_handle(arguments))


async def _handle(arguments: argparse.Namespace) -> int:
    from agent.check import load_policy, open_sandbox
    from agent.database import Database
    from agent.errors import SettingsError

    dsn = arguments.dsn or os.environ.get(DSN_VARIABLE, "")
    if not dsn:
        raise SettingsError("No database is named.", f"Pass --dsn or set {DSN_VARIABLE}.")
    stack = PolicyStack(owner=load_policy(arguments.policy))
    if arguments.action == "explain":
        async with open_sandbox(dsn, stack) as (gate, _):
            verdict = await explain(gate, arguments.sql)
        print(json.dumps(asdict(verdict)) if arguments.json else _verdict(verdict))
        return 0 if verdict.allowed else EXIT_REFUSED
    async with Database(dsn, size=1) as database, database.transaction("BEGIN READ ONLY") as connection:
        catalog = await Catalog.load(connection)
    if arguments.action == "diff":
        other = PolicyStack(owner=load_policy(arguments.other))
        for change in changes(stack, other, catalog):
            print(json.dumps(asdict(change)) if arguments.json else _change(change))
        return 0
    if arguments.action == "test":
        problems = failing_tests(stack, Judge(stack, catalog, MaskKey("")))
    else:
        problems = review(stack, catalog)
    for problem in problems:
        print(
            json.dumps(asdict(problem))
            if arguments.json
            else f"{'✗' if problem.fatal else '!'} {problem.where}: {problem.what}"
        )
    if not problems and not arguments.json:
        print(f"✓ {len(stack.owner.tests)} tests pass; digest {stack.digest}")
    return EXIT_FAILED if any(problem.fatal for problem in problems) else 0


def _verdict(verdict: Verdict) -> str:
    if not verdict.allowed:
        return f"✗ {verdict.layer}/{verdict.code}: {verdict.reason}\n  {verdict.hint}"
    lines = ["✓ allowed"]
    for title, values in (
        ("reads", verdict.relations),
        ("columns", verdict.columns),
        ("restricted", verdict.rewritten),
    ):
        lines.append(f"  {title:<11}{', '.join(values) or '–'}")
    lines.append(f"  {'runs':<11}{verdict.sql}")
    return "\n".join(lines)


def _change(change: Change) -> str:
    parts = [f"+ {column}" for column in change.added] + [f"- {column}" for column in change.removed]
    return f"{change.relation}: {', '.join(parts) or 'as a whole'}"
