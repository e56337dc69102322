"""Deeds, judgements, causes and the future are told from questions about data by how they are put."""

from datetime import UTC, datetime

import pytest

from graph.checks.asked_beyond import asked_beyond
from graph.context.coverage import vocabulary_of
from graph.ports import Settings
from graph.record import Turn
from wire.snapshot import Column, SchemaSnapshot, Table


def _schema(*columns: str) -> SchemaSnapshot:
    named = [Column(name=name, type="text") for name in columns]
    return SchemaSnapshot(
        database="shop",
        server_version=180000,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tables=[Table(schema_name="public", name="orders", columns=named)],
    )


SHOP = _schema("order_id", "customer", "price", "cancelled_on")


@pytest.mark.parametrize(
    ("question", "beyond"),
    [
        ("Send a reminder to all customers with overdue invoices.", "action"),
        ("Please email every customer about the delay", "action"),
        ("Could you book a meeting with our largest customer?", "action"),
        ("Assign all open tickets to the Berlin team.", "action"),
        ("Cancel order 17 and refund the customer", "action"),
        ("Cancel the order of Ann and refund her", "action"),
        ("mark these invoices as paid", "action"),
        ("Should we raise the price of the Team plan?", "judgement"),
        ("Is it worth keeping the Oslo office?", "judgement"),
        ("Which customers should we call first?", "judgement"),
        ("How can we improve our margins?", "judgement"),
        ("What would you recommend to somebody new?", "judgement"),
        ("How many orders will we get next quarter?", "future"),
        ("Which customers are going to leave us by the end of the year?", "future"),
        ("What revenue should we expect for 2030?", "future"),
        ("Predict the sales of December", "future"),
        ("Should we raise the price, going by last year's orders?", "judgement"),
        ("How can we improve our margins, that is price over cost?", "judgement"),
        ("Which orders will have been lost by the end of next year?", "future"),
        ("Set the price of all orders to 10 and show it", "action"),
        ("Mark these orders as cancelled", "action"),
        ("How many orders will there be in 2031?", "future"),
        ("How many tickets will we sell next Christmas?", "future"),
        ("How many orders will there be at Easter?", "future"),
        ("How many orders will we have by 2030?", "future"),
        ("How many orders are we going to have in the coming weeks?", "future"),
        ("How many orders do we expect next summer?", "future"),
        ("How many orders are expected to arrive over the next three fiscal years?", "future"),
        ("Project our sales for 2027.", "future"),
        ("How many orders will we have in three months?", "future"),
        ("How much will we sell in December?", "future"),
        ("How many orders will we get next Ramadan?", "future"),
        ("What will happen if we raise prices?", "future"),
        ("What do you project for next year?", "future"),
        ("Cancel showing 57 and refund everybody who bought a ticket for it.", "action"),
        ("Please close ticket #12.", "action"),
        ("Pay invoice 41.", "action"),
        ("Move driver 7 to the Fens depot", "action"),
        ("Move Smith to Fens", "action"),
        ("Raise ticket prices by 10 %", "action"),
        ("Set price of film 3 to 9.99", "action"),
        ("Change status of invoice 41 to paid", "action"),
        ("Delete orders from 2019", "action"),
        ("Approve pending invoices", "action"),
        ("Notify customers with overdue invoices", "action"),
        ("Merge customers 5 and 6 and delete the older one", "action"),
        ("I would like to cancel order 5", "action"),
        ("I'd like to book a table for two", "action"),
        ("Find showing 57 and cancel it", "action"),
        ("Add a new customer called Ann", "action"),
        ("Order 500 more boxes", "action"),
        ("Give a discount to all customers", "action"),
        ("Why do customers cancel?", "cause"),
        ("And why are prices so low in Oslo", "cause"),
        ("What causes the northern lights?", "cause"),
        ("What makes our customers leave?", "cause"),
        ("What is the main reason for the fall in orders?", "cause"),
        ("What are the causes of late orders?", "cause"),
        ("Withdraw Magnus Tveit from the open.", "action"),
        ("Transfer Ann Lee to Oslo", "action"),
        ("Are our customers happy with their orders?", "opinion"),
        ("How satisfied are our customers?", "opinion"),
        ("What do competitors do better than we do?", "opinion"),
        ("What are we doing wrong?", "opinion"),
    ],
)
def test_beyond(question: str, beyond: str | None) -> None:
    assert asked_beyond(question, SHOP_WORDS, SHOP) == beyond


SHOP_WORDS = vocabulary_of(SHOP)


