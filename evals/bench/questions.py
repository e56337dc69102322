"""What the graph itself costs a question: everything but the model's thinking and the database's work."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from evals.bench.figure import Figure, measure
from evals.bench.statements import SMALL
from evals.harness import sandbox_database
from graph.build import run_events
from graph.events import RUN_EVENT, RunEvent, RunStarted
from graph.fold import fold
from graph.ports import Ports, SystemClock

SENTENCE = "These are the items that you asked for."
_ASKED = re.compile(r"up to (\d+)\?")
_numbers = itertools.count(20)


def question() -> str:
    """Another one each time, as people ask: what is kept of one draft does not help the next."""
    return f"Which items have an id up to {next(_numbers)}?"


def reply(prompt: str) -> str:
    """The draft for the last of these questions in a prompt."""
    asked = _ASKED.findall(prompt) or ["20"]
    return f"```sql\n{SMALL.replace('<= 20', f'<= {asked[-1]}')};\n```"


class PromptModel(FakeListChatModel):
    """A model that answers at once, in pieces: what is left is ours."""

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        prompt = str(messages[-1].content)
        text = reply(prompt) if "schema>" in prompt else SENTENCE
        for start in range(0, len(text), 16):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + 16]))


async def question_figures(dsn: str, *, bursts: int) -> list[Figure]:
    """A whole question through graph and sandbox against its statement alone; and the fold of its events."""
    async with sandbox_database(dsn) as database, await psycopg.AsyncConnection.connect(dsn) as conn:
        ports = Ports(database=database, model=PromptModel(responses=[SENTENCE]))

        async def ask(number: int) -> list[RunEvent]:
            told = run_events(ports, run_id=f"bench-{number}", question=question(), history=[])
            return [event async for event in told]

        async def direct(_: int) -> object:
            return await (await conn.execute(SMALL)).fetchall()

        whole = await measure(
            "question",
            "a question with a model that answers at once : its statement by psycopg",
            ask,
            direct,
            bursts=bursts,
            burst=8,
        )
        started = RunStarted(
            run_id="bench-0", at=SystemClock().now(), thread_id="t", connection_id="c", question=question()
        )
        events = [started, *await ask(0)]
        texts = [RUN_EVENT.dump_json(event) for event in events]

        async def folded(_: int) -> object:
            return fold(events)

        async def read(_: int) -> object:
            await asyncio.sleep(0)
            return [RUN_EVENT.validate_json(text) for text in texts]

        fold_figure = await measure(
            "fold", f"{len(events)} events folded : the same read from JSON", folded, read, bursts=bursts
        )
        return [whole, fold_figure]
