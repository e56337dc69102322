import pytest

from graph.context.words import name_words, quoted, stem, words


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("citations", "citation"),
        ("cities", "city"),
        ("boxes", "box"),
        ("classes", "class"),
        ("published", "publish"),
        ("ratings", "rating"),
        ("companies", "company"),
        ("departments", "department"),
        ("served", "serve"),
    ],
)
def test_spellings_of_a_word_meet(left: str, right: str) -> None:
    assert stem(left) == stem(right)


@pytest.mark.parametrize(("left", "right"), [("author", "authority"), ("state", "status")])
def test_other_words_stay_apart(left: str, right: str) -> None:
    assert stem(left) != stem(right)


def test_names_are_cut() -> None:
    assert name_words("orderItems_2024") == ["order", "items", "2024"]
    assert name_words("HTTPCode") == ["http", "code"]


def test_words_are_folded() -> None:
    assert words("Où est l'Été, 3.5 %?") == ["ou", "est", "l", "ete", "3.5"]
    assert words("Mark’s Bistro") == ["mark", "bistro"]


def test_quotes_of_every_kind() -> None:
    found = quoted("in “Data Science” or 'Machine Learning' or `x`")
    assert found == [
        "Data Science",
        "Machine Learning",
        "x",
    ]
