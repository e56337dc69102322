"""Stop means stopped: in the database first, then in the record, once."""

import asyncio
from typing import Any

from wire.messages import Cancel, Execute


async def test_a_stop_reaches_the_database_and_is_recorded(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(hold=True))
    run_id = await backend.start(connection)
    execute = await agent.until(Execute)
    answer = await backend.http.post(f"/api/v1/runs/{run_id}/cancel")
    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    cancel = await agent.until(Cancel)
    assert (cancel.statement_id, cancel.attempt) == (execute.statement_id, execute.attempt)
    last = (await backend.events(run_id))[-1]
    assert last["event"] == "run_cancelled"
    assert last["data"]["database_ms"] >= 0
    assert not backend.state.gateway.wanted
    await agent.leave()


async def test_stopping_twice_and_after_the_end_changes_nothing(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(hold=True))
    run_id = await backend.start(connection)
    await agent.until(Execute)
    stop = f"/api/v1/runs/{run_id}/cancel"
    first, second = await asyncio.gather(backend.http.post(stop), backend.http.post(stop))
    third = await backend.http.post(stop)
    assert first.json() == second.json() == third.json()
    agent.result = result()
    finished = await backend.ask(connection)
    after = await backend.http.post(f"/api/v1/runs/{finished['run_id']}/cancel")
    assert (after.status_code, after.json()) == (200, finished)
    await agent.leave()


async def test_a_stop_works_at_once_and_before_the_statement(backend: Any, script: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    script.before = asyncio.Event().wait
    for pause in (0.0, 0.0, 0.01, 0.05):
        run_id = await backend.start(connection)
        await asyncio.sleep(pause)
        answer = await backend.http.post(f"/api/v1/runs/{run_id}/cancel")
        # 202 says that the end is still being written: a disk that other tests keep busy.
        if answer.status_code == 202:
            await backend.events(run_id)
        run = await backend.get(f"/api/v1/runs/{run_id}")
        assert run["status"] == "cancelled"
        assert run["events"][-1]["database_ms"] is None
    assert not [message for message in agent.heard if isinstance(message, Cancel)]
    await agent.leave()


async def test_an_agent_that_does_not_confirm_does_not_hold_the_run(
    backend: Any, result: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("api.session.CANCEL_SECONDS", 0.1)
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(hold=True), answers_cancel=False)
    run_id = await backend.start(connection)
    await agent.until(Execute)
    run = (await backend.http.post(f"/api/v1/runs/{run_id}/cancel")).json()
    assert run["status"] == "cancelled"
    assert run["events"][-1]["database_ms"] is None
    await agent.leave()


async def test_a_pipeline_that_will_not_stop_is_left_behind(
    backend: Any, script: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("api.driver._STOP_SECONDS", 0.1)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    script.before = stubborn
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run_id = await backend.start(connection)
    await asyncio.sleep(0.05)
    await backend.http.post(f"/api/v1/runs/{run_id}/cancel")
    events = await backend.events(run_id)
    assert events[-1]["event"] == "run_cancelled"
    release.set()
    await asyncio.sleep(0.05)
    assert await backend.events(run_id) == events
    await agent.leave()


async def test_deleting_a_connection_stops_its_runs(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(hold=True))
    run_id = await backend.start(connection)
    await agent.until(Execute)
    assert (await backend.http.delete(f"/api/v1/connections/{connection}")).status_code == 204
    await agent.until(Cancel)
    assert (await agent.until_closed())[0] == 4401
    assert (await backend.http.get(f"/api/v1/runs/{run_id}")).status_code == 404
    assert (await backend.http.get(f"/api/v1/connections/{connection}")).status_code == 404


async def test_a_run_that_takes_too_long_is_ended_with_its_statement(
    settings: Any, serve_with: Any, result: Any
) -> None:
    sent: list[Execute] = []
    for seconds in (0.2, 1.0, 5.0, 25.0):
        async with serve_with(settings.model_copy(update={"run_seconds": seconds})) as backend:
            connection = await backend.connection(f"Within {seconds} s")
            agent = await backend.agent(connection, result=result(hold=True))
            run = await backend.ask(connection)
            assert (run["status"], run["problem"]["code"]) == ("failed", "deadline")
            sent = [message for message in agent.heard if isinstance(message, Execute)]
            if sent:
                assert (await agent.until(Cancel)).statement_id == sent[0].statement_id
            await agent.leave()
        if sent:
            break  # else a busy machine had not come to the statement in that time
    assert sent


async def test_a_run_that_all_have_left_is_stopped(settings: Any, serve_with: Any, result: Any) -> None:
    async with serve_with(settings.model_copy(update={"abandon_seconds": 0.05})) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection, result=result(hold=True))
        run_id = await backend.start(connection)
        await agent.until(Execute)
        async with backend.listening(run_id):
            pass
        await agent.until(Cancel)
        last = (await backend.events(run_id))[-1]
        assert (last["event"], last["data"]["reason"]) == (
            "run_cancelled",
            "Nobody was listening any more.",
        )
        await agent.leave()


async def test_a_listener_that_comes_back_or_stays_keeps_the_run(
    settings: Any, serve_with: Any, result: Any
) -> None:
    async with serve_with(settings.model_copy(update={"abandon_seconds": 60.0})) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection, result=result(hold=True))
        run_id = await backend.start(connection)
        live = backend.state.runs._live[run_id]
        async with backend.listening(run_id):
            async with backend.listening(run_id):
                pass
            await backend.eventually(lambda: live.listeners == 1)
            assert live.abandonment is None
        await backend.eventually(lambda: live.abandonment is not None)
        async with backend.listening(run_id):
            assert live.abandonment is None
            assert not live.over
        await backend.http.post(f"/api/v1/runs/{run_id}/cancel")
        assert live.abandonment is None or live.abandonment.cancelled()
        await agent.leave()


async def test_a_detached_or_unheard_run_goes_on(settings: Any, serve_with: Any, result: Any) -> None:
    async with serve_with(settings.model_copy(update={"abandon_seconds": 0.0})) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection, result=result(hold=True))
        unheard = await backend.start(connection)
        answer = await backend.http.post(
            "/api/v1/query",
            json={"connection_id": connection, "question": "How many engineers?"},
            headers={"Prefer": "respond-async, detached"},
        )
        assert answer.headers["preference-applied"] == "respond-async, detached"
        detached = answer.json()["run_id"]
        async with backend.listening(detached):
            pass
        await asyncio.sleep(0.05)
        for run_id in (unheard, detached):
            assert (await backend.get(f"/api/v1/runs/{run_id}"))["status"] == "running"
            await backend.http.post(f"/api/v1/runs/{run_id}/cancel")
        await agent.leave()
