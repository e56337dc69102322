"""A language model's server that says what it is told to, and can fail in every way that a real one does."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 24


@dataclass
class Manner:
    """How the server answers. The default answers at once and whole."""

    status: int = 200
    """Anything else is answered with an error of that status, in OpenAI's form."""
    first_after: float = 0.0
    """Seconds until the first token."""
    pause: float = 0.0
    """Seconds between two pieces."""
    stall_after: int | None = None
    """After so many pieces nothing more comes, and the socket stays open."""
    break_after: int | None = None
    """After so many pieces the socket is closed."""
    garbage: bool = False
    """What is streamed is no JSON."""
    rude: bool = False
    """The connection is closed before anything is answered."""


@dataclass
class Answers:
    """What it says. ``sql`` maps a question's text to a query; the first that knows the question counts."""

    rules: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = field(default_factory=list)
    asked: int = 0

    def says(self, pattern: str, reply: str | Callable[[re.Match[str]], str]) -> None:
        """Reply so to questions that match; a later rule goes before an earlier one."""
        give = reply if callable(reply) else lambda _: reply
        self.rules.insert(0, (re.compile(pattern), give))

    def to(self, prompt: str) -> str:
        """The reply to a prompt: to the question that stands last in it, behind the thread's earlier ones."""
        self.asked += 1
        best, text = -1, "I have nothing to say about this."
        for pattern, give in self.rules:
            for match in pattern.finditer(prompt):
                if match.start() > best:
                    best, text = match.start(), give(match)
        return text


class ModelServer:
    """OpenAI-compatible, on loopback, in threads of its own."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.manner = Manner()
        self._ending = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._server.server_port

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the server's end."""
        self._ending.wait(seconds)

    def close(self) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up has his reasons."""


def _handler(owner: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            self._json(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            manner = owner.manner
            prompt = "\n".join(_text(message["content"]) for message in body["messages"])
            text = owner.answers.to(prompt)
            if manner.rude:
                self.close_connection = True
                return
            if manner.status != 200:
                error = {"message": f"status {manner.status}", "type": "server_error", "code": None}
                self._json(manner.status, {"error": error})
                return
            owner.wait(manner.first_after)
            if body.get("stream"):
                self._stream(text, manner)
            else:
                self._whole(text)

        def _whole(self, text: str) -> None:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self._json(200, {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE})

        def _stream(self, text: str, manner: Manner) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            for number, start in enumerate(range(0, max(len(text), 1), _PIECE)):
                if manner.stall_after == number:
                    owner.wait(120)
                    return
                if manner.break_after == number:
                    return
                delta = {"role": "assistant", "content": text[start : start + _PIECE]}
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                self._piece("{not json" if manner.garbage else {**_CHUNK, "choices": [choice]})
                time.sleep(manner.pause)
            ending = {"index": 0, "delta": {}, "finish_reason": "stop"}
            self._piece({**_CHUNK, "choices": [ending]})
            self._piece({**_CHUNK, "choices": [], "usage": _USAGE})
            self.wfile.write(b"data: [DONE]\n\n")

        def _piece(self, value: object) -> None:
            text = value if isinstance(value, str) else json.dumps(value)
            self.wfile.write(f"data: {text}\n\n".encode())
            self.wfile.flush()

        def _json(self, status: int, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


_HEAD = {"id": "c", "created": 0, "model": "scripted"}
_CHUNK = {**_HEAD, "object": "chat.completion.chunk"}
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content) if isinstance(content, list) else ""
