"""The command line's way to a backend: plain HTTP and SSE, as any program would."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import httpx2

from cli.errors import ApiProblem, ApiUnreachable, UsageError

DEFAULT_URL = "http://127.0.0.1:8765"
URL_VARIABLE = "CUSTARD_URL"
KEY_VARIABLE = "CUSTARD_API_KEY"
"""The key is read from the environment only: a flag would show it to every user of the machine."""

ANSWER_SECONDS = 600.0
"""A question may take minutes on a small machine; only connecting has to be quick."""
RESUME_SECONDS = 30.0
"""How long a stream of events that was cut is asked for again."""
RESUME_PAUSE_SECONDS = 0.3
LAST_EVENTS = frozenset({"answered", "refused", "clarified", "run_failed", "run_cancelled"})
"""After one of these nothing follows."""
UNENDED = ("queued", "running")
PASSING = frozenset({"store_unavailable", "shutting_down"})
"""Problems that time mends."""

Json = dict[str, Any]


class Backend:
    """A backend at an address.

    Args:
        url: its base address; None means ``CUSTARD_URL``, else this machine's port 8765.
        seconds: how long each answer is waited for.
    """

    def __init__(self, url: str | None = None, *, seconds: float = ANSWER_SECONDS) -> None:
        self.url = (url or os.environ.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")
        key = os.environ.get(KEY_VARIABLE)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = httpx2.Timeout(seconds, connect=5.0)
        try:
            self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)
        except httpx2.InvalidURL as error:
            raise UsageError(
                f"{self.url} is not an address.", "Give one like http://127.0.0.1:8765."
            ) from error

    def __enter__(self) -> "Backend":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: str | int | None) -> Json:
        """The JSON at a path. Raises ``ApiProblem`` or ``ApiUnreachable``, as all of these do."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._json("GET", path, params=given)

    def post(self, path: str, body: object | None = None, **headers: str) -> Json:
        return self._json("POST", path, json=body if body is not None else {}, headers=headers)

    def delete(self, path: str) -> Json:
        return self._json("DELETE", path)

    def events(self, run_id: str, after: int = 0) -> Iterator[Json]:
        """The run's events after position ``after``, to its end.

        A stream that is cut, or that ends before the run does, is resumed: a backend that was killed is back,
        or another has taken the run over, within seconds.
        """
        lost_at: float | None = None
        while True:
            before = after
            try:
                for position, event in self._stream(f"/api/v1/runs/{run_id}/events", after):
                    after, lost_at = position, None
                    yield event
                    if event["type"] in LAST_EVENTS:
                        return
                if after == before and self.get(f"/api/v1/runs/{run_id}")["status"] not in UNENDED:
                    return  # everything was known already
            except (httpx2.TransportError, ApiUnreachable, ApiProblem) as error:
                if isinstance(error, ApiProblem) and error.code not in PASSING:
                    raise
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > RESUME_SECONDS:
                    raise ApiUnreachable(
                        f"The backend at {self.url} went away.",
                        f"See the run later: custard runs show {run_id}",
                    ) from error
            time.sleep(RESUME_PAUSE_SECONDS)

    @contextmanager
    def stream(self, path: str, **parameters: str) -> Iterator[httpx2.Response]:
        """The answer at a path, read as it comes. Raises as ``get``, and ``TransportError`` in its middle."""
        try:
            opened = self._client.stream("GET", path, params=parameters)
            response = opened.__enter__()
        except httpx2.TransportError as error:
            raise ApiUnreachable(f"No backend answers at {self.url}.", "Start one, or name it.") from error
        try:
            if response.status_code >= 400:
                response.read()
                raise _problem(response)
            yield response
        finally:
            opened.__exit__(*sys.exc_info())

    def _stream(self, path: str, after: int) -> Iterator[tuple[int, Json]]:
        headers = {"accept": "text/event-stream", "last-event-id": str(after)}
        with self._client.stream("GET", path, headers=headers, timeout=httpx2.Timeout(30.0)) as response:
            if response.status_code >= 400:
                response.read()
                raise _problem(response)
            position, data = after, ""
            for line in response.iter_lines():
                if line.startswith("id:"):
                    position = int(line[3:].strip())
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield position, json.loads(data)
                    data = ""

    def _json(self, method: str, path: str, **arguments: Any) -> Json:
        try:
            response = self._client.request(method, path, **arguments)
        except httpx2.TransportError as error:
            raise ApiUnreachable(
                f"No backend answers at {self.url}.",
                "Start one with: custard demo (or custard up); or name another with --url or CUSTARD_URL.",
            ) from error
        if response.status_code >= 400:
            raise _problem(response)
        if not response.content:
            return {}
        return dict(response.json())


def _problem(response: httpx2.Response) -> ApiProblem:
    """The problem in a response (RFC 9457), or one made from its status when it holds none."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    status = f"The backend answered {response.status_code}."
    message = str(body.get("detail") or body.get("title") or status)
    return ApiProblem(str(body.get("code") or "http"), message, str(body.get("hint") or ""))


def find_connection(backend: Backend, wanted: str | None) -> Json:
    """The connection of this id or name; without one, the only connection there is.

    Raises:
        UsageError: there is none, several and none was named, or none of that name.
    """
    known: list[Json] = backend.get("/api/v1/connections")["connections"]
    if not known:
        raise UsageError("There is no connection yet.", "Create one: custard connect NAME")
    names = ", ".join(str(connection["name"]) for connection in known)
    if wanted is None:
        if len(known) > 1:
            raise UsageError("There are several connections.", f"Choose one with --connection: {names}")
        return known[0]
    for connection in known:
        if wanted in (connection["connection_id"], connection["name"]):
            return connection
    raise UsageError(f"There is no connection {wanted}.", f"Known: {names}")
