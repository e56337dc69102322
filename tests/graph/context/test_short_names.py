"""Glued and shortened names: taken apart where that comes out even, whole where it does not."""

from collections.abc import Callable

import pytest

from graph.context.coverage import Vocabulary, coverage
from graph.context.joins import JoinGraph
from graph.context.linker import link
from graph.context.short_names import ShortNames, stands_for
from graph.schema_text import schema_text
from wire.snapshot import SchemaSnapshot

Make = Callable[[dict[str, str]], SchemaSnapshot]


@pytest.fixture(scope="module")
def glued(make_snapshot: Make) -> SchemaSnapshot:
    return make_snapshot(
        {
            "hoCust": "hocustid bigint, hocustnm text, hocustctry text, hocustjndt date",
            "hoOrd": "hoordid bigint, hoordcustid bigint, hoorddt date, hoordtotamt numeric",
            "hoItm": "hoitmid bigint, hoitmordid bigint, hoitmqty integer, hoitmcost numeric",
            "hoVst": "hovstid bigint, hovstcustid bigint, hovstts timestamp without time zone",
        }
    )


def test_names_are_taken_apart(glued: SchemaSnapshot) -> None:
    short = ShortNames(glued)
    [customer, order, item, _] = glued.tables
    assert short.table_words(customer) == ["customer"]
    assert short.column_words(customer, "hocustjndt") == ["join", "date"]
    assert short.column_words(order, "hoordcustid") == ["customer", "id"]
    assert short.column_words(order, "hoordtotamt") == ["total", "amount"]
    assert short.column_words(item, "hoitmcost") == ["cost"], "not a company's state"
    assert short.are_terse


def test_plain_names_are_left_whole(library: SchemaSnapshot) -> None:
    short = ShortNames(library)
    assert not short.are_terse
    for table in library.tables:
        for column in table.columns:
            assert not short.is_shortened(table, column.name), column.name
            assert short.gloss(table, column.name) == ""


def test_joins_follow_from_what_names_speak_of(glued: SchemaSnapshot) -> None:
    joins = JoinGraph(glued)
    [join] = joins.between("public.hoOrd", "public.hoCust")
    assert (join.left_columns, join.right_columns, join.declared) == (("hoordcustid",), ("hocustid",), False)
    [siblings] = joins.between("public.hoOrd", "public.hoVst")
    assert (siblings.left_columns, siblings.right_columns) == (("hoordcustid",), ("hovstcustid",))
    assert joins.referred("public.hoItm") == ["public.hoOrd"]
    assert joins.path(["public.hoItm"], "public.hoCust") == ["public.hoItm", "public.hoOrd", "public.hoCust"]


@pytest.mark.parametrize(
    ("question", "tables"),
    [
        ("How many customers are there in each country?", {"public.hoCust"}),
        ("What is the total amount of orders per customer?", {"public.hoCust", "public.hoOrd"}),
        ("How many items were ordered?", {"public.hoItm", "public.hoOrd"}),
    ],
)
def test_questions_in_full_words_find_them(glued: SchemaSnapshot, question: str, tables: set[str]) -> None:
    assert not coverage(question, Vocabulary(glued)).refuses
    assert tables <= set(link(question, glued).names)


def test_what_is_plainly_elsewhere_is_still_refused(glued: SchemaSnapshot) -> None:
    assert coverage("Which volcanoes and glaciers lie near the equator?", Vocabulary(glued)).refuses


def test_a_word_that_may_have_been_shortened_is_left_to_the_draft(glued: SchemaSnapshot) -> None:
    covered = coverage("What is the capital of Mongolia?", Vocabulary(glued))
    assert not covered.refuses
    assert covered.needs_a_sound_draft


def test_a_prompt_says_them_in_words(glued: SchemaSnapshot) -> None:
    text = schema_text(glued, tables=["public.hoOrd"])
    assert 'TABLE "hoOrd" ( -- order' in text
    assert 'hoordcustid bigint REFERENCES "hoCust"(hocustid), -- customer id' in text
    assert "hoordtotamt numeric -- total amount" in text
    assert "--" not in schema_text(glued, tables=["public.hoOrd"], short_names=False)


@pytest.mark.parametrize(
    ("short", "word", "stands"),
    [
        ("sec", "sector", True),
        ("tkr", "ticker", True),
        ("ctry", "country", True),
        ("city", "capacity", False),
        ("st", "street", False),
        ("cust", "cost", False),
        ("name", "name", False),
    ],
)
def test_what_letters_stand_for(short: str, word: str, stands: bool) -> None:
    assert stands_for(short, word) is stands
