"""docs/wire.md says what wire/ holds, no more and no less, and its example is one that wire/ can read."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any, get_args

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

import wire
from agent.verdicts import Fatal, judge
from wire import closing, errors, messages
from wire.base import Message
from wire.frames import HEADER_BYTES, decode_frame
from wire.policy import Limits


def members(union: Any) -> dict[str, type[Message]]:
    return {member.model_fields["type"].default: member for member in get_args(get_args(union)[0])}


FROM_AGENT, FROM_BACKEND = members(messages.FromAgent), members(messages.FromBackend)
MESSAGES = FROM_AGENT | FROM_BACKEND


@pytest.fixture(scope="module")
def docs(page: Callable[[str], Any]) -> Any:
    return page("docs/wire.md")


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_has_its_section_with_exactly_its_fields(name: str, docs: Any) -> None:
    fields = [field for field in MESSAGES[name].model_fields if field != "type"]
    own = [field for field in fields if field not in messages.StatementRef.model_fields]
    section = docs[name]
    told = section.names()[: len(own)] if name == "error" else section.names()
    assert told == own


def test_messages_stand_under_the_side_that_sends_them(docs: Any) -> None:
    order = list(docs.sections)
    agent, backend, both, end = (
        order.index(heading) for heading in ("From the agent", "From the backend", "From both", "Limits")
    )
    assert set(order[agent + 1 : backend]) == FROM_AGENT.keys() - {"error"}
    assert set(order[backend + 1 : both]) == FROM_BACKEND.keys() - {"error"}
    assert order[both + 1 : end] == ["error"]


def test_the_packages_own_table_names_every_message() -> None:
    table = wire.__doc__ or ""
    named = {line.split()[0] for line in table.splitlines() if line and line[0].isalpha() and "  " in line}
    assert named - {"message"} == MESSAGES.keys()


def test_every_error_code_is_explained(docs: Any) -> None:
    codes = {
        error.code
        for error in vars(errors).values()
        if inspect.isclass(error) and issubclass(error, errors.WireError)
    }
    assert set(docs["error"].names()) >= codes - {errors.WireError.code}


@pytest.mark.parametrize(
    ("heading", "model"), [("Of the socket", messages.WireLimits), ("Of the policy", Limits)]
)
def test_limits_and_their_defaults_are_the_codes(heading: str, model: Any, docs: Any) -> None:
    told = {row[0].strip("`"): row[1] for row in docs[heading].rows()}
    defaults = {name: field.default for name, field in model.model_fields.items()}
    assert told == {name: "none" if value is None else str(value) for name, value in defaults.items()}


def test_the_versions_are_the_codes(docs: Any) -> None:
    assert f"The protocol version is {messages.PROTOCOL_VERSION}" in docs["The version rule"].text
    assert f"`{messages.SUBPROTOCOL}`" in docs["Opening"].text
    assert docs["Frames"].rows()[-1][0] == str(HEADER_BYTES)


def test_the_example_can_be_read_and_its_result_is_whole(docs: Any) -> None:
    (talk,) = docs["An example"].fenced("text")
    said: list[Any] = []
    unknown = 0
    for line in talk.splitlines():
        sender, _, text = line.partition("→")
        text = text.strip()
        if text.startswith("binary "):
            said.append(decode_frame(bytes.fromhex(text.removeprefix("binary "))))
            continue
        parse: Callable[[str], Any] = (
            messages.parse_from_agent if sender.strip() == "agent" else messages.parse_from_backend
        )
        try:
            said.append(parse(text))
        except errors.UnknownMessage:
            unknown += 1
    assert unknown == 1
    frames = [part for part in said if not isinstance(part, Message)]
    (end,) = (part for part in said if isinstance(part, messages.End))
    assert end.rows == sum(frame.row_count for frame in frames) == sum(len(frame.rows()) for frame in frames)
    body = b"".join(frame.body for frame in frames)
    assert (end.bytes, end.hash) == (len(body), hashlib.sha256(body).hexdigest())
    assert {frame.statement_id for frame in frames} == {end.statement_id}
    (hello,) = (part for part in said if isinstance(part, messages.Hello))
    (snapshot,) = (part for part in said if isinstance(part, messages.Snapshot))
    assert hello.fingerprint == snapshot.snapshot.fingerprint


def test_close_codes_are_those_of_the_backend_and_the_agent(docs: Any) -> None:
    told = {int(row[0]): row[2] for row in docs["Closing"].rows()}
    ours = {code for name, code in vars(closing).items() if name.isupper() and code >= 4000}
    assert {code for code in told if code >= 4000} == ours
    for code, reaction in told.items():
        closed = ConnectionClosedError(Close(code, ""), None)
        stops = isinstance(judge(closed), Fatal)
        assert reaction.startswith("stops" if stops else "tries again"), code
