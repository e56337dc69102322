"""One statement's judgement, start to end, without I/O.

It runs the real grammar on hostile text, which can end the process (libpg_query overruns its stack on long
chains of operators); so in an agent it lives in a child process of its own, see ``pool``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import Any

import postgast
from google.protobuf.message import DecodeError
from postgast import PgQueryError
from postgast import pg_query_pb2 as pb

from agent.sandbox.access import Access, RelationAccess
from agent.sandbox.analysis import Analysis
from agent.sandbox.bounds import literals
from agent.sandbox.catalog import Catalog, Relation
from agent.sandbox.growth import Growth, check_growth
from agent.sandbox.guard import guard
from agent.sandbox.pullup import may_grow
from agent.sandbox.shape import check_shape, children, only_select, too_deep
from agent.sandbox.verdict import Refusal, Shown, Verdict
from agent.sandbox.words import Words
from agent.sandbox.wrapping import MaskKey, quote
from wire.policy import PolicyStack

MAX_STATEMENT_BYTES = 32_768
"""Hard limit beside the policy's ``statement_bytes``: what the parser takes without trouble."""


class Judge:
    """Judges statements under a policy on a server, one at a time."""

    def __init__(self, stack: PolicyStack, catalog: Catalog, key: MaskKey) -> None:
        self.stack = stack
        self.catalog = catalog
        self.access = Access(stack, catalog)
        self._words = Words(stack, catalog)
        self._key = key
        _allow_deep_trees()

    @cached_property
    def _most_bytes(self) -> int:
        return min(MAX_STATEMENT_BYTES, self.stack.limits.statement_bytes)

    def judge(self, sql: str) -> Verdict:
        """Whether the statement may run, and in which form. Never raises for anything in the statement."""
        started = time.perf_counter()
        try:
            verdict = self._judge(sql)
        except Refusal as refusal:
            verdict = refusal.verdict()
        except (RecursionError, MemoryError):
            verdict = too_deep().verdict()
        elapsed = (time.perf_counter() - started) * 1000
        return replace(verdict, elapsed_ms=elapsed)

    def readable(self, relation: Relation) -> tuple[str, ...] | None:
        """The columns of a relation that a statement may name, in order; None when it may not be read."""
        judged = self.access.of(relation)
        if not judged.allowed:
            return None
        if relation.definition is None:
            return judged.readable
        text = f"TABLE {quote(relation.schema)}.{quote(relation.name)}"
        analysis = Analysis(self.access, self._words, self._key)
        try:
            outputs = analysis.query(only_select(parse(text)), None, {})
        except Refusal:
            return None
        return tuple(output.name for output in outputs.columns)

    def shown(self) -> dict[str, Shown]:
        """What may be read of this server, by ``schema.name``."""
        found = {}
        for relation in self.catalog.relations.values():
            columns = self.readable(relation)
            if columns is None:
                continue
            judged = self.access.of(relation)
            if judged.inline and relation.kind == "v":
                found[relation.qualified_name] = Shown(columns, self._masked_in_view(judged), True)
            else:
                masked = frozenset(judged.masks)
                found[relation.qualified_name] = Shown(columns, masked, bool(judged.filters))
        return found

    def _masked_in_view(self, judged: RelationAccess) -> frozenset[str]:
        analysis = Analysis(self.access, self._words, self._key)
        _, outputs = analysis.view_body(judged)
        below = {
            column.name
            for column, output in zip(judged.relation.columns, outputs.columns, strict=False)
            if any(analysis.is_masked(origin) for origin in output.origins)
        }
        return frozenset(below | set(judged.masks))

    def _judge(self, sql: str) -> Verdict:
        check_bytes(sql, self._most_bytes)
        tree = parse(sql)
        select = only_select(tree)
        check_shape(select)
        analysis = Analysis(self.access, self._words, self._key)
        analysis.statement = select
        outputs = analysis.query(select, None, {})
        analysis.check_casts()
        analysis.check_types()
        tree.stmts[0].ClearField("stmt_len")
        tree.stmts[0].ClearField("stmt_location")
        text = _deparse(tree)
        named, growth = self._verify(text, analysis)
        return Verdict(
            True,
            text,
            relations=tuple(sorted(analysis.relations)),
            columns=tuple(sorted(f"{table}.{column}" for table, column in analysis.columns)),
            rewritten=tuple(sorted(analysis.rewritten)),
            masks=tuple((output.name, output.masks) for output in outputs.columns) if outputs.certain else (),
            inspected=tuple(sorted(analysis.inspected)),
            guard=guard(self.catalog, named),
            gathers=growth.gathers,
            compares=growth.compares,
            arrays=growth.arrays,
        )

    def _verify(self, text: str, analysis: Analysis) -> tuple[list[Relation], Growth]:
        """Read back what will run, so that nothing rests on the deparser alone; the relations it names, and
        what it grows into.

        Raises:
            Refusal: the text is not one SELECT over the relations that were judged.
        """
        select = only_select(parse(text))
        named: dict[tuple[str, str], None] = {}
        grows = False
        waiting: list[Any] = [select]
        while waiting:
            message = waiting.pop()
            kind = message.DESCRIPTOR.name
            if kind == "RangeVar":
                known = (
                    f"{message.schemaname}.{message.relname}" in analysis.relations
                    if message.schemaname
                    else message.relname in analysis.cte_names
                )
                if not known or message.catalogname:
                    raise _unfaithful()
                if message.schemaname:
                    named[message.schemaname, message.relname] = None
            elif kind in (
                "IntoClause",
                "LockingClause",
                "InsertStmt",
                "UpdateStmt",
                "DeleteStmt",
                "MergeStmt",
            ):
                raise _unfaithful()
            grows = grows or may_grow(message)
            waiting.extend(children(message))
        growth = check_growth(select, self.catalog) if grows else Growth()
        if growth.by_literals and analysis.statement is not None:
            # With longer literals it might be too much, so this holds for these ones alone.
            analysis.inspected.update(literals(analysis.statement))
        return [self.catalog.by_name[name] for name in named], growth