@pytest.mark.parametrize(
    "question",
    [
        "How many orders were cancelled last month?",
        "Of the orders of this year, what percentage was rushed, by the project's manager?",
        "Send me a list of all customers",
        "Email domains by number of customers",
        "Create a chart of the orders by month",
        "Set sizes by price",
        "Book titles that were never ordered",
        "Show the price of every order",
        "Call volume by month",
        "Print me the cheapest orders",
        "Which orders will have been open for a year by now?",
        "How many customers are going to Chicago?",
        "How often did somebody cancel in 2024?",
        "How can I see the orders of Ann?",
        "What is the next order of Ann?",
        "How many orders will be in the next order book?",
        "Which customers live next to Ann?",
        "Which orders came in the week following Christmas?",
        "How many orders were placed on Black Friday?",
        "Who will have ordered most in December 2025?",
        "Which customers did not expect an order in May 2024?",
        "How many orders did Will make next to Ann?",
        "Cancel reasons by month",
        "Change requests open since May",
        "Change in revenue from 2023 to 2024",
        "Contact persons of customers",
        "Update me on sales",
        "Remind me how many orders we had",
        "Invoice 41: what is its amount?",
        "Return January sales",
        "Print all orders of Ann",
        "Add a column with the share of each customer",
        "Add the total to the list of customers",
        "Shift workers assigned to Leeds",
        "Transfer students sent to Leeds",
        "Remove duplicates and list customers",
        "List customers who book a room and cancel it",
        "Book sales 2024 by month",
        "Raise amounts in 2024",
        "Group orders by month and rank them",
        "I need to know the total",
        "Which customers should have paid by now?",
        "How do we compare with last year?",
        "How do we stand on orders that were cancelled?",
        "Should be sorted by price: all orders of Ann",
        "What will",
        "Which customers should we call first, i.e. those with no order in a year?",
        "Which order should I look at, the most expensive first?",
        "How much should we have been paid by now?",
        "Is it worth noting how many orders Ann has? Count them.",
        "Which orders will have been open for two years by the end of next year?",
        "Set a floor of 10 orders and show the average price by customer",
        "Mark orders over 100 as large and the rest as small, and count both",
        "Why not list the orders of Ann?",
        "What makes of car were ordered?",
        "What makes do we sell?",
        "What makes up the price of order 3?",
        "Refund Requests for May",
        "Order Price by Customer Name in May",
        "Are there happy customers?",
        "What do customers who do well order?",
        "Which customers do better than Ann?",
        "",
    ],
)
def test_about_the_data(question: str) -> None:
    assert asked_beyond(question, SHOP_WORDS, SHOP) is None


@pytest.mark.parametrize(
    ("column", "question"),
    [
        ("due_on", "How many orders will be due next week?"),
        ("valid_until", "How many orders will expire next Christmas?"),
        ("forecast", "What will the price be next year?"),
        ("expected_price", "What price should we expect for 2030?"),
        ("due_on", "What can we expect from orders due next week?"),
        ("leave_status", "Who will be on leave next week?"),
        ("membership_status", "Which memberships will run out soon?"),
        ("release_date", "Which orders will come out next year?"),
        ("reorder_level", "Which products should we reorder?"),
        ("cancel_reason", "Why do customers cancel?"),
        ("satisfaction", "Are customers happy with their orders?"),
        ("feedback", "What do our orders do better?"),
        ("happy", "Are customers happy with us?"),
    ],
)
def test_what_somebody_has_written_down_may_be_asked(column: str, question: str) -> None:
    assert asked_beyond(question, SHOP_WORDS, SHOP) is not None
    schema = _schema("order_id", column)
    assert asked_beyond(question, vocabulary_of(schema), schema) is None


def test_that_there_will_be_more_of_what_lasts_is_not_written_down() -> None:
    known = _schema("order_id", "subscription_status")
    question = "How many subscriptions will we sell next quarter?"
    assert asked_beyond(question, vocabulary_of(known), known) == "future"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Send the invoices to all customers", "not_permitted"),
        ("Should we open an office in Oslo?", "not_a_question"),
        ("How many employees will we have next year?", "not_in_data"),
        ("Why do employees leave us?", "not_in_data"),
    ],
)
async def test_it_is_refused_before_any_model_is_asked(ask, question, reason):
    asking = await ask([], question=question)
    assert asking.last.type == "refused"
    assert asking.last.refusal.reason == reason
    assert asking.last.refusal.hint


async def test_a_follow_up_may_remove_what_was_shown(ask, count_of_34):
    """Nothing is taken away but lines of the answer."""
    before = Turn(
        question="Which titles are there?", sql="SELECT title FROM people.employees", answer="Many."
    )
    settings = Settings(without=frozenset({"standalone_question", "worded_answer"}))
    sql = "SELECT count(*) FROM people.employees"
    asking = await ask(
        [sql], [count_of_34], question="Remove the managers", history=[before], settings=settings
    )
    assert asking.last.type == "answered"
