"""``policy check|explain|diff|test``: what a policy file says, printed for people or as one JSON document.

The same for ``custard-agent policy`` and ``custard policy``. Nothing of it needs the backend.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.errors import SettingsError
from agent.policy_catalog import load_catalog, read_snapshot, refused_filters
from agent.policy_diff import difference
from agent.policy_explain import SHOWN_KEY, Explanation
from agent.policy_explain import explain as explain_verdict
from agent.policy_review import NO_KEY, Exposure, Problem, exposures, failing_tests, review
from agent.policy_source import read_source
from agent.sandbox.catalog import Catalog
from agent.sandbox.commands import DSN_VARIABLE
from agent.sandbox.gate import Gate
from agent.sandbox.judge import Judge
from wire.policy import PolicyStack

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_REFUSED = 3
MARKS = {"opens": "+", "closes": "-", "changes": "~"}


@dataclasses.dataclass(frozen=True, slots=True)
class Where:
    """Where the server's names come from; neither set, what the environment names, if anything."""

    dsn: str | None = None
    snapshot: Path | None = None

    @property
    def database(self) -> str:
        """The connection string; empty when there is none, or a snapshot stands in for it."""
        return "" if self.snapshot is not None else self.dsn or os.environ.get(DSN_VARIABLE, "")

    async def catalog(self) -> Catalog | None:
        """The names, or None when nothing says where they are.

        Raises:
            DatabaseUnavailable, SettingsError: they cannot be had from there.
        """
        if self.snapshot is not None:
            return await read_snapshot(self.snapshot)
        return await load_catalog(self.database) if self.database else None

    async def needed(self) -> Catalog:
        """The names.

        Raises:
            SettingsError: nothing says where they are.
        """
        catalog = await self.catalog()
        if catalog is None:
            raise SettingsError("No database is named.", f"Pass --dsn or --snapshot, or set {DSN_VARIABLE}.")
        return catalog


async def check(file: Path, where: Where, *, as_json: bool = False) -> int:
    """Say what in the file is wrong, and what it exposes; 1 when something is wrong.

    Without a database only the file's own form is looked at.

    Raises:
        SettingsError, PolicyError: the file cannot be read or taken.
        DatabaseUnavailable: the server cannot be reached.
    """
    source = read_source(file)
    catalog = await where.catalog()
    problems = review(source, catalog) if catalog is not None else []
    if catalog is not None and where.database:
        for name, said in await refused_filters(where.database, PolicyStack(owner=source.policy), catalog):
            what = f"PostgreSQL does not take the row filter of {name}: {said}."
            problems.append(Problem(source.rule("tables", name, "row_filter"), what))
    shown = exposures(PolicyStack(owner=source.policy), catalog) if catalog is not None else None
    failed = any(problem.severity == "error" for problem in problems)
    if as_json:
        _print(
            {
                "ok": not failed,
                "digest": source.policy.digest,
                "problems": problems,
                "exposes": shown,
                "relations": len(catalog.relations) if catalog is not None else None,
            }
        )
        return EXIT_FAILED if failed else EXIT_OK
    _tell_problems(problems)
    if catalog is None or shown is None:
        print("✓ The file is a policy. Pass --dsn to hold its names against a database.")
    else:
        if not failed:
            print(f"✓ Every name exists, and {len(source.policy.tests)} tests pass.")
        print(f"It lets {len(shown)} of {len(catalog.relations)} tables and views be read:")
        for one in shown:
            print(f"  {_exposure(one)}")
    print(f"digest {source.policy.digest}")
    return EXIT_FAILED if failed else EXIT_OK


async def run_tests(file: Path, where: Where, *, as_json: bool = False) -> int:
    """Run the file's own tests; 1 when one fails.

    Raises: as ``check``; also SettingsError when no database is named.
    """
    source = read_source(file)
    catalog = await where.needed()
    problems = failing_tests(source, Judge(PolicyStack(owner=source.policy), catalog, NO_KEY))
    total = len(source.policy.tests)
    if as_json:
        _print({"ok": not problems, "tests": total, "failed": len(problems), "problems": problems})
    else:
        _tell_problems(problems)
        print(f"{'✗' if problems else '✓'} {total - len(problems)} of {total} tests pass.")
    return EXIT_FAILED if problems else EXIT_OK


