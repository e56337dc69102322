"""Statements that nobody wrote: grown from a grammar and bred from the corpus.

For every one of them: judging never raises; what is let through is read by the server as the parser read it;
no canary comes out; and afterwards the database is as it was. ``CUSTARD_FUZZ_SECONDS`` sets for how long
(default 3, ``make fuzz`` takes longer), ``CUSTARD_FUZZ_SEED`` repeats a run.
"""

import os
import random
import re
import time
from typing import Any

import psycopg

from agent.admission import Admission
from agent.check import open_sandbox
from agent.database import Database
from agent.execution import Request, Sandbox
from agent.sandbox.catalog import Catalog
from agent.sandbox.judge import Judge
from agent.sandbox.verdict import Verdict
from agent.sandbox.wrapping import MaskKey
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack

SECONDS = float(os.environ.get("CUSTARD_FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("CUSTARD_FUZZ_SEED", "20261123"))
"""The same in every test run, so that a change is judged by itself; ``make fuzz`` takes a new one."""
GRAMMARS_OWN = re.compile(r"syntax error at (end of input|or near \".*\")$", re.DOTALL)
"""What the server's SQL grammar says; those of jsonpath, tsquery and the like name themselves after it."""

TABLES = [
    "customers", "shop.customers", "orders", "shop.orders", "vault.secrets", "secrets", "staff.employees",
    "shop.peek", "customer_cards", "contact", "emails", "shop.audit_log", "staff.departments", "visits",
    "pg_class", "categories", "products", "order_totals", "rich", "x", "corpus.shop.customers",
]  # fmt: skip
COLUMNS = [
    "id", "name", "email", "card_number", "value", "salary", "ssn", "phone", "region", "title", "budget",
    "customer_id", "whole", "total", "leak", "peek_secret", "ctid", "xmin", "customers", "x", "detail",
]  # fmt: skip
FUNCTIONS = [
    "lower", "count", "max", "to_jsonb", "row_to_json", "md5", "length", "coalesce", "concat", "string_agg",
    "shop.leak", "leak", "peek_secret", "email", "pg_read_file", "version", "jsonb_agg", "array_agg",
    "repeat", "current_setting", "query_to_xml", "format", "unnest", "generate_series", "abs", "shop.net",
]  # fmt: skip
TYPES = ["text", "int", "jsonb", "shop.customers", "regclass", "text[]", "date", "shop.order_state"]
OPERATORS = ["=", "||", "<", "IS DISTINCT FROM", "->>", "~~~~", "OPERATOR(shop.=)"]
BITS = ["/**/", "--\n", ";", "(", ")", "'", '"', "$$", "\\", "*", "."]
ALIASES = ["a", "b", "x", "customers", "secrets", "email", "orders"]


class Grammar:
    """Grows statements; ``depth`` keeps them finite."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def select(self, depth: int = 3) -> str:
        pick = self._rng.random
        head = ""
        if depth and pick() < 0.25:
            recursive = "RECURSIVE " if pick() < 0.3 else ""
            names = self._rng.sample(ALIASES, self._rng.randint(1, 2))
            parts = ", ".join(f"{name} AS ({self.select(depth - 1)})" for name in names)
            head = f"WITH {recursive}{parts} "
        items = ", ".join(self.target(depth) for _ in range(self._rng.randint(1, 3)))
        text = f"{head}SELECT {'DISTINCT ' if pick() < 0.1 else ''}{items}"
        if pick() < 0.9:
            text += " FROM " + self.source(depth)
        if pick() < 0.35:
            text += " WHERE " + self.expression(depth)
        if pick() < 0.15:
            text += " GROUP BY " + self.expression(depth)
        if pick() < 0.15:
            text += " ORDER BY " + self.expression(depth)
        if pick() < 0.15:
            text += " LIMIT " + self._rng.choice(["3", "ALL", "(SELECT 2)"])
        if depth and pick() < 0.15:
            text += f" {self._rng.choice(['UNION', 'UNION ALL', 'EXCEPT'])} {self.select(depth - 1)}"
        return text

    def target(self, depth: int) -> str:
        star = self._rng.choice(["*", f"{self._rng.choice(ALIASES)}.*"])
        text = star if self._rng.random() < 0.15 else self.expression(depth)
        return text if self._rng.random() < 0.7 or "*" in text else f"{text} AS {self._rng.choice(ALIASES)}"

    def source(self, depth: int) -> str:
        kind = self._rng.random()
        alias = f" AS {self._rng.choice(ALIASES)}" if self._rng.random() < 0.5 else ""
        if depth and kind < 0.15:
            return f"({self.select(depth - 1)}) AS {self._rng.choice(ALIASES)}"
        if depth and kind < 0.25:
            return (
                f"{self.source(depth - 1)}, LATERAL ({self.select(depth - 1)}) AS {self._rng.choice(ALIASES)}"
            )
        if depth and kind < 0.4:
            how = self._rng.choice([" ON true", " USING (id)", " USING (email)"])
            return f"{self.source(depth - 1)} JOIN {self.source(depth - 1)}{how}"
        if depth and kind < 0.45:
            return f"{self.source(depth - 1)} NATURAL JOIN {self.source(depth - 1)}"
        if depth and kind < 0.5:
            return f"{self._rng.choice(FUNCTIONS)}({self.expression(depth - 1)}){alias}"
        return self._rng.choice(["", "", "ONLY "]) + self._rng.choice(TABLES) + alias

    def expression(self, depth: int) -> str:
        kind = self._rng.random()
        column = self._rng.choice(COLUMNS)
        if not depth or kind < 0.3:
            return column if self._rng.random() < 0.5 else f"{self._rng.choice(ALIASES)}.{column}"
        below = depth - 1
        if kind < 0.5:
            return f"{self._rng.choice(FUNCTIONS)}({self.expression(below)})"
        if kind < 0.58:
            return f"({self.expression(below)})::{self._rng.choice(TYPES)}"
        if kind < 0.66:
            return f"({self.select(below)} LIMIT 1)"
        if kind < 0.72:
            return f"({self.expression(below)}).{column}"
        if kind < 0.8:
            operator = self._rng.choice(
                ["=", "||", "<", "IS DISTINCT FROM", "->>", "~~~~", "OPERATOR(shop.=)"]
            )
            return f"{self.expression(below)} {operator} {self.expression(below)}"
        if kind < 0.86:
            return f"CASE WHEN {self.expression(below)} IS NULL THEN {self.expression(below)} END"
        if kind < 0.92:
            return f"EXISTS ({self.select(below)})"
        return self._rng.choice(["1", "'x'", "NULL", "ARRAY[1]", f"ROW({self.expression(below)})", "true"])


TOKENS = re.compile(r"\w+|\s+|'[^']*'|.", re.DOTALL)


def bred(rng: random.Random, parents: list[str]) -> str:
    """A statement with its words changed, taken away, doubled, or crossed with another's."""
    tokens = TOKENS.findall(rng.choice(parents))
    other = TOKENS.findall(rng.choice(parents))
    for _ in range(rng.randint(1, 4)):
        if not tokens:
            break
        place = rng.randrange(len(tokens))
        match rng.randrange(6):
            case 0:
                tokens[place] = rng.choice(COLUMNS + TABLES + FUNCTIONS)
            case 1:
                del tokens[place]
            case 2:
                tokens.insert(place, tokens[place])
            case 3:
                cut = rng.randrange(len(other)) if other else 0
                tokens[place:place] = other[cut : cut + rng.randint(1, 12)]
            case 4:
                tokens.insert(
                    place, rng.choice(["/**/", "--\n", ";", "(", ")", "'", '"', "$$", "\\", "*", "."])
                )
            case _:
                cut = rng.randrange(len(other)) if other else 0
                tokens = tokens[:place] + other[cut:]
    return "".join(tokens)[:4000]


class Passing:
    """A gate whose verdict was given before."""

    def __init__(self) -> None:
        self.verdict = Verdict(False)

    async def check(self, sql: str) -> Verdict:
        return self.verdict


async def test_nothing_that_is_let_through_does_harm(
    corpus: Any,
    hostile: list[Any],
    legitimate: list[Any],
    policy: Policy,
    recording: Any,
    canary: str,
    second_opinion: Any,
) -> None:
    rng = random.Random(SEED)
    limits = policy.limits.model_copy(update={"statement_seconds": 0.2})
    strict = policy.model_copy(update={"limits": limits})
    async with await psycopg.AsyncConnection.connect(corpus.dsn) as connection:
        judge = Judge(PolicyStack(owner=strict), await Catalog.load(connection), MaskKey("k"))
    parents = [case.sql for case in hostile + legitimate if len(case.sql) < 1000 and "\0" not in case.sql]
    grammar = Grammar(rng)
    made = run = compared = 0
    before = corpus.state()
    async with (
        open_sandbox(corpus.dsn, PolicyStack(owner=strict)) as (gate, _),
        Database(corpus.dsn, size=1) as database,
    ):
        passing = Passing()
        sandbox = Sandbox(
            database,
            strict,
            passing,
            admission=Admission(concurrent=1, per_minute=10**9),
            search_path=gate.search_path,
        )
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline or not run:
            sql = grammar.select() if rng.random() < 0.6 else bred(rng, parents)
            made += 1
            verdict = passing.verdict = judge.judge(sql)
            if not verdict.allowed:
                continue
            run += 1
            seen = second_opinion(verdict.sql, ())
            compared += seen is not None
            missed = [name for name in seen or () if name and name not in verdict.relations]
            assert not missed, f"sqlglot sees {missed}; seed {SEED}, statement {made}: {sql!r}"
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            told = sink.text + (outcome.message + outcome.hint if isinstance(outcome, Failed) else "")
            here = f"seed {SEED}, statement {made}: {sql!r} ran as {verdict.sql!r}"
            # The canary may be in the statement itself, as a literal.
            assert canary in sql or canary not in told, here
            if isinstance(outcome, Failed) and corpus.major >= 18:
                # Much that only analysis can tell has this sqlstate too; the words tell the grammar's own.
                grammars = outcome.sqlstate == "42601" and GRAMMARS_OWN.search(outcome.message)
                assert not grammars, f"parser and server disagree; {here}"
    assert made > 0
    assert run > 0
    assert corpus.state() == before, f"seed {SEED}"
    print(f"seed {SEED}: {made} statements, {run} let through and run, {compared} read by sqlglot too")
