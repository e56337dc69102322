"""A cache of the model's replies below the HTTP client: the same request is asked once, ever.

It keys on the whole request body, so that another prompt, model, seed or temperature is another request.
What a reply took is kept with it and counted again when it is replayed, so that figures of time stay those of
a live model.
"""

import hashlib
import sqlite3
import threading
import time
from contextvars import ContextVar
from pathlib import Path

import httpx2

REPLAYED_SECONDS: ContextVar[list[float] | None] = ContextVar("replayed_seconds", default=None)
"""Where to note the seconds that replayed replies had taken; None notes nothing."""

TRIAL: ContextVar[int] = ContextVar("trial", default=1)
"""Which time a question is asked: from the second on, replies are kept apart from the first one's."""

_DROPPED = {"content-encoding", "content-length", "transfer-encoding", "set-cookie", "date"}


class ReplyCache:
    """Replies in a SQLite file; safe for several tasks and processes.

    Args:
        path: the file; made with its folder when missing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, request BLOB NOT NULL,"
            " type TEXT NOT NULL, body BLOB NOT NULL, seconds REAL NOT NULL, model TEXT NOT NULL) STRICT"
        )

    def get(self, key: str) -> tuple[str, bytes, float] | None:
        """Content type, body and seconds of a reply."""
        with self._lock:
            row = self._file.execute(
                "SELECT type, body, seconds FROM replies WHERE key = ?", (key,)
            ).fetchone()
        return (str(row[0]), bytes(row[1]), float(row[2])) if row else None

    def put(self, key: str, request: bytes, kind: str, body: bytes, seconds: float, model: str = "") -> None:
        """Keep a reply; one that is there already stays."""
        with self._lock:
            self._file.execute(
                "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?)",
                (key, request, kind, body, seconds, model),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


class CachingTransport(httpx2.AsyncBaseTransport):
    """Answers from the cache, else asks ``inner`` and keeps the reply when it is whole and good."""

    def __init__(self, cache: ReplyCache, inner: httpx2.AsyncBaseTransport, salt: str = "") -> None:
        self._cache = cache
        self._inner = inner
        self._salt = salt
        """What tells models apart that have one name, as the digest of a file of weights."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One exchange. The reply is read to its end before it is handed on."""
        body = await request.aread()
        trial = TRIAL.get()
        salt = self._salt if trial == 1 else f"{self._salt}\n{trial}"
        key = hashlib.sha256(
            b"\n".join((salt.encode(), request.method.encode(), request.url.path.encode(), body))
        ).hexdigest()
        known = self._cache.get(key)
        if known is not None:
            kind, content, seconds = known
            noted = REPLAYED_SECONDS.get()
            if noted is not None:
                noted.append(seconds)
            return httpx2.Response(200, headers={"content-type": kind}, content=content, request=request)
        started = time.perf_counter()
        response = await self._inner.handle_async_request(request)
        content = await response.aread()
        await response.aclose()
        seconds = time.perf_counter() - started
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _DROPPED]
        if response.status_code == 200 and _is_whole(content):
            kind = response.headers.get("content-type", "application/json")
            self._cache.put(key, body, kind, content, seconds)
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)

    async def aclose(self) -> None:
        """Close what is asked when the cache does not know."""
        await self._inner.aclose()


def _is_whole(content: bytes) -> bool:
    """Whether a stream of events came to its end; other bodies are whole when they are there."""
    return not content.startswith(b"data:") or b"data: [DONE]" in content[-64:]
