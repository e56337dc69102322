"""Small parts on their own: identifiers, secrets, limits, questions, positions, suggestions, snapshots."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import QUESTION_CHARACTERS
from api.errors import BadCursor, BadQuestion, TooManyRequests
from api.ids import new_id
from api.limits import Bucket
from api.question import clean_question
from api.snapshots import compare, merged, strictest
from api.suggestions import plural, suggest, words
from api.tail import position
from api.tokens import digest, new_agent_token, new_join_code, normal_code, same
from wire.messages import Delta, Unchanged
from wire.policy import Share
from wire.snapshot import Column, Table


def test_identifiers_sort_by_time_and_do_not_repeat() -> None:
    made = [new_id("run") for _ in range(2000)]
    assert made == sorted(set(made))
    assert {len(identifier) for identifier in made} == {30}


def test_secrets_are_long_and_told_apart_only_by_their_hash() -> None:
    token, code = new_agent_token(), new_join_code()
    assert token.startswith("cst_agent_")
    assert len(token) >= 10 + 43
    assert [len(part) for part in code.split("-")] == [4, 4, 4, 4]
    assert normal_code(f" {code.lower()} ".replace("0", "o").replace("1", "l")) == code.replace("-", "")
    assert same(digest(token), digest(token))
    assert not same(digest(token), digest(token + "x"))


def test_a_bucket_empties_and_fills_again() -> None:
    time = [0.0]
    bucket = Bucket(2, per_minute=60, clock=lambda: time[0])
    bucket.take("a")
    bucket.take("a")
    with pytest.raises(TooManyRequests) as refused:
        bucket.take("a")
    assert refused.value.retry_after == 1
    bucket.take("b")
    time[0] = 1.0
    bucket.take("a")
    with pytest.raises(TooManyRequests):
        bucket.take("a")


@given(st.text(max_size=300))
def test_a_question_is_taken_whole_or_not_at_all(text: str) -> None:
    try:
        question = clean_question(text)
    except BadQuestion:
        return
    assert question == text.replace("\r\n", "\n").strip()
    assert 0 < len(question) <= QUESTION_CHARACTERS
    assert "\x00" not in question


def test_positions_are_numbers() -> None:
    assert [position(text) for text in (None, "", " 7 ", "0")] == [0, 0, 7, 0]
    for text in ("x", "-1", "1.5", "²", "9" * 13):
        with pytest.raises(BadCursor):
            position(text)


def test_suggestions_are_varied_and_readable(snapshot: Callable[..., Any]) -> None:
    questions = suggest(snapshot())
    assert questions == suggest(snapshot())
    assert "How many employees were hired in each month of 2025?" in questions
    # Two tables at once only where there is too little else to ask.
    assert not any("have the most" in question for question in questions)
    departments, employees, _ = snapshot().tables
    bare = employees.model_copy(update={"columns": [employees.columns[0], employees.columns[4]]})
    few = suggest(snapshot(tables=[departments, bare]))
    assert "Which five departments have the most employees?" in few
    assert all(question.endswith("?") and "_" not in question for question in questions)
    assert len({question.split()[0:3][-1] for question in questions}) >= 2
    assert suggest(snapshot(tables=[])) == []


def test_a_suggestion_has_one_meaning(snapshot: Callable[..., Any]) -> None:
    def a_table(name: str, *times: str) -> Table:
        columns = [Column(name="id", type="bigint"), *(Column(name=each, type="date") for each in times)]
        return Table(schema_name="a", name=name, columns=columns, row_estimate=1_000)

    def first(*tables: Table) -> str:
        return suggest(snapshot(tables=list(tables)))[0]

    assert first(a_table("events", "occurred_at")) == "How many events were there in each month of 2025?"
    assert first(a_table("customers", "signed_up_on", "left_on")) == (
        "How many customers signed up in each month of 2025?"
    )
    assert first(a_table("payments", "paid_on")) == "How many payments were there in each month of 2025?"
    # Which of two dates is meant, nobody can tell.
    assert first(a_table("campaigns", "starts_on", "ends_on")) == "How many campaigns are there?"
    assert suggest(snapshot(tables=[a_table("order_items", "updated_at")])) == []


def test_of_a_partitioned_table_only_the_whole_is_told(snapshot: Callable[..., Any]) -> None:
    column = Column(name="id", type="bigint")
    whole = Table(schema_name="web", name="events", kind="partitioned_table", columns=[column])
    part = Table(
        schema_name="web", name="events_2025", kind="partition", columns=[column], partition_of="web.events"
    )
    both = snapshot(tables=[whole, part])
    assert [table.name for table in both.listed] == ["events"]
    assert suggest(both) == ["How many events are there?"]
    assert compare(None, both).tables == 1
    # Where the owner lets only a partition be read, it is all there is.
    assert suggest(snapshot(tables=[part])) == ["How many events 2025 are there?"]


def test_masked_columns_are_not_suggested(snapshot: Callable[..., Any]) -> None:
    column = Column(name="total", type="numeric", masked=True)
    name = Column(name="name", type="text")
    table = Table(schema_name="a", name="orders", columns=[name, column])
    assert not any("total" in question for question in suggest(snapshot(tables=[table])))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("employee", "employees"),
        ("company", "companies"),
        ("days", "days"),
        ("tax", "taxes"),
        ("web_event", "web events"),
        ("survey", "surveys"),
        ("staff", "staff"),
        ("address", "addresses"),
        ("contact_person", "contact people"),
        ("dim_customer", "customers"),
    ],
)
def test_plurals(name: str, said: str) -> None:
    assert plural(name) == said


def test_words() -> None:
    assert [words(name) for name in ("hired_at", "unitPrice", "id", "plan_id")] == [
        "hired",
        "unit price",
        "id",
        "plan",
    ]


def test_a_delta_is_taken_only_when_it_leads_to_its_fingerprint(snapshot: Callable[..., Any]) -> None:
    known = snapshot()
    first, second, third = known.tables
    changed = second.model_copy(update={"comment": "Changed"})
    after = snapshot(tables=[changed, third])
    delta = Delta(
        request_id="1",
        base=known.fingerprint,
        tables=[changed],
        removed=[first.qualified_name],
        snapshot_head=after.model_copy(update={"tables": []}),
        fingerprint=after.fingerprint,
    )
    after_delta = merged(known, delta)
    assert after_delta is not None
    assert after_delta.fingerprint == after.fingerprint
    change = compare(known, after_delta)
    assert (change.changed, change.added, change.removed) == (
        ["people.employees"],
        [],
        ["people.departments"],
    )
    assert merged(known, delta.model_copy(update={"fingerprint": "other"})) is None
    assert merged(None, delta) is None
    assert merged(known, Unchanged(request_id="1", fingerprint=known.fingerprint)) is known
    assert merged(known, Unchanged(request_id="1", fingerprint="other")) is None


def test_estimates_are_no_change(snapshot: Callable[..., Any]) -> None:
    known = snapshot()
    grown = snapshot(tables=[table.model_copy(update={"row_estimate": 7}) for table in known.tables])
    assert compare(known, grown).changed == []


def test_of_several_agents_the_strictest_share_holds() -> None:
    shares = [Share(model="samples", trace="results"), Share(model="results", screen="schema")]
    assert strictest(shares) == Share(model="samples", screen="schema", trace="schema")
    assert strictest([]) == Share(model="schema", screen="schema", trace="schema")
