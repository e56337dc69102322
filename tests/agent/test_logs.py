"""Log lines are JSON, and hold no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from agent.logs import configure_logging
from agent.redact import redact


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    configure_logging("info", text)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_are_json(stream: io.StringIO) -> None:
    logging.getLogger("agent.test").info("attached", extra={"epoch": 3, "path": 'a "quoted" ü'})
    line = json.loads(stream.getvalue())
    assert (line["event"], line["epoch"], line["level"], line["path"]) == (
        "attached",
        3,
        "info",
        'a "quoted" ü',
    )


def test_an_exception_is_one_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("password=hush")
    except ValueError:
        logging.getLogger("agent.test").exception("failed")
    assert "hush" not in stream.getvalue()
    assert "ValueError" in json.loads(stream.getvalue())["exception"]


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:hush@host/db",
        "could not use postgres://u:hush@h:5432/d?sslmode=require now",
        "host=h password=hush dbname=d",
        "host=h password = 'hu sh hush' dbname=d",
        "postgresql://h/d?user=u&password=hush&x=1",
        "Authorization: Bearer hush",
        "token cst_agent_hush1234",
    ],
)
def test_secrets_are_taken_out(text: str) -> None:
    assert "hush" not in redact(text)
    assert "***" in redact(text)


def test_all_else_stays() -> None:
    text = "host=h dbname=d user=u: connection refused at 12:30"
    assert redact(text) == text
