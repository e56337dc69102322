"""Logs: one JSON object a line on stderr, with secrets taken out. Result data is never logged by anyone."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from agent.redact import redact

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """``{"at", "level", "logger", "event", ...}``; whatever ``extra=`` holds becomes a key of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(_redacted(line), ensure_ascii=False, default=str)


def _redacted(value: object) -> object:
    """Before it is JSON: escapes would hide from the patterns where a secret ends."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _redacted(item) for key, item in value.items()}
        case list() | tuple():
            return [_redacted(item) for item in value]
        case BaseException():
            return redact(str(value))
        case _:
            return value


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log of this process to ``stream`` (stderr when None) as JSON lines.

    ``level`` is one of ``debug``, ``info``, ``warning``, ``error``. Libraries speak only from ``warning`` on
    unless it is ``debug``: their connection chatter repeats what the agent says better.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("websockets", "psycopg", "psycopg.pool", "asyncio"):
        logging.getLogger(library).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
