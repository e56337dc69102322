"""What can go wrong around a suite. A wrong answer is a result, never an error.

EvalError
├── CasesError      the file of cases cannot be read, or says nothing
├── GoldError       an accepted query of a case cannot be read or run
├── DatabaseError   a database of the suite cannot be made
├── HarnessError    the system under test cannot be started
│   └── SystemDown  it went away in the middle of a run
├── StoreError      results cannot be kept or found
├── ImportFailed    a benchmark's files cannot be read
└── SyncError       LangSmith does not take what is sent
"""

from wire.errors import CustardError


class EvalError(CustardError):
    """Base of this package's errors. ``hint`` says what to do."""

    code = "eval"


class CasesError(EvalError):
    """The file of cases cannot be read, or says nothing."""


class GoldError(EvalError):
    """An accepted query of a case cannot be read or run."""


class DatabaseError(EvalError):
    """A database of the suite cannot be made."""


class HarnessError(EvalError):
    """The system under test cannot be started, or has gone away."""


class SystemDown(HarnessError):
    """The model, the agent or the database went away in the middle of a run; what was answered is kept."""


class StoreError(EvalError):
    """Results cannot be kept, or there are none of that name."""


class ImportFailed(EvalError):
    """A benchmark's files cannot be read."""


class SyncError(EvalError):
    """LangSmith cannot be reached, or does not take what is sent."""
