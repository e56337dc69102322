"""The control messages: closed unions, tolerant of a newer peer's fields, and documented."""

import json
import typing

import pytest

import wire
from wire.errors import MalformedFrame, UnknownMessage
from wire.messages import (
    Execute,
    FromAgent,
    FromBackend,
    parse_from_agent,
    parse_from_backend,
)

ID = "0123456789abcdef0123456789abcdef"


def _members(union: object) -> tuple[type, ...]:
    return typing.get_args(typing.get_args(union)[0])


def test_a_message_survives_the_wire() -> None:
    sent = Execute(statement_id=ID, attempt=2, sql="SELECT 'Zoë'", credit_bytes=10)
    assert parse_from_backend(sent.model_dump_json()) == sent


def test_a_newer_peers_field_is_passed_over() -> None:
    text = json.dumps({"type": "cancel", "statement_id": ID, "attempt": 1, "colour": "blue"})
    assert parse_from_backend(text).type == "cancel"


@pytest.mark.parametrize("text", ['{"type":"dance"}', "{}", '{"type":null}'])
def test_an_unknown_message_is_named_as_such(text: str) -> None:
    with pytest.raises(UnknownMessage):
        parse_from_agent(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"type":"execute"}',
        '{"type":"execute","statement_id":"../../etc","attempt":1,"sql":"SELECT 1"}',
        json.dumps({"type": "credit", "statement_id": ID, "attempt": 1, "bytes": -1}),
        json.dumps({"type": "cancel", "statement_id": ID, "attempt": 0}),
    ],
)
def test_a_malformed_message_says_where(text: str) -> None:
    with pytest.raises((MalformedFrame, UnknownMessage)) as caught:
        parse_from_backend(text)
    assert str(caught.value)


def test_a_malformed_message_does_not_echo_its_values() -> None:
    with pytest.raises(MalformedFrame) as caught:
        parse_from_backend('{"type":"execute","statement_id":"secret-value","attempt":1,"sql":"x"}')
    assert "secret-value" not in str(caught.value)


def test_every_message_stands_in_the_packages_table() -> None:
    table = wire.__doc__ or ""
    for message in {*_members(FromAgent), *_members(FromBackend)}:
        name = message.model_fields["type"].default  # type: ignore[attr-defined]
        assert f"\n{name} " in table, f"{name} is missing from the table in wire/__init__.py"
