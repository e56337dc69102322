"""The index of values over a real server and the real gate: what gets in, and what is told of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from agent.values import gathering
from agent.values.keeper import ValueKeeper
from tests.patience import HANG_SECONDS
from wire.messages import Lookup, Values
from wire.values import Compared

Indexed = Callable[..., Awaitable[ValueKeeper]]
CANARY = "canary"
EVERYTHING = (
    "Canary Seven hidden row, Canary Seven mail 3, 'Canary Seven vault', “Canary Seven phone 4”, Nowhere"
)
LITERALS = [
    Compared(table=f"public.{table}", column=column, text=text)
    for table, column in (
        ("staff", "name"),
        ("staff", "email"),
        ("staff", "phone"),
        ("staff", "city"),
        ("vault", "word"),
        ("contacts", "email"),
        ("contacts", "phone"),
        ("contacts", "name"),
    )
    for text in ("canary seven", "CANARY SEVEN VAULT", "Canary Seven mail 1", "canary seven hidden row")
]


async def ask(keeper: ValueKeeper, text: str = "", *compared: Compared, most: int = 24) -> Values:
    return await keeper.lookup(Lookup(request_id="r", text=text, compared=list(compared), most=most))


def places(values: Values) -> set[tuple[str, str, str]]:
    return {(one.table.removeprefix("public."), one.column, one.value) for one in values.found}


async def test_texts_of_every_kind_are_found_and_other_types_are_not(indexed: Indexed) -> None:
    keeper = await indexed()
    said = await ask(
        keeper,
        "person 7 called nick8 with tag 2 in new york, happy, code ab, kind 3 of South, o'hara co, x, 1990",
    )
    assert said.ready
    assert places(said) >= {
        ("staff", "name", "Person 7"),
        ("staff", "nick", "Nick8"),
        ("staff", "tag", "Tag 2"),
        ("staff", "city", "New York"),
        ("staff", "mood", "happy"),
        ("huge", "kind", "Kind 3"),
        ("parts", "region", "South"),
        ('Odd "Names', 'a "b', "O'Hara \\ co"),
    }
    columns = {place.column for place in keeper._index.columns}
    assert columns.isdisjoint({"born", "ref", "tags", "extra", "id", "body"} - {"body"})
    assert not any(place.table == "public.parts_n" for place in keeper._index.columns)


async def test_what_the_policy_hides_is_never_in_the_index_and_never_told(indexed: Indexed) -> None:
    keeper = await indexed()
    held = [value for column in keeper._index.columns.values() for value in column.values]
    assert not [value for value in held if CANARY in value.lower()]
    places = {(place.table, place.column) for place in keeper._index.columns}
    assert places.isdisjoint(
        {
            ("public.staff", "email"),
            ("public.staff", "phone"),
            ("public.vault", "word"),
            ("public.contacts", "email"),
            ("public.contacts", "phone"),
        }
    )
    assert ("public.contacts", "name") in places
    said = await ask(keeper, EVERYTHING, *LITERALS)
    assert CANARY not in said.model_dump_json(include={"found"}).lower()
    for one in said.compared:
        assert (one.held, one.cased, one.near, one.others) == (None, [], [], [])


async def test_without_that_policy_the_same_is_found(indexed: Indexed) -> None:
    """Else the test before could not fail."""
    said = await ask(await indexed('default = "allow"'), EVERYTHING)
    assert {"Canary Seven vault", "Canary Seven hidden row"} <= {one.value for one in said.found}


@pytest.mark.parametrize(
    "tighten",
    [
        'default = "allow"\n[tables."public.staff"]\nallow = false',
        'default = "allow"\n[tables."public.staff"]\ndeny_columns = ["city"]',
        'default = "allow"\n[tables."public.staff"]\nrow_filter = "city <> \'New York\'"',
        'default = "allow"\n[tables."public.staff".masks]\ncity = { kind = "constant", value = "x" }',
        'default = "allow"\n[share]\nmodel = "schema"',
        'default = "allow"\n[share]\nscreen = "schema"',
    ],
)
async def test_what_the_backend_tightens_is_held_to(indexed: Indexed, tighten: str) -> None:
    asked = Compared(table="public.staff", column="city", text="new york")
    before = await ask(await indexed(), "people in New York", asked)
    assert ("staff", "city", "New York") in places(before)
    assert before.compared[0].cased == ["New York"]
    after = await ask(await indexed(tighten=tighten), "people in New York", asked)
    assert "New York" not in after.model_dump_json()


async def test_samples_share_common_values_only(indexed: Indexed) -> None:
    said = await ask(
        await indexed('default = "allow"\n[share]\nmodel = "samples"\nscreen = "samples"'),
        "person 7 of New York",
    )
    assert ("staff", "city", "New York") in places(said)
    assert "Person 7" not in said.model_dump_json()


async def test_nothing_is_read_where_nothing_may_be_told(indexed: Indexed) -> None:
    keeper = await indexed('default = "allow"\n[share]\nmodel = "schema"')
    assert keeper._index.columns == {}


async def test_a_huge_table_is_sampled_and_not_asked_about_literals(indexed: Indexed) -> None:
    keeper = await indexed()
    kinds, notes = (
        keeper._index.columns[next(p for p in keeper._index.columns if (p.table, p.column) == place)]
        for place in (("public.huge", "kind"), ("public.huge", "note"))
    )
    assert set(kinds.values) == {f"Kind {number}" for number in range(7)}
    assert not kinds.whole
    assert not kinds.small
    assert len(notes.values) <= gathering.MAX_VALUES_A_COLUMN
    said = await ask(
        keeper,
        "",
        Compared(table="public.huge", column="kind", text="KIND 3"),
        Compared(table="public.huge", column="kind", text="Kindd 3"),
        Compared(table="public.huge", column="kind", text="Kind 3"),
    )
    cased, near, held = said.compared
    assert (cased.held, cased.cased) == (None, ["Kind 3"])
    assert (near.held, near.near) == (None, [])
    assert held.held


async def test_prose_is_left_out(indexed: Indexed) -> None:
    keeper = await indexed()
    bodies = {place.column: column.values for place, column in keeper._index.columns.items()}
    assert bodies["body"] == ()


async def test_a_literal_that_came_into_the_table_since_is_held(indexed: Indexed, place: Any) -> None:
    keeper = await indexed()
    near = Compared(table="public.staff", column="city", text="New Yorck")
    before = (await ask(keeper, "", near)).compared[0]
    assert (before.held, before.near) == (False, ["New York"])
    with psycopg.connect(place.server.dsn("indexed"), autocommit=True) as conn:
        conn.execute("INSERT INTO staff (id, city) VALUES (999, 'New Yorck')")
        try:
            after = (await ask(keeper, "", near)).compared[0]
        finally:
            conn.execute("DELETE FROM staff WHERE id = 999")
    assert (after.held, after.near) == (True, [])


async def test_a_value_behind_a_filter_is_not_held(indexed: Indexed) -> None:
    """Whether a hidden row holds a text must not be told either: for the asker it does not exist."""
    keeper = await indexed()
    near = Compared(table="public.staff", column="name", text="Person 77 ")
    said = (await ask(keeper, "", near)).compared[0]
    assert said.held is False
    hidden = Compared(table="public.staff", column="name", text="Canary Seven hidden row")
    absent = Compared(table="public.staff", column="name", text="Canary Seven hidden cow")
    one, other = (await ask(keeper, "", hidden, absent)).compared
    assert one.model_copy(update={"text": ""}) == other.model_copy(update={"text": ""})


async def test_quotes_and_backslashes_in_a_literal_stay_in_it(indexed: Indexed) -> None:
    keeper = await indexed()
    odd = [
        Compared(table="public.staff", column="city", text=text)
        for text in ("New Yor'k", "New Yor\\k", "New York' OR '1'='1", "New Yor\x00k", "New Yor%k")
    ]
    said = await ask(keeper, "", *odd)
    assert [one.held for one in said.compared] == [False, False, None, None, False]


async def test_it_answers_with_what_it_has_while_it_is_built(indexed: Indexed) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold(took: float) -> None:
        if any(place.column == "city" for place in keeper._index.columns):
            reached.set()
            await go_on.wait()

    keeper = await indexed(build=False, pause=hold)
    assert await ask(keeper, "New York") == Values(request_id="r", ready=False)
    building = asyncio.create_task(keeper.build())
    await asyncio.wait_for(reached.wait(), HANG_SECONDS)
    said = await ask(keeper, "New York")
    assert not said.ready
    assert ("staff", "city", "New York") in places(said)
    go_on.set()
    assert await building
    assert (await ask(keeper, "New York")).ready


async def test_another_policy_empties_it_at_once_and_ends_what_is_read(indexed: Indexed) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold(took: float) -> None:
        reached.set()
        await go_on.wait()

    keeper = await indexed(build=False, pause=hold)
    terms = keeper._terms
    assert terms is not None
    building = asyncio.create_task(keeper.build())
    await asyncio.wait_for(reached.wait(), HANG_SECONDS)
    keeper.adopt(terms.policy, terms.gate, terms.search_path)
    assert await ask(keeper, "New York") == Values(request_id="r", ready=False)
    go_on.set()
    assert await building
    assert keeper._index.columns == {}


async def test_a_column_that_is_shown_no_more_is_forgotten_at_once(indexed: Indexed) -> None:
    keeper = await indexed()
    snapshot = keeper._snapshot
    assert snapshot is not None
    tables = [
        table.model_copy(update={"columns": [one for one in table.columns if one.name != "city"]})
        for table in snapshot.tables
    ]
    keeper.heed(snapshot.model_copy(update={"tables": tables}))
    said = await ask(keeper, "New York", Compared(table="public.staff", column="city", text="new york"))
    assert "New York" not in said.model_dump_json()


async def test_bounds_hold(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_VALUES", 40)
    assert (await indexed())._index.count <= 40 + 2  # and the labels of an enum, which cost no reading
    monkeypatch.setattr(gathering, "BUILD_SECONDS", 0.0)
    assert len((await indexed())._index.columns) <= 2


async def test_what_would_cost_too_much_is_not_read(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAX_COST", 0.5)
    assert {place.column for place in (await indexed())._index.columns} == {"mood"}


async def test_lookups_beyond_the_few_at_once_get_nothing(indexed: Indexed) -> None:
    keeper = await indexed()
    said = await asyncio.gather(*(ask(keeper, "New York") for _ in range(50)))
    assert any(one.found for one in said)
    assert any(not one.found for one in said)


async def test_many_literals_are_looked_up_within_a_bound(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = await indexed()
    asked = [Compared(table="public.staff", column="city", text="New Yorck")] * 32
    monkeypatch.setattr("agent.values.keeper.LOOK_SECONDS", 0.0)
    said = await ask(keeper, "", *asked)
    assert [one.held for one in said.compared] == [None] * 32
    assert all(one.near == [] for one in said.compared)
