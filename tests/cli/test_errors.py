"""Exit codes: what a program that calls ours can rely on."""

import pytest

from cli.errors import ApiProblem, ApiUnreachable, UsageError, exit_code, run_exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ApiUnreachable("x"), 1),
        (ApiProblem("agent_offline", "x"), 4),
        (ApiProblem("policy", "x"), 3),
        (ApiProblem("something_new", "x"), 1),
        (ValueError("x"), 1),
    ],
)
def test_an_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"status": "succeeded"}, 0),
        ({"status": "clarify"}, 0),
        ({"status": "refused", "refusal": {"reason": "not_permitted"}}, 3),
        ({"status": "refused", "refusal": {"reason": "not_in_data"}}, 1),
        ({"status": "failed", "problem": {"code": "agent_lost"}}, 4),
        ({"status": "failed", "problem": {"code": "sql_failed"}}, 1),
        ({"status": "failed", "problem": None}, 1),
        ({"status": "cancelled"}, 130),
    ],
)
def test_an_ending_has_its_exit_code(run: dict[str, object], code: int) -> None:
    assert run_exit_code(run) == code
