"""What a lint rule is: a name, and a function from a parsed statement to findings.

Lint foretells what the database or the sandbox would say, sooner and with better hints. It enforces nothing:
where resolution is uncertain a rule stays silent and the database decides.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from sqlglot import exp

from graph.lint.scopes import Resolution, resolve
from graph.record import Finding
from wire.policy import Policy
from wire.snapshot import SchemaSnapshot


@dataclass(frozen=True)
class Statement:
    """A draft, parsed, with what it is checked against."""

    sql: str
    tree: exp.Expr | None
    """None when sqlglot cannot read it: then only the database can say whether it is SQL."""
    count: int
    """Statements in the text."""
    snapshot: SchemaSnapshot
    cloud_policy: Policy | None = None

    @cached_property
    def resolution(self) -> Resolution:
        """Which relation and column each name means."""
        return resolve(self.tree, self.snapshot)


Check = Callable[[Statement], Iterable[Finding]]


class Rule(NamedTuple):
    """One thing that lint forbids."""

    name: str
    """As its file is called."""
    check: Check


class Verdict(NamedTuple):
    """Lint's word on a draft."""

    verdict: Literal["pass", "reject"]
    """``reject`` when any finding is an error."""
    findings: list[Finding]


def position_of(node: exp.Expr | None) -> int | None:
    """The 1-based character at which an identifier begins; None when sqlglot does not know."""
    if node is None:
        return None
    for part in node.find_all(exp.Identifier):
        start = part.meta.get("start")
        if isinstance(start, int):
            return start + 1
    return None
