"""A model server that answers at once, for processes that want one at an address."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from embedded.ports import free_port
from evals.bench.questions import SENTENCE


@contextmanager
def scripted_model(sql: str, *, pause: float = 0.0) -> Iterator[str]:
    """Serve in a thread; yields the base address.

    Args:
        sql: the draft for every question.
        pause: seconds before the first piece of a reply.
    """
    port = free_port()

    async def complete(request: Request) -> Response:
        body = await request.json()
        await asyncio.sleep(pause)
        text = f"```sql\n{sql};\n```" if "schema>" in json.dumps(body["messages"][-1]) else SENTENCE
        if not body.get("stream"):
            return JSONResponse(_whole(text))
        return StreamingResponse(_pieces(text), media_type="text/event-stream")

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/models", models),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join(10)


def _whole(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {**_HEAD, "object": "chat.completion", "choices": [_choice("message", message, "stop")]}


async def _pieces(text: str) -> AsyncIterator[str]:
    for start in range(0, len(text), 16):
        piece = {"role": "assistant", "content": text[start : start + 16]}
        yield _line([_choice("delta", piece, None)])
    yield _line([_choice("delta", {}, "stop")])
    yield "data: [DONE]\n\n"


def _line(choices: list[dict[str, Any]]) -> str:
    return f"data: {json.dumps({**_HEAD, 'object': 'chat.completion.chunk', 'choices': choices})}\n\n"


def _choice(kind: str, value: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, kind: value, "finish_reason": finish}


_HEAD = {"id": "scripted", "created": 0, "model": "scripted"}
