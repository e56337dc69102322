"""How sure the model was of its own query: asked of the server, weighed by the confidence."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from graph.build import run_events
from graph.confidence import WAVERING, score_of, signals_of
from graph.model import Reply, Token
from graph.nodes.write_sql import surprisal
from graph.ports import Settings
from graph.record import Attempt
from prompts import Prompt
from wire.outcome import ResultColumn, Rows

ROWS = Rows(
    columns=[ResultColumn(name="n", type="bigint")],
    preview=[[34]],
    row_count=1,
    digest="d",
    policy_digest="p",
)


class Refused(Exception):
    """As the client of OpenAI's kind raises it."""

    def __init__(self, status: int, text: str, param: str | None = None) -> None:
        super().__init__(text)
        self.status_code, self.param = status, param


class Weigher(BaseChatModel):
    """Says a query, and of each token how probable it was; refuses options as its server does."""

    logprobs: list[float]
    refuses: Exception | None = None
    asked: list[dict[str, Any]] = []  # noqa: RUF012  # pydantic copies it for each instance

    @property
    def _llm_type(self) -> str:
        return "weigher"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("it streams")

    async def _astream(self, *_: Any, **options: Any) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(options)
        if self.refuses is not None and "logprobs" in options:
            raise self.refuses
        for text, logprob in zip(
            ["```sql\n", "SELECT", " count(*)", " FROM", " people.employees"], self.logprobs, strict=True
        ):
            told = {"content": [{"token": text, "logprob": logprob}]} if "logprobs" in options else None
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=text), generation_info={"logprobs": told} if told else {}
            )


SURE, WAVERS = [-0.7, -0.7, -0.01, 0.0, -0.02], [-0.7, -0.7, -1.5, 0.0, -3.5]


def test_what_counts_is_the_query_and_not_how_the_reply_begins() -> None:
    tokens = [Token("```", -2.0), Token("sql", 0.0), Token("\n", -1.0), Token("SELECT", -0.7)]
    assert surprisal([*tokens, Token(" name", -0.5), Token(" FROM", 0.0), Token("\n```", -3.0)]) == 0.5
    assert surprisal(tokens) is None
    assert surprisal([]) is None


async def test_a_server_is_asked_only_for_queries() -> None:
    model = Weigher(logprobs=SURE)
    plain = Reply(model, Prompt("s", "u"), max_tokens=9, seconds=30.0, name="summarize")
    await plain.text()
    assert "logprobs" not in model.asked[0]
    assert plain.tokens == []
    weighed = Reply(model, Prompt("s", "u"), max_tokens=9, seconds=30.0, name="draft", weighed=True)
    await weighed.text()
    assert [token.logprob for token in weighed.tokens] == SURE


@pytest.mark.parametrize(
    "error",
    [
        Refused(400, "Unsupported parameter: 'logprobs' is not supported with this model.", "logprobs"),
        Refused(400, "top_logprobs may not be given", "top_logprobs"),
        Refused(422, "body.logprobs: Extra inputs are not permitted"),
    ],
)
async def test_a_server_that_weighs_nothing_is_asked_without(error: Refused) -> None:
    model = Weigher(logprobs=SURE, refuses=error)
    reply = Reply(model, Prompt("s", "u"), max_tokens=9, seconds=30.0, name="draft", weighed=True)
    assert (await reply.text()).endswith("people.employees")
    assert reply.tokens == []
    assert [sorted(asked) for asked in model.asked] == [
        ["logprobs", "max_tokens", "stop", "top_logprobs"],
        ["max_tokens", "stop"],
    ]
    again = Reply(model, Prompt("s", "u"), max_tokens=9, seconds=30.0, name="draft", weighed=True)
    await again.text()
    assert sorted(model.asked[-1]) == ["max_tokens", "stop"], "what was refused is not asked for again"
    assert len(model.asked) == 3


def test_the_less_the_model_was_sure_the_lower_the_score() -> None:
    attempt = Attempt(number=1, sql="SELECT count(*) FROM people.employees", verdict="pass", outcome=ROWS)
    scores = [
        score_of(signals_of([attempt], ROWS, surprisal=nats)) for nats in (0.0, WAVERING, 3 * WAVERING, 99.0)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[1] > scores[2] == scores[3]
    second = [
        score_of(signals_of([attempt], ROWS, agreement=(0, 1), surprisal=nats)) for nats in (0.0, WAVERING)
    ]
    assert second[0] > second[1]


async def test_a_wavering_model_is_a_reason_to_doubt(ports_of) -> None:
    told = {}
    for name, logprobs, without in (
        ("sure", SURE, set()),
        ("wavers", WAVERS, set()),
        ("not asked", WAVERS, {"surprisal"}),
    ):
        ports, _, database = ports_of([])
        database.outcomes = [ROWS]
        off = frozenset({"worded_answer", "second_draft", *without})
        ports = type(ports)(
            database, Weigher(logprobs=logprobs), clock=ports.clock, settings=Settings(without=off)
        )
        events = [
            one async for one in run_events(ports, run_id="r", question="How many employees?", history=[])
        ]
        told[name] = events[-1].answer.confidence
    assert told["sure"].score > told["wavers"].score
    assert "The model wavered over parts of the query." in told["wavers"].reasons
    assert "The model wavered over parts of the query." not in told["sure"].reasons
    assert "The model wavered over parts of the query." not in told["not asked"].reasons
