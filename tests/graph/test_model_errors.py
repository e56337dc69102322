"""What a person is told when the model's server fails: words, a cure, and never a class name of ours."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from graph.errors import ModelError, ModelUnavailable
from graph.model import Reply, _named
from prompts import Prompt


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


class Speaker(BaseChatModel):
    """Streams these pieces as a server of OpenAI's kind does, and says that it is done, or does not."""

    pieces: list[str]
    finish_reason: str | None

    @property
    def _llm_type(self) -> str:
        return "speaker"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("it streams")

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        for piece in self.pieces:
            told = {"model_provider": "openai"}
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece, response_metadata=told))
        if self.finish_reason is not None:
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=""), generation_info={"finish_reason": self.finish_reason}
            )


def _reply(finish_reason: str | None) -> Reply:
    model = Speaker(pieces=["SELECT count(*) FROM staff ", "WHERE id < 8"], finish_reason=finish_reason)
    return Reply(model, Prompt("s", "u"), max_tokens=9, seconds=30.0, name="draft_sql")


async def test_half_a_query_is_none() -> None:
    """The socket closed within ``WHERE id < 81``: what came is valid SQL, and answers something else."""
    with pytest.raises(ModelUnavailable, match="broke off"):
        await _reply(None).text()


@pytest.mark.parametrize("reason", ["stop", "length"])
async def test_a_reply_that_is_whole_is_taken(reason: str) -> None:
    assert (await _reply(reason).text()).endswith("< 8")
