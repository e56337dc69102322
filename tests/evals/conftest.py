"""A small suite with its database, and a model that says what the tests write."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

import evals.run
from evals.databases import SuiteServer, suite_server
from evals.record import CaseResult

SCRIPT = """
CREATE SCHEMA audit;
CREATE TABLE public.pet (pet_id bigint, name text, species text, weight real, born date);
INSERT INTO public.pet VALUES
  (1, 'Rex', 'dog', 20.5, CURRENT_DATE - 400), (2, 'Tom', 'cat', 4.5, CURRENT_DATE - 800),
  (3, 'Kit', 'cat', 4.5, CURRENT_DATE - 30), (4, 'Ivy', 'snake', 1, NULL);
CREATE TABLE public.visit (visit_id bigint, pet_id bigint, cost numeric(8,2));
INSERT INTO public.visit VALUES (1, 1, 100), (2, 1, 50.10), (3, 2, 80);
COPY audit.entry (id, said) FROM stdin;
"""


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``--databases`` wants it."""
    root = tmp_path_factory.mktemp("databases")
    (root / "pets").mkdir()
    script = SCRIPT.replace("COPY", "CREATE TABLE audit.entry (id bigint, said text);\nCOPY")
    (root / "pets" / "pets.sql").write_text(script + "1\tone\\ttab\n2\t\\N\n\\.\n\\connect other\n")
    return root


@pytest.fixture(scope="session")
def server(databases: Path) -> Iterator[SuiteServer]:
    with suite_server(databases) as started:
        yield started


class Scripted(BaseChatModel):
    """Replies by the first key that the prompt contains."""

    replies: dict[str, str]
    asked: list[str]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def model_name(self) -> str:
        return "scripted"

    def _reply(self, messages: list[BaseMessage]) -> AIMessage:
        text = str(messages[-1].content)
        self.asked.append(text)
        said = next((reply for key, reply in self.replies.items() if key in text), "I do not know.")
        return AIMessage(said, usage_metadata={"input_tokens": 100, "output_tokens": 10, "total_tokens": 110})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._reply(messages))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        reply = self._reply(messages)
        yield ChatGenerationChunk(message=AIMessageChunk(reply.content, usage_metadata=reply.usage_metadata))


@pytest.fixture
def scripted() -> Callable[[dict[str, str]], Scripted]:
    """Makes a model of replies by what the prompt contains."""
    return lambda replies: Scripted(replies=replies, asked=[])


@pytest.fixture
def use_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Puts a model of the test's own at the far end."""

    def use(model: Any) -> None:
        @asynccontextmanager
        async def opened(choice: object, cache_file: object) -> AsyncIterator[Any]:
            yield model

        monkeypatch.setattr(evals.run, "open_model", opened)

    return use


@pytest.fixture
def write_cases(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of cases from dictionaries."""

    def write(*cases: dict[str, Any]) -> Path:
        path = tmp_path / "cases.jsonl"
        path.write_text("\n".join(json.dumps(case) for case in cases) + "\n\n")
        return path

    return write


@pytest.fixture
def make_result() -> Callable[..., CaseResult]:
    """Makes a case's result with sensible defaults."""

    def make(name: str, verdict: str = "correct", **fields: Any) -> CaseResult:
        right = verdict == "correct"
        given: dict[str, Any] = {
            "id": name,
            "db": "pets",
            "category": "count",
            "question": f"Question {name}?",
            "answerable": True,
            "status": "succeeded",
            "predicted": "SELECT 1",
            "verdict": verdict,
            "exact": right,
            "subset": right,
            "valid": verdict in {"correct", "wrong"},
            "seconds": 1.0,
        }
        return CaseResult.model_validate(given | fields)

    return make
