"""The backend with the graph itself instead of a script: the model's replies and the agent are made up."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from api.app import create_app
from graph.events import RUN_EVENT
from graph.fold import fold
from wire.messages import Cancel, Execute


@pytest.fixture
def app(settings: Any) -> Any:
    model = FakeListChatModel(responses=["SELECT count(*) FROM people.employees", "There are 42 employees."])
    return create_app(settings, model=model)


@pytest.fixture
async def agent(backend: Any, result: Any) -> AsyncIterator[Any]:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result())
    yield agent, connection
    await agent.leave()


async def test_a_question_is_answered(backend: Any, agent: Any) -> None:
    _, connection = agent
    run = await backend.ask(connection)
    assert (run["status"], run["answer"]["rows"]) == ("succeeded", [[42]])
    events = await backend.events(run["run_id"])
    folded = fold(RUN_EVENT.validate_python(event["data"]) for event in events)
    assert folded is not None
    assert folded.model_dump(mode="json") == run
    assert run["receipt"]["policy_digest"] == "policy-1"


async def test_a_stop_goes_through_the_graph_to_the_database(backend: Any, agent: Any, result: Any) -> None:
    fake, connection = agent
    fake.result = result(hold=True)
    for number in range(1, 4):
        run_id = await backend.start(connection)
        execute = await fake.until(Execute, number)
        run = (await backend.http.post(f"/api/v1/runs/{run_id}/cancel")).json()
        assert run["status"] == "cancelled"
        assert run["events"][-1]["database_ms"] is not None
        assert (await fake.until(Cancel, number)).statement_id == execute.statement_id


async def test_a_stop_while_the_schema_is_loaded(backend: Any, agent: Any) -> None:
    _, connection = agent
    run_id = await backend.start(connection)
    run = (await backend.http.post(f"/api/v1/runs/{run_id}/cancel")).json()
    assert run["status"] in ("cancelled", "succeeded")
    events = await backend.events(run_id)
    assert events[-1]["id"] == run["last_event_id"]
