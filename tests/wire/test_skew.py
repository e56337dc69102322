"""Version skew: what the release before said, as it was recorded, and what the next one may say."""

import json
from pathlib import Path

import pytest

from wire.errors import UnknownMessage
from wire.messages import Drain, Execute, Hello, Welcome, digest_of, parse_from_agent, parse_from_backend

RECORDED = Path(__file__).parent / "recorded" / "0.1.0.jsonl"
"""The example conversation of docs/wire.md, each frame as the code of that release wrote it."""
FRAMES = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
_PARSE = {"agent": parse_from_agent, "backend": parse_from_backend}


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: json.loads(frame["text"])["type"])
def test_what_the_release_before_said_is_understood(frame: dict[str, str]) -> None:
    said = json.loads(frame["text"])
    message = _PARSE[frame["from"]](frame["text"])
    # Every field is taken as it was meant, and what is new has a default.
    assert {name: json.loads(message.model_dump_json())[name] for name in said} == said


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: json.loads(frame["text"])["type"])
def test_fields_of_the_next_release_are_passed_over(frame: dict[str, str]) -> None:
    said = json.loads(frame["text"]) | {"from_the_future": {"deep": [1, 2]}}
    message = _PARSE[frame["from"]](json.dumps(said))
    assert "from_the_future" not in message.model_dump()


@pytest.mark.parametrize("speaker", ["agent", "backend"])
def test_a_message_of_the_next_release_is_named_and_breaks_nothing(speaker: str) -> None:
    with pytest.raises(UnknownMessage):
        _PARSE[speaker]('{"type": "from_the_future", "request_id": "1"}')


def test_an_agent_that_knows_nothing_of_replicas_has_one_socket() -> None:
    """What it leaves out of its hello, and what it passes over in a welcome."""
    hello = next(json.loads(frame["text"]) for frame in FRAMES if '"hello"' in frame["text"])
    assert "attached" not in hello
    read = parse_from_agent(json.dumps(hello))
    assert isinstance(read, Hello)
    assert read.attached == []
    old = next(json.loads(frame["text"]) for frame in FRAMES if '"welcome"' in frame["text"])
    welcome = parse_from_backend(json.dumps(old))
    assert isinstance(welcome, Welcome)
    assert (welcome.replica, welcome.replicas) == ("", 1)
    assert parse_from_backend('{"type": "drain"}') == Drain(grace_seconds=30.0)


def test_a_statement_of_the_release_before_has_no_digest_and_is_not_compared() -> None:
    frame = next(json.loads(frame["text"]) for frame in FRAMES if '"execute"' in frame["text"])
    assert "sql_digest" not in frame
    read = parse_from_backend(json.dumps(frame))
    assert isinstance(read, Execute)
    assert read.intact
    whole = parse_from_backend(json.dumps(frame | {"sql_digest": digest_of(frame["sql"])}))
    assert isinstance(whole, Execute)
    assert whole.intact
    other = parse_from_backend(json.dumps(frame | {"sql_digest": digest_of(frame["sql"] + " ")}))
    assert isinstance(other, Execute)
    assert not other.intact
