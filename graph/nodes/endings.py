"""The ending of a run whose last attempt does not work and has no successor."""

from graph.nodes.execute_sql import mendable
from graph.nodes.problem import first_words
from graph.nodes.work import last_attempt
from graph.nodes.write_sql import sql_failed
from graph.record import Attempt, Problem, Refusal
from graph.state import State, Update
from wire.outcome import Failed, FailureCode

_NOT_PERMITTED = frozenset({"out_of_policy", "not_a_single_select"})
"""Lint rules that foretell what the owner's policy or the sandbox forbids."""
_INSUFFICIENT_PRIVILEGE = "42501"

WHAT_TO_DO: dict[FailureCode, str] = {
    "timeout": "Ask for less: a shorter period, fewer groups, or one table instead of several.",
    "cancelled": "Somebody stopped it in the database. Ask again if it was not meant.",
    "limit": "Wait a moment and ask again; the owner's policy sets the limit.",
    "agent_offline": "Start the agent beside the database (`custard agent run`), then ask again.",
    "agent_lost": "The agent went away while it worked. Ask again when it is back.",
    "database_unavailable": "The agent cannot reach its database. Check that it runs, then ask again.",
    "protocol": "Agent and backend do not understand each other: update the older one.",
    "internal": "This is a fault of ours. The logs have more under this run's id.",
}


def ending_without_answer(state: State) -> Update:
    """A refusal when the policy forbids what every attempt needed, else the problem with its hint."""
    last = last_attempt(state)
    if _forbidden(last):
        return {
            "refusal": Refusal(
                reason="not_permitted",
                message=f"The policy of this database does not permit it. {first_words(last)}",
                hint="Ask for something else, or ask the database's owner to permit it.",
            )
        }
    if isinstance(last.outcome, Failed) and not mendable(last.outcome):
        failed = last.outcome
        hint = failed.hint or WHAT_TO_DO.get(failed.code, "")
        return {"problem": Problem(code=failed.code, message=failed.message, hint=hint)}
    return {"problem": sql_failed(state)}


def _forbidden(attempt: Attempt) -> bool:
    if isinstance(attempt.outcome, Failed):
        return attempt.outcome.code == "policy" or attempt.outcome.sqlstate == _INSUFFICIENT_PRIVILEGE
    return any(finding.rule in _NOT_PERMITTED for finding in attempt.findings)