def check_bytes(sql: str, most: int) -> None:
    """Refuse what must not reach the parser.

    Raises:
        Refusal: too long, not UTF-8, or with a NUL.
    """
    if "\0" in sql:
        # The driver would cut the text there and run what stands before it.
        raise Refusal("bytes", "nul", "The statement has a NUL character.", "Remove it.")
    try:
        size = len(sql.encode())
    except UnicodeEncodeError as error:
        raise Refusal("bytes", "not_utf8", "The statement is not valid Unicode.", "Send UTF-8.") from error
    if size > most:
        raise Refusal(
            "bytes",
            "too_long",
            f"The statement has {size} bytes; at most {most} are permitted.",
            "Shorten it, for instance its lists of values.",
        )


def parse(sql: str) -> pb.ParseResult:
    """Read the statement with PostgreSQL's grammar.

    Raises:
        Refusal: it is not SQL, or too deep to be looked at.
    """
    try:
        return postgast.parse(sql)
    except PgQueryError as error:
        raise Refusal(
            "parse",
            "syntax",
            str(error).splitlines()[0] if str(error) else "syntax error",
            "Correct the syntax.",
        ) from error
    except DecodeError as error:
        raise too_deep() from error


def _allow_deep_trees() -> None:
    """Let protobuf read trees deeper than its 100 messages, which 48 terms with ``||`` between them are.

    The shape's own bound on depth takes its place. Where the runtime has no such switch, deep statements stay
    refused.
    """
    try:
        from google._upb import _message  # type: ignore[import-untyped]  # a C module without types
    except ImportError:
        return
    _message.SetAllowOversizeProtos(True)


def _deparse(tree: pb.ParseResult) -> str:
    try:
        return str(postgast.deparse(tree))
    except (PgQueryError, UnicodeDecodeError, DecodeError) as error:
        raise Refusal(
            "process", "deparse", "The statement could not be written down again.", "Write it more simply."
        ) from error


def _unfaithful() -> Refusal:
    return Refusal("process", "deparse", "The statement does not read back as it was judged.", "Rewrite it.")


def check_filters(stack: PolicyStack, catalog: Catalog, key: MaskKey) -> list[str]:
    """What is wrong with the policy's row filters, one line each; empty when all can be used."""
    problems = []
    judge = Judge(stack, catalog, key)
    for relation in catalog.relations.values():
        access = judge.access.of(relation)
        if not access.allowed or not access.filters:
            continue
        verdict = judge.judge(f"TABLE {quote(relation.schema)}.{quote(relation.name)}")
        if not verdict.allowed:
            problems.append(f"{relation.qualified_name}: {verdict.reason}")
    return problems
