"""The whole chain as processes: PostgreSQL, model, backend and agent, joined as `custard demo` joins them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.chain import Chain, ModelChoice
from cli.http import Backend


@dataclass
class Script:
    """What the scripted model says: for each question the replies in order, the last one for ever after."""

    replies: dict[str, list[str]] = field(default_factory=dict)
    piece_seconds: float = 0.0
    """Between two pieces of a streamed reply."""
    calls: list[str] = field(default_factory=list)
    """Every prompt it was sent, as one text."""

    def says(self, question: str, *replies: str) -> None:
        self.replies[question] = list(replies)

    def reply(self, messages: list[dict[str, Any]]) -> str:
        prompt = "\n".join(_text(message["content"]) for message in messages)
        self.calls.append(prompt)
        # A thread's earlier questions stand in the prompt as well: the one that is asked now stands last.
        asked = max(self.replies, key=prompt.rfind, default=None)
        if asked is None or asked not in prompt:
            return "I have nothing to say about this."
        replies = self.replies[asked]
        return replies.pop(0) if len(replies) > 1 else replies[0]


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content) if isinstance(content, list) else ""


@pytest.fixture(scope="session")
def script() -> Script:
    return Script()


@pytest.fixture(scope="session")
def scripted_model(script: Script) -> Iterator[str]:
    """An OpenAI-compatible server on loopback that says what ``script`` holds; gives its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            self._json({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            text = script.reply(body["messages"])
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            head = {"id": "c", "created": 0, "model": "scripted"}
            if not body.get("stream"):
                choice = {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text},
                }
                self._json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for start in range(0, len(text), 8):
                delta = {"role": "assistant", "content": text[start : start + 8]}
                self._piece({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
                time.sleep(script.piece_seconds)
            self._piece({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self._piece({**head, "choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def _piece(self, value: dict[str, Any]) -> None:
            value = {"object": "chat.completion.chunk", **value}
            self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
            self.wfile.flush()

        def _json(self, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.fixture(scope="session")
def chain(scripted_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain with the scripted model: everything else is the real thing."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CUSTARD_MODEL_BASE_URL", scripted_model)
        environment.setenv("CUSTARD_MODEL_NAME", "scripted")
        # A script says its lines in their order, and whether an answer is doubtful is not its subject.
        environment.setenv("CUSTARD_SECOND_DRAFT", "false")
        chain = Chain(port=None, model=ModelChoice(), folder=tmp_path_factory.mktemp("chain"))
        chain.__enter__()
    # The variables are the children's by now; later chains must not inherit them.
    yield chain
    chain.__exit__(None, None, None)


@pytest.fixture(scope="session")
def real_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain with the local model: nothing in it is a fake."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("CUSTARD_MODEL_BASE_URL", raising=False)
        environment.delenv("OPENAI_API_KEY", raising=False)
        chain = Chain(port=None, model=ModelChoice(), folder=tmp_path_factory.mktemp("real-chain"))
        chain.__enter__()
    yield chain
    chain.__exit__(None, None, None)


@pytest.fixture
def backend(chain: Chain) -> Iterator[Backend]:
    with Backend(chain.url) as client:
        yield client


@pytest.fixture(scope="session")
def demo_admin_dsn() -> Iterator[str]:
    """The demo database as its superuser: to see what the chain does to it from outside."""
    from embedded.demo import create_demo
    from embedded.postgres import demo_postgres

    with demo_postgres() as postgres:
        name = create_demo(postgres.dsn()).name
        yield postgres.dsn(name)


@pytest.fixture
def look(demo_admin_dsn: str) -> Callable[[str], Any]:
    """Runs a query as the superuser and gives its one value."""

    def value(sql: str) -> Any:
        with psycopg.connect(demo_admin_dsn, autocommit=True) as conn:
            row = conn.execute(sql).fetchone()  # type: ignore[arg-type]
            assert row is not None
            return row[0]

    return value


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots and transcripts are kept."""
    path = Path(__file__).resolve().parents[2] / "artifacts"
    path.mkdir(exist_ok=True)
    return path
