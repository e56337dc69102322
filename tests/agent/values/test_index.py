"""What is looked for in a question, and what an index of values finds; no database."""

import pytest

from agent.values.index import ColumnValues, Index, Place, find, look
from agent.values.phrases import fold, key_of, phrases, same_digits, trigrams

STAFF = "public.staff"


def similarity(one: str, other: str) -> float:
    return len(trigrams(one) & trigrams(other)) / len(trigrams(one) | trigrams(other))


def column(name: str, *values: str, table: str = STAFF) -> ColumnValues:
    return ColumnValues(Place(table, name), values, whole=True, small=True)


COLUMNS = [
    column("name", "John Smith", "Mary Jones", "Zoë O'Brien", "Product 12"),
    column("city", "New York", "York", "Zürich"),
    column("dept", "Engineering", "R&D", "Sales", "completed"),
    column("state", "US", "CA", table="public.states"),
]


def met(text: str, most: int = 6) -> list[tuple[str, str]]:
    return [(one.column, one.value) for one in find(COLUMNS, text, most)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who works in new york?", [("city", "New York")]),
        ("How many people are in engineering", [("dept", "Engineering")]),
        ("how many r&d people in Zurich?", [("city", "Zürich"), ("dept", "R&D")]),
        ("Salary of zoe o'brien", [("name", "Zoë O'Brien")]),
        ("What does 'sales' spend?", [("dept", "Sales")]),
        ("sales of “john smith” in US", [("name", "John Smith"), ("dept", "Sales"), ("state", "US")]),
        ("Show all engineers of Jon Smith", [("name", "John Smith")]),
        ("tell us which states there are", []),
        ("how many are there?", []),
        ("what of product 13", []),
        ("people in enginering", [("dept", "Engineering")]),
    ],
)
def test_words_of_a_question_meet_values(question: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(met(question)) == sorted(expected)


def test_a_name_hides_the_shorter_name_inside_it() -> None:
    assert met("sales in New York") == [("city", "New York"), ("dept", "Sales")]


def test_no_more_is_told_than_asked_for_and_long_names_come_first() -> None:
    assert met("US sales of Mary Jones in New York", most=2) == [("name", "Mary Jones"), ("city", "New York")]


def test_a_value_that_stands_in_many_columns_is_told_of_two() -> None:
    many = [column(f"c{number}", "Sales") for number in range(9)]
    assert len(find(many, "sales", 6)) == 2


def test_a_document_for_a_question_is_looked_at_in_part() -> None:
    assert len(phrases("word " * 20_000)) < 1_000
    assert find(COLUMNS, "lorem ipsum " * 2_000 + " New York", 6) == []


@pytest.mark.parametrize(
    ("text", "cased", "near", "others"),
    [
        ("engineering", ["Engineering"], [], []),
        (" ENGINEERING ", ["Engineering"], [], []),
        ("Enginering", [], ["Engineering"], []),
        ("R & D", [], ["R&D"], []),
        ("New York", [], [], [("city", "New York")]),
        ("mary jones", [], [], [("name", "Mary Jones")]),
        ("incompleted", [], [], []),
        ("Marketing", [], [], []),
        ("US", [], [], []),
        ("?!", [], [], []),
    ],
)
def test_what_is_suggested_for_a_literal(
    text: str, cased: list[str], near: list[str], others: list[tuple[str, str]]
) -> None:
    found = look(COLUMNS, Place(STAFF, "dept"), text)
    assert found is not None
    assert found.held is None
    assert (found.cased, found.near) == (cased, near)
    assert [(one.column, one.value) for one in found.others] == others


def test_a_literal_that_is_there_is_held_and_one_of_an_unknown_column_is_not_told_of() -> None:
    held = look(COLUMNS, Place(STAFF, "dept"), "Sales")
    assert held is not None
    assert held.held
    assert look(COLUMNS, Place(STAFF, "salary"), "Sales") is None


def test_numbers_are_never_misspelt() -> None:
    found = look(COLUMNS, Place(STAFF, "name"), "Product 13")
    assert found is not None
    assert found.near == []
    assert not same_digits("a1", "a2")


def test_spellings_that_are_as_near_as_each_other_are_all_told() -> None:
    found = look([column("name", "Jonas Smith", "Jonah Smith")], Place(STAFF, "name"), "Jona Smith")
    assert found is not None
    assert sorted(found.near) == ["Jonah Smith", "Jonas Smith"]


def test_counting_trigrams_finds_what_comparing_with_every_value_does() -> None:
    values = [f"{first} {last}" for first in ("Anna", "Anne", "Hanna", "Johan") for last in ("Berg", "Bergh")]
    one = column("name", *values)
    for asked in ("Ana Berg", "Anna Berghs", "Hana Berg", "Johann Bergh", "Berg"):
        key = key_of(asked)
        expected = {
            value
            for value in values
            if similarity(key, key_of(value)) >= 0.6 and key_of(value)[0] == key[0] and key_of(value) != key
        }
        assert {value for _, value in one.alike(key)} == expected


def test_an_index_counts_replaces_and_forgets() -> None:
    index = Index()
    index.put(column("city", "a", "b"))
    index.put(column("city", "c"))
    index.put(column("dept", "dd"))
    assert (index.count, index.size) == (2, 3)
    index.keep({Place(STAFF, "dept")})
    assert list(index.columns) == [Place(STAFF, "dept")]


def test_folding() -> None:
    assert fold("  Zürich\tWEST ") == "zurich west"
    assert key_of("Smith, John (jr.)") == "smith john jr"