async def explain(file: Path, sql: str, where: Where, *, as_json: bool = False) -> int:
    """Say which rule decides about a statement, what it reads, and what would run; 3 when refused.

    Raises: as ``test``.
    """
    source = read_source(file)
    catalog = await where.needed()
    async with Gate(source.policy, catalog, key=SHOWN_KEY, workers=1) as gate:
        verdict = await gate.check(sql)
    explanation = explain_verdict(source, catalog, sql, verdict)
    if as_json:
        _print(explanation)
    else:
        print("\n".join(_explanation(explanation)))
    return EXIT_OK if explanation.allowed else EXIT_REFUSED


async def diff(before: Path, after: Path, where: Where, *, as_json: bool = False) -> int:
    """Say what changes when the second file takes the first one's place.

    Without a database the rules alone are compared.

    Raises: as ``check``.
    """
    old, new = read_source(before), read_source(after)
    changes = difference(old.policy, new.policy, await where.catalog())
    if as_json:
        _print({"before": old.policy.digest, "after": new.policy.digest, "changes": changes})
        return EXIT_OK
    for change in changes:
        print(f"{MARKS[change.effect]} {change.says}")
    if not changes:
        print("Both say the same.")
    return EXIT_OK


def handle(arguments: argparse.Namespace) -> int:
    """Run one of ``custard-agent policy``'s actions; returns the exit code.

    Raises: as the actions do.
    """
    where = Where(arguments.dsn, arguments.snapshot)
    as_json: bool = arguments.json
    match arguments.action:
        case "check":
            [file] = _words(arguments, "FILE")
            return asyncio.run(check(Path(file), where, as_json=as_json))
        case "test":
            [file] = _words(arguments, "FILE")
            return asyncio.run(run_tests(Path(file), where, as_json=as_json))
        case "diff":
            before, after = _words(arguments, "OLD", "NEW")
            return asyncio.run(diff(Path(before), Path(after), where, as_json=as_json))
        case _:
            if arguments.sql is not None:
                [file], sql = _words(arguments, "FILE"), str(arguments.sql)
            else:
                file, sql = _words(arguments, "FILE", "SQL")
            return asyncio.run(explain(Path(file), sql, where, as_json=as_json))


def _words(arguments: argparse.Namespace, *names: str) -> Sequence[str]:
    """The action's arguments, the file of ``--policy`` or of the environment before those that are given."""
    words = [str(word) for word in arguments.words]
    if len(words) == len(names) - 1 and arguments.policy is not None:
        words.insert(0, str(arguments.policy))
    if len(words) != len(names):
        raise SettingsError(
            f"policy {arguments.action} takes {' and '.join(names)}.",
            f"Write: policy {arguments.action} {' '.join(names)}",
        )
    return words


def _tell_problems(problems: list[Problem]) -> None:
    for problem in problems:
        mark = "✗" if problem.severity == "error" else "!"
        near = f" Is {' or '.join(problem.near)} meant?" if problem.near else ""
        print(f"{mark} {problem.rule}: {problem.what}{near}")


def _exposure(one: Exposure) -> str:
    parts = [f"{one.relation}: {', '.join(one.columns) or 'no column, only its rows'}"]
    if one.hidden:
        parts.append(f"hidden: {', '.join(one.hidden)}")
    if one.masks:
        parts.append("masked: " + ", ".join(f"{name} ({mask.kind})" for name, mask in one.masks.items()))
    parts += [f"only rows where {condition}" for condition in one.filters]
    return "; ".join(parts)


def _explanation(told: Explanation) -> list[str]:
    if not told.allowed:
        lines = [f"✗ refused by the layer {told.layer} ({told.code}): {told.reason}"]
        lines += [f"  decided by {rule}" for rule in told.rules]
        if not told.rules:
            lines.append("  decided by the sandbox itself, whatever the policy says")
        return [*lines, *([f"  {told.hint}"] if told.hint else [])]
    lines = ["✓ allowed"]
    for read in told.reads:
        lines.append(f"  reads {read.relation} ({', '.join(read.columns) or 'its rows'}), by {read.rule}")
        for masked in read.masks:
            lines.append(f"    {masked.column} is masked ({masked.mask.kind}), by {masked.rule}")
        for filtered in read.filters:
            lines.append(f"    only rows where {filtered.condition}, by {filtered.rule}")
    return [*lines, f"  runs {told.runs}", f"  digest {told.digest}"]


def _print(value: object) -> None:
    # Escaped, so that it can be written whatever the terminal's encoding is.
    print(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")
