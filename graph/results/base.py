"""What a check of a result is: a name, what it looks at, and whether a finding is worth one more attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope

from graph.autofix.names import Names
from graph.parsing import parsed_one
from wire.outcome import Rows
from wire.snapshot import SchemaSnapshot


@dataclass(frozen=True)
class Seen:
    """A query that ran, beside its question and what it gave."""

    question: str
    sql: str
    rows: Rows
    snapshot: SchemaSnapshot

    @cached_property
    def names(self) -> Names | None:
        """The query's names against the snapshot; None where it cannot be read."""
        try:
            tree = parsed_one(self.sql)
            return Names(tree, self.snapshot) if isinstance(tree, exp.Query) else None
        except (SqlglotError, RecursionError):
            return None

    @property
    def outermost(self) -> tuple[Names, Scope, exp.Select] | None:
        """The outermost SELECT with its scope; None for anything else, as a UNION."""
        names = self.names
        if names is None or not names.scopes:
            return None
        scope = names.scopes[-1]
        return (names, scope, scope.expression) if isinstance(scope.expression, exp.Select) else None


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a result."""

    name: str
    look: Callable[[Seen], str | None]
    """A sentence about what is odd; None when nothing is."""
    hint: str
    """What another query could do about it."""
    asks: bool = True
    """Whether one more attempt may cure it. Where not, it only lowers the confidence."""
