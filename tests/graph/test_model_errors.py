"""What a person is told when the model's server fails: words, a cure, and never a class name of ours."""

import json

import pytest

from graph.errors import ModelError
from graph.model import _named


class APIConnectionError(Exception):
    """Named as the client's own."""


class InternalServerError(Exception):
    status_code = 500


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (APIConnectionError("refused"), "cannot be reached"),
        (InternalServerError("secret prompt"), "HTTP 500"),
        (json.JSONDecodeError("x", "secret prompt", 0), "broke off"),
    ],
)
def test_a_failure_is_told_in_words(error: Exception, said: str) -> None:
    told: ModelError = _named(error, 30.0)
    assert said in str(told)
    assert told.hint
    assert "Error" not in str(told)
    assert "secret" not in str(told)
