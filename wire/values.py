"""What is asked of a database's values by name, and what is told of them; one shape for wire, port and bus.

A lookup never carries rows: it names the few values that words of a question, or literals of a query, meet.
"""

from pydantic import Field

from wire.base import Message

MAX_VALUE_CHARACTERS = 80
"""Longer values are prose, not names of anything: none is told, and no literal so long is looked up."""
MAX_COMPARED = 32
MAX_FOUND = 24


class Compared(Message):
    """A literal of a query, and the column that it is compared with."""

    table: str
    """``schema.table``."""
    column: str
    text: str = Field(max_length=MAX_VALUE_CHARACTERS)


class FoundValue(Message):
    """A value that a phrase of the question meets."""

    table: str
    """``schema.table``."""
    column: str
    value: str
    phrase: str
    """As it stands in the question, in lower case."""
    similarity: float = 1.0
    """1 where they differ in case at most."""


class Sibling(Message):
    """Another column of the same table that holds the literal."""

    column: str
    value: str


class Looked(Message):
    """What became of one ``Compared``."""

    table: str
    column: str
    text: str
    held: bool | None = None
    """Whether the column holds exactly this text. None: unknown, and only case is suggested."""
    cased: list[str] = Field(default_factory=list)
    """Values of the column that differ from it in case and white space only."""
    near: list[str] = Field(default_factory=list)
    """Values of the column that are spelt nearly so, the nearest first; only where ``held`` is False."""
    others: list[Sibling] = Field(default_factory=list)
    """Only where ``held`` is False."""


class Found(Message):
    """The answer to a lookup."""

    found: list[FoundValue] = Field(default_factory=list)
    """The best first."""
    compared: list[Looked] = Field(default_factory=list)
    """In the order asked; columns that may not be told of are left out."""
    ready: bool = True
    """False while the index is being built: there may be more to find."""

    def of(self, table: str, column: str, text: str) -> Looked | None:
        """What was found of this literal; None when it was not asked for or is not told."""
        return next(
            (one for one in self.compared if (one.table, one.column, one.text) == (table, column, text)), None
        )
