"""The command line's way to a backend: plain HTTP and SSE, as any program would."""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import httpx2

from cli.errors import ApiProblem, ApiUnreachable, NotABackend, UsageError

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
T = TypeVar("T")
_UNREADABLE = (ValueError, TypeError, KeyError, RecursionError, httpx2.DecodingError)
"""What is met in an answer that no backend of ours gave."""


class _Told(Json):
    """An object of an answer. A field that is not there was told by something else than a backend."""

    def __init__(self, told: Json, url: str) -> None:
        super().__init__(told)
        self._url = url

    def __missing__(self, name: str) -> Any:
        raise _something_else(self._url)


class Backend:
    """A backend at an address.

    Args:
        url: its base address; None means ``CUSTARD_URL``, else this machine's port 8765.
        seconds: how long each answer is waited for.
    """

    def __init__(self, url: str | None = None, *, seconds: float = ANSWER_SECONDS) -> None:
        self.url = (url or os.environ.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")
        key = (os.environ.get(KEY_VARIABLE) or "").strip()
        if not re.fullmatch(r"[!-~]*", key):
            raise UsageError(
                f"{KEY_VARIABLE} holds what no key has: a space, or a letter beyond ASCII.",
                "Set it to the key alone.",
            )
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = httpx2.Timeout(seconds, connect=5.0)
        try:
            self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise UsageError(
                f"{self.url!r} is not an address.", "Give one like http://127.0.0.1:8765."
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
                for position, event in self._stream(run_path(run_id, "/events"), after):
                    after, lost_at = position, None
                    yield event
                    if event["type"] in LAST_EVENTS:
                        return
                if after == before and self.get(run_path(run_id))["status"] not in UNENDED:
                    return  # everything was known already
            except NotABackend:
                raise
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
            self._check(response)
            if "content-disposition" not in response.headers:
                raise _something_else(self.url)  # a file of ours has a name
            yield response
        finally:
            opened.__exit__(*sys.exc_info())

    def _stream(self, path: str, after: int) -> Iterator[tuple[int, Json]]:
        headers = {"accept": "text/event-stream", "last-event-id": str(after)}
        with self._client.stream("GET", path, headers=headers, timeout=httpx2.Timeout(30.0)) as response:
            self._check(response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise _something_else(self.url)
            position, data = after, ""
            for line in response.iter_lines():
                if line.startswith("id:"):
                    position = self._read(partial(int, line[3:].strip()))
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield position, self._object(data)
                    data = ""

    def _json(self, method: str, path: str, **arguments: Any) -> Json:
        try:
            response = self._client.request(method, path, **arguments)
        except httpx2.TransportError as error:
            raise ApiUnreachable(
                f"No backend answers at {self.url}.",
                "Start one with: custard demo (or custard up); or name another with --url or CUSTARD_URL.",
            ) from error
        except UnicodeError as error:
            raise UsageError("What was given is no text: it holds bytes that are not UTF-8.") from error
        except httpx2.DecodingError as error:
            raise _something_else(self.url) from error
        self._check(response)
        if not response.content:
            return _Told({}, self.url)
        return self._object(response.content)

    def _object(self, text: str | bytes) -> Json:
        """The JSON object that the backend wrote. Raises ``NotABackend`` when it did not."""
        return self._read(lambda: _Told(dict(json.loads(text)), self.url))

    def _read(self, how: Callable[[], T]) -> T:
        try:
            return how()
        except _UNREADABLE as error:
            raise _something_else(self.url) from error

    def _check(self, response: httpx2.Response) -> None:
        """See that it is an answer, and no problem."""
        if response.status_code >= 400:
            try:
                response.read()
            except httpx2.DecodingError as error:
                raise _something_else(self.url) from error
            raise _problem(response)
        if response.status_code >= 300:
            place = response.headers.get("location", "elsewhere")
            raise NotABackend(
                f"{self.url} leads to {place[:200]!r}.", "Name the backend itself with --url or CUSTARD_URL."
            )


def run_path(run_id: str, part: str = "") -> str:
    """The address of a run, or of a part of it.

    Raises:
        UsageError: no run is called so.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", run_id):
        raise UsageError(f"{run_id!r} is no run's id.", "List those there are: custard runs ls")
    return f"/api/v1/runs/{run_id}{part}"


def _something_else(url: str) -> NotABackend:
    return NotABackend(
        f"Something else than Custard's backend answers at {url}.",
        "Name the backend with --url or CUSTARD_URL.",
    )


def _problem(response: httpx2.Response) -> ApiProblem:
    """The problem in a response (RFC 9457), or one made from its status when it holds none."""
    try:
        body = response.json()
    except _UNREADABLE:
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
