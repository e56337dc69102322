"""What a rule is: a name, and a function that mends one thing in a statement and says what it did."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from graph.autofix.names import Names
from wire.outcome import Failed
from wire.values import Found


@dataclass(frozen=True, slots=True)
class Context:
    """The statement under repair. A rule changes ``names.tree`` in place, or leaves it alone."""

    names: Names
    question: str = ""
    notes: str = ""
    """What is said beside the question: definitions, hints."""
    failed: Failed | None = None
    """What the database said of the statement; None before it has been asked."""
    found: Found | None = None
    """What the agent's index of values says of its literals; None when it was not asked."""

    @property
    def tree(self) -> exp.Query:
        """The statement itself."""
        return self.names.tree

    def failed_with(self, *sqlstates: str) -> bool:
        """Whether the database refused the statement with one of these."""
        return self.failed is not None and self.failed.sqlstate in sqlstates


@dataclass(frozen=True, slots=True)
class Rule:
    """One deterministic repair."""

    name: str
    """As its module is called."""
    fix: Callable[[Context], str | None]
    """Mends the first thing it finds and says so in a sentence; None when there is nothing to mend.

    It is called again until it returns None, so it must not find again what it has mended.
    """
