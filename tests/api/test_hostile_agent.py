"""An agent that is none of ours, or was taken over: what it sends costs the backend no more than it may."""

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api import session as session_module
from api.live_answer import _aligned
from api.live_export import Body, LiveExport
from api.results import Results
from api.statement import Statement
from wire.errors import MalformedFrame
from wire.frames import KIND_CSV, RowsFrame, encode_body
from wire.messages import Columns, Introspect, Packed
from wire.outcome import ResultColumn
from wire.packing import unpack

_COLUMNS = [ResultColumn(name="a", type="text")]


async def test_bodies_that_cost_no_credit_are_refused(tmp_path: Any) -> None:
    export = LiveExport(None, "SELECT 1", "run_1", "csv", seconds=1)  # type: ignore[arg-type]  # never asked
    export.take_columns(Columns(statement_id=export.statement_id, attempt=1, columns=_COLUMNS))
    await export.take_rows(RowsFrame(export.statement_id, 1, 0, 1, b"a\n", KIND_CSV))
    with pytest.raises(MalformedFrame):
        await export.take_rows(RowsFrame(export.statement_id, 1, 1, 0, b"", KIND_CSV))

    results = Results(tmp_path, 1_000)
    statement = Statement("SELECT 1", "run_1", results, seconds=1, max_rows=1_000, max_bytes=100_000)
    statement.begin(again=False)
    ref = (statement.statement_id, statement.attempt)
    statement.take_columns(Columns(statement_id=ref[0], attempt=ref[1], columns=_COLUMNS))
    # Beyond the preview nothing is parsed.
    await statement.take_rows(RowsFrame(*ref, 0, 300, encode_body([["x"]] * 300)))
    with pytest.raises(MalformedFrame):
        await statement.take_rows(RowsFrame(*ref, 1, 0, b""))
    await statement.drop()
    await results.close()


async def test_a_row_that_never_ends_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr("api.live_answer.WIDEST_ROW_BYTES", 10)
    taken = 0

    async def pieces() -> AsyncIterator[Body]:
        nonlocal taken
        yield b"1234567890", 1
        while taken < 1_000:
            taken += 1
            yield b"12345", 0

    whole = _aligned(pieces(), whole_rows=True)
    assert await anext(whole) == b"1234567890"
    with pytest.raises(MalformedFrame):
        await anext(whole)
    assert taken == 3


async def test_what_is_packed_for_nobody_is_not_unpacked(backend: Any, monkeypatch: Any) -> None:
    unpacked: list[str] = []

    def counting(packed: Packed) -> Any:
        unpacked.append(packed.request_id)
        return unpack(packed)

    monkeypatch.setattr(session_module, "unpack", counting)
    connection = await backend.connection()
    token = await backend.join(connection)
    agent = await backend.agent(connection, token)
    await agent.until(Introspect)
    data = base64.b64encode(zlib.compress(b"{}" * 1_000)).decode()
    for _ in range(20):
        await agent.send(Packed(request_id="nobody", encoding="zlib", data=data))
    agent._introspected = lambda message: Packed(request_id=message.request_id, encoding="zlib", data=data)
    answer = agent._answer

    async def twice(message: Any) -> None:
        await answer(message)
        if isinstance(message, Introspect):
            await answer(message)

    agent._answer = twice
    assert (await backend.http.post(f"/api/v1/{connection}/refresh-schema")).status_code == 502
    await asyncio.sleep(0)
    (_, asked) = [message for message in agent.heard if isinstance(message, Introspect)]
    assert unpacked == [asked.request_id]
    await agent.leave()


async def test_hello_upon_hello_is_one_look(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    await agent.until(Introspect)
    await backend.ask(connection)  # the first look is over
    answer = agent._answer

    async def silent(message: Any) -> None:
        if not isinstance(message, Introspect):
            await answer(message)

    agent._answer = silent
    session = backend.state.gateway.session(connection)
    for number in range(50):
        await agent.send(agent.hello(fingerprint=f"f{number}"))
    await agent.until(Introspect, 2)
    await backend.eventually(lambda: session.fingerprint == "f49")
    # One that is under way, and one that will see what the last hello said.
    assert len(backend.state.gateway.catalog._tasks) <= 2
    await agent.leave()
