"""Follow-ups that the question before settles are spelled out without a model."""

import pytest

from graph.context.follow_up import spelled_out


@pytest.mark.parametrize(
    ("before", "question", "alone"),
    [
        ("How many boats came in 2025?", "And in the year before?", "How many boats came in 2024?"),
        ("How many boats came in 2025?", "What about the previous year?", "How many boats came in 2024?"),
        ("How many boats came in 2023?", "and a year later", "How many boats came in 2024?"),
        (
            "How many boats came in January 2025?",
            "And the month before?",
            "How many boats came in December 2024?",
        ),
        ("List the boats of March 2025.", "and in the following month?", "List the boats of April 2025."),
        ("What was paid in Q1 2025?", "And the quarter before that?", "What was paid in Q4 2024?"),
        (
            "What was paid in the fourth quarter of 2025?",
            "and the quarter after?",
            "What was paid in the first quarter of 2026?",
        ),
        ("How many clerks report to Ann?", "Who are they?", "Which clerks report to Ann?"),
        ("How many boats lie in Oslo?", "Which ones?", "Which boats lie in Oslo?"),
        ("How many boats lie in Oslo?", "List them, please.", "Which boats lie in Oslo?"),
        ("How many clerks have left?", "What are their names?", "Which clerks have left?"),
        (
            "How many parcels are waiting?",
            "How many of them are urgent?",
            "How many parcels are waiting and are urgent?",
        ),
        (
            "How many guests came from Rome?",
            "And which of them paid by card?",
            "Which guests came from Rome and paid by card?",
        ),
        (
            "Which trades have the most guests?",
            "Just the top three.",
            "Which three trades have the most guests?",
        ),
        (
            "Show the number of guests per trade, largest first.",
            "only the first 5, please",
            "Show the number of guests per trade, largest first, just the top 5?",
        ),
        ("Show the top ten guests by spending.", "Just the top 3.", "Show the top 3 guests by spending."),
    ],
)
def test_spelled_out(before: str, question: str, alone: str) -> None:
    assert spelled_out(question, before) == alone


@pytest.mark.parametrize(
    ("before", "question"),
    [
        ("How many boats came between 2023 and 2025?", "And in the year before?"),
        ("How many boats came since 2025?", "And in the year before?"),
        ("How many boats came in March 2025?", "And in the year before?"),
        ("How many boats came on 3 March 2025?", "And in the month before?"),
        ("How many boats came in 2025?", "And in the month before?"),
        ("How many boats came last year?", "And in the year before?"),
        ("How many boats came in 2025?", "And last year?"),
        ("How many boats came in 2025?", "How many came in the year before from Oslo?"),
        ("How many boats lie in each harbour?", "Which ones?"),
        ("How many days was the boat away?", "Which ones?"),
        ("What is the average age of clerks?", "Who are they?"),
        ("How many clerks have left?", "Who are their chiefs?"),
        ("How many parcels did Ann send?", "How many of them are urgent?"),
        ("How many parcels are there for each clerk?", "How many of them are urgent?"),
        ("Which clerk sends the most parcels?", "How many of them are urgent?"),
        ("How many guests came?", "How many are from Rome?"),
        ("How many guests came?", "Just the top three."),
        ("Which three trades have the most guests?", "Just the best one."),
        ("Which trades have the most guests?", "Just the ones in Rome."),
    ],
)
def test_left_to_the_model(before: str, question: str) -> None:
    assert spelled_out(question, before) is None
