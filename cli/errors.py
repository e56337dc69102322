"""What the command line's exit codes mean, and how an error becomes one.

::

    CustardError
    └── CommandError
        ├── UsageError        2
        ├── ApiUnreachable    1
        │   └── NotABackend   1
        └── ApiProblem        1, or what its code says
"""

from wire.errors import CustardError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_AGENT_OFFLINE = 4
EXIT_REGRESSION = 5
EXIT_STOPPED = 130

_BY_CODE = {
    "policy": EXIT_REFUSED,
    "not_permitted": EXIT_REFUSED,
    "agent_offline": EXIT_AGENT_OFFLINE,
    "agent_lost": EXIT_AGENT_OFFLINE,
    "usage": EXIT_USAGE,
    "bad_policy": EXIT_USAGE,
    "bad_settings": EXIT_USAGE,
}


class CommandError(CustardError):
    """A command cannot do what it was asked."""

    code = "command"


class UsageError(CommandError):
    """The command was called in a way that makes no sense."""

    code = "usage"


class ApiUnreachable(CommandError):
    """No backend answers at the address."""

    code = "api_unreachable"


class NotABackend(ApiUnreachable):
    """What answers at the address is something else."""


class ApiProblem(CommandError):
    """The backend answered with a problem (RFC 9457)."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


def exit_code(error: Exception) -> int:
    """The exit code for an error: by its code where that has one, else 1."""
    return _BY_CODE.get(getattr(error, "code", ""), EXIT_FAILED)


def run_exit_code(run: dict[str, object]) -> int:
    """The exit code for how a run ended."""
    match run.get("status"):
        case "succeeded" | "clarify":
            return EXIT_OK
        case "refused":
            refusal = run.get("refusal")
            reason = refusal.get("reason") if isinstance(refusal, dict) else None
            return EXIT_REFUSED if reason == "not_permitted" else EXIT_FAILED
        case "cancelled":
            return EXIT_STOPPED
        case _:
            problem = run.get("problem")
            return _BY_CODE.get(str(problem.get("code")) if isinstance(problem, dict) else "", EXIT_FAILED)
