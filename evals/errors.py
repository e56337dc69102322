"""What can go wrong around a suite. A wrong answer is a result, never an error.

EvalError
├── CasesError      the file of cases cannot be read, or says nothing
├── GoldError       an accepted query of a case cannot be read or run
├── DatabaseError   a database of the suite cannot be made
└── HarnessError    the system under test cannot be started
"""


class EvalError(Exception):
    """Base of this package's errors. ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class CasesError(EvalError):
    """The file of cases cannot be read, or says nothing."""


class GoldError(EvalError):
    """An accepted query of a case cannot be read or run."""


class DatabaseError(EvalError):
    """A database of the suite cannot be made."""


class HarnessError(EvalError):
    """The system under test cannot be started, or has gone away."""
