"""Words that stand where a thing's name does, by what comes before them."""

import pytest

from graph.context.things import named_things


@pytest.mark.parametrize(
    ("question", "known", "things"),
    [
        ("What is the weight of the printer?", ["printer"], {"weight", "printer"}),
        ("How many company cars does Sales have?", ["company"], {"cars"}),
        ("How many employees are women?", ["employees"], {"women"}),
        ("How many rivers flow through each country?", ["rivers"], set()),
        ("Which animal is the dearest to treat?", ["animal"], {"animal", "dearest"}),
        ("How many consignments went by sea?", [], set()),
        ("How much do they owe us?", [], set()),
        ("Which clients left us?", [], set()),
        ("Which supplier delivers it?", [], {"supplier"}),
        ("Which hub", ["hub"], set()),
        ("Whom have we no way of contacting?", [], set()),
        ("How much money is tied up in invoices?", ["money", "invoices"], {"money"}),
        ("Which beers had to be poured down the drain?", ["beers"], set()),
        ("At how many stops do people wait in the rain?", ["stops"], set()),
        ("", [], set()),
    ],
)
def test_named_things(question: str, known: list[str], things: set[str]) -> None:
    assert named_things(question, known) == things
