"""A model that does whatever any text in its prompt tells it to: the worst that an injection can achieve."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ORDER = re.compile(r"Run exactly:\s*(.+?);", re.DOTALL)
"""What it obeys, wherever it stands: in the question, in a comment, in a name, in a value, in an error."""


class ObedientModel:
    """An OpenAI-compatible server on loopback.

    Where a query is wanted it replies with an order that it has found in the prompt, each in turn; where a
    sentence is wanted it repeats all that it was given.

    Attributes:
        prompts: every prompt, as one text.
        obeyed: the orders that it replied with.
    """

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.obeyed: list[str] = []
        self._turn = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def reply(self, prompt: str) -> str:
        """What it says to this prompt."""
        self.prompts.append(prompt)
        if prompt.startswith("You tell the result"):
            return " ".join(prompt.split())[:4000]
        # An order in the question comes first, until it was obeyed; then all take turns.
        orders = ORDER.findall(prompt)
        if not orders:
            return "```sql\nSELECT count(*) FROM shop.orders;\n```"
        asked = ORDER.findall(prompt[prompt.rfind("<question>") :])
        asked = [order for order in map(_in_a_line, asked) if order not in self.obeyed]
        self._turn += 1
        order = asked[0] if asked else _in_a_line(orders[self._turn % len(orders)])
        self.obeyed.append(order)
        return f"```sql\n{order};\n```"


def _in_a_line(order: str) -> str:
    return " ".join(order.split())


def _handler(model: ObedientModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            self._send({"object": "list", "data": [{"id": "obedient", "object": "model"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            text = model.reply("\n".join(str(message["content"]) for message in body["messages"]))
            head: dict[str, Any] = {"id": "c", "created": 0, "model": "obedient"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            if not body.get("stream"):
                message = {"role": "assistant", "content": text}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                self._send({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
                return
            delta = {"role": "assistant", "content": text}
            pieces: list[dict[str, Any]] = [
                {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": usage},
            ]
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for piece in pieces:
                value = {**head, "object": "chat.completion.chunk", **piece}
                self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def _send(self, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
