"""Figures and dates as people write them, over results of one row."""

import pytest

from graph.prose import unfounded
from graph.prose.number_words import languages, spelled, values_of
from wire.outcome import ResultColumn, Rows


def rows(*cells, count=None, name="n"):
    return Rows(
        columns=[ResultColumn(name=name, type="numeric") for _ in cells],
        preview=[list(cells)],
        row_count=count or 1,
    )


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("There are 34 engineers.", [34]),
        ("There are 1,234 orders.", [1234]),
        ("Es sind 1.234 Bestellungen.", [1234]),
        ("Il y a 1 234 commandes.", [1234]),
        ("Es sind 1'234 Bestellungen.", [1234]),
        ("There are 12,34,567 of them.", [1234567]),
        ("It is 12.35.", [12.3456]),
        ("Es sind 12,35 Stück.", ["12.3456"]),
        ("About 12 percent.", [12.3]),
        ("That is 45.2%.", [0.45213]),
        ("That is 45 %.", [45]),
        ("Revenue was 1.2 million.", [1234567.89]),
        ("Revenue was 3k.", [3012]),
        ("It fell by 5.", [-5]),
        ("It is -5.", [-5]),
        ("On 2024-05-01.", ["2024-05-01"]),
        ("In May 2024.", ["2024-05-01 00:00:00+00"]),
        ("Team B52 leads with 7.", ["B52", 7]),
        ("There are three of them.", [3]),
        ("There is one.", [1]),
        ("There are one hundred and five.", [105]),
        ("Es sind einundzwanzig.", [21]),
        ("Il y en a quatre-vingt-onze.", [91]),
        ("Son treinta y dos.", [32]),
        ("No figure at all.", []),
        ("It is 123456789012345678901234567890.", ["123456789012345678901234567890"]),
    ],
)
def test_founded(text, cells):
    assert unfounded(text, rows(*cells)) == []


@pytest.mark.parametrize(
    ("text", "cells", "wrong"),
    [
        ("There are 43 engineers.", [34], ["43"]),
        ("It is 12.36.", [12.3456], ["12.36"]),
        ("There are 340.", [34], ["340"]),
        ("Growth of 10%.", [34], ["10%"]),
        ("34 in 2023.", [34], ["2023"]),
        ("There are five of them.", [34], ["five"]),
        ("It is 2 million.", [1234567], ["2 million"]),
        ("NaN is not 4.", ["NaN"], ["4"]),
        ("Revenue was $3k.", [3012], ["$"]),
        ("It is 1.5e3.", [15], ["1.5e3"]),
        ("Es sind zweihundertdrei.", [3], ["zweihundertdrei"]),
        ("It is 3x the plan.", [3], ["3x"]),
    ],
)
def test_unfounded(text, cells, wrong):
    assert unfounded(text, rows(*cells)) == wrong


def test_the_askers_own_figures_are_known_where_they_were_asked():
    result = rows("Ada", count=12)
    question = "Top 5 of 2023?"
    assert unfounded("The top 5 of 12 in 2023.", result, question=question) == []
    assert unfounded("The answer is 5.", result, question=question) == ["5"]


def test_a_currency_may_come_from_the_question_a_name_or_a_comment():
    assert unfounded("It is $3.", rows(3), question="How many dollars?") == []
    assert unfounded("It is $3.", rows(3, name="price_usd")) == []
    assert unfounded("It is $3.", rows(3), known=["net price in USD"]) == []
    assert unfounded("It is €3.", rows(3, name="price_usd")) == ["€"]


def test_cents_are_not_told_as_whole_units():
    assert unfounded("It is 12.34 euros.", rows(1234, name="amount_euro_cents")) == []
    assert unfounded("It is 1,234 euros.", rows(1234, name="amount_euro_cents")) == ["1,234"]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_number_below_a_hundred_has_a_word(language):
    values = set(values_of(language).values())
    assert values >= set(range(2, 100))
    assert 1 not in values


def test_a_language_is_told_by_its_commonest_words():
    assert languages("There are three of them") == ["en"]
    assert languages("Es gibt drei Kunden") == ["de"]
    assert languages("Il y a trois clients") == ["fr"]
    assert languages("Hay tres clientes en la tienda") == ["es"]
    assert [value for *_, value in spelled("There are once again two hundred and six.")] == [206]


@pytest.mark.timeout(60)
def test_hostile_texts_cost_little():
    assert unfounded("It is 1e5.", rows("9" * 100_000)) != []
    unfounded("1," * 900 + "x", rows(1))
    unfounded("twenty-" * 280, rows(1))
    unfounded("Acme and " * 200 + "12", rows("Acme", 12))
    assert unfounded("It is 12. " * 500, rows(12)) == ["5,000 characters"]
