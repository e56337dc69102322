"""How things were is refused where only how they are is kept; what happened never is."""

from datetime import UTC, datetime

import pytest

from graph.checks.asked_beyond import asked_beyond
from graph.checks.lost_past import asks_for_lost_past
from graph.context.coverage import vocabulary_of
from wire.snapshot import Column, SchemaSnapshot, Table

SHOP = {
    "products": ["product_id", "product_name", "list_price", "launched_on"],
    "orders": ["order_id", "customer_id", "status", "amount", "ordered_on"],
    "order_items": ["order_id", "product_id", "unit_price", "quantity"],
    "employees": ["employee_id", "last_name", "title", "manager_id", "hired_on"],
    "former_employees": ["employee_id", "last_name", "left_on", "leaving_reason"],
    "plans": ["plan_id", "plan_name", "price_per_seat"],
    "subscriptions": ["subscription_id", "plan_id", "seats", "started_on", "cancelled_on"],
}


def _schema(tables: dict[str, list[str]]) -> SchemaSnapshot:
    return SchemaSnapshot(
        database="shop",
        server_version=180000,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tables=[
            Table(
                schema_name="public",
                name=name,
                columns=[
                    Column(name=column, type="date" if column.endswith("_on") else "text")
                    for column in columns
                ],
            )
            for name, columns in tables.items()
        ],
    )


def _lost(question: str, **further: list[str]) -> bool:
    schema = _schema(SHOP | further)
    return asks_for_lost_past(question, vocabulary_of(schema), schema)


LOST = [
    ("What was the list price of the Badge Reader two years ago?", ["changed_on", "product_id", "price"]),
    ("What were the list prices of our products 3 months ago?", ["changed_on", "product_id", "price"]),
    ("What used to be the list price of the Security Key?", ["changed_on", "product_id", "price"]),
    ("What was the price of the Team plan a year ago?", ["changed_on", "plan_id", "price"]),
    ("Which title did our managers have before they were promoted?", ["employee_id", "title", "since"]),
    ("What title did Ann Smith hold when she was hired?", ["employee_id", "title", "since"]),
    ("What was the title of Ann Smith originally?", ["employee_id", "title", "since"]),
    ("Which title did Ann Smith have before the present one?", ["employee_id", "title", "since"]),
    ("Which title did Ann Smith use to have?", ["employee_id", "title", "since"]),
    ("How many seats had each subscription when it started?", ["subscription_id", "seats"]),
]


@pytest.mark.parametrize(("question", "kept"), LOST)
def test_lost(question: str, kept: list[str]) -> None:
    assert _lost(question)
    assert not _lost(question, change_log=kept)
    assert not _lost(question, versions=[*kept, "valid_from"])


@pytest.mark.parametrize(
    "question",
    [
        "How many orders did we have two years ago?",
        "What was the amount of the order two years ago?",
        "What was the status of our orders two years ago?",
        "What was the average list price of products launched two years ago?",
        "What was the number of orders a year ago?",
        "What was the price of the Badge Reader two years ago?",
        "How many employees did we have two years ago?",
        "How many seats had each subscription when it was cancelled?",
        "How many seats did subscriptions have before they were cancelled?",
        "How many subscriptions started two years ago?",
        "What is the list price of products that were launched two years ago?",
        "Which employees were hired three years ago?",
        "What was the title of the employee who was hired two years ago?",
        "What was the weight of the Badge Reader two years ago?",
        "What is the list price of the Badge Reader?",
    ],
)
def test_kept(question: str) -> None:
    assert not _lost(question)


@pytest.mark.parametrize("column", ["original_list_price", "list_price_date"])
def test_a_column_of_the_earlier_value_keeps_it(column: str) -> None:
    products = [*SHOP["products"], column]
    assert not _lost("What was the list price of the Badge Reader originally?", products=products)


def test_reasons_count_where_the_question_has_to_do_with_their_table() -> None:
    schema = _schema(SHOP)
    words = vocabulary_of(schema)
    assert asked_beyond("Why did customers cancel their subscriptions?", words, schema) == "cause"
    assert asked_beyond("Why did employees leave?", words, schema) is None
    assert asked_beyond("Why did Ann quit?", words, schema) is None
