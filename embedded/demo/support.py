"""Support tickets and what is written in them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from embedded.demo import vocabulary as words
from embedded.demo.chance import USUAL, Calendar, Shape, Wheel, about, iso_moment, moment, pick, stream, zipf
from embedded.demo.people import Row, Staff
from embedded.demo.sales import Customer

TICKETS = 18_000
HOURS_TO_RESOLVE = {"low": 90, "normal": 48, "high": 20, "urgent": 7}
DAY_SECONDS = 86_400

CATEGORIES = Wheel(
    (("How-to", 28), ("Bug", 24), ("Access", 16), ("Billing", 14), ("Integration", 10), ("Performance", 8))
)
PRIORITIES = Wheel((("low", 22), ("normal", 52), ("high", 19), ("urgent", 7)))
CHANNELS = Wheel((("email", 55), ("chat", 35), ("phone", 10)))
RATINGS = Wheel(((5, 46), (4, 28), (3, 12), (2, 6), (1, 8)))


def support_tables(
    customers: list[Customer], staff: Staff, calendar: Calendar, seed: int, shape: Shape = USUAL
) -> Iterator[tuple[str, list[Row]]]:
    """The rows of every table in the schema support, in the order of their columns."""
    rng = stream(seed, "tickets")
    present = sum(customer.share**0.7 * calendar.weight(customer.signed_up) for customer in customers)
    opened: list[tuple[int, int, int]] = []
    for customer in customers:
        expected = (
            TICKETS * shape.business * customer.share**0.7 * calendar.weight(customer.signed_up) / present
        )
        for _ in range(about(rng, expected)):
            day = calendar.day(rng, customer.signed_up, calendar.last - 1)
            opened.append((day, moment(rng), customer.customer_id))
    opened.sort()
    helpers = staff.ids("Support Specialist", "Senior Support Specialist")
    wheel = Wheel(zip(helpers, zipf(rng, len(helpers), 0.4 * shape.skew), strict=True))
    tickets: list[Row] = []
    messages: list[Row] = []
    for number, (day, second, customer_id) in enumerate(opened, 1):
        category, priority = CATEGORIES.spin(rng), PRIORITIES.spin(rng)
        # The last day has not happened yet: nothing of it is in the records.
        left = (calendar.last - day) * DAY_SECONDS - second
        took = 600 + int(rng.lognormvariate(0, 1) * HOURS_TO_RESOLVE[priority] * 3600)
        resolved = took < left and rng.random() > 0.004
        untouched = not resolved and rng.random() < 0.4
        rated = resolved and rng.random() < 0.45
        tickets.append(
            (
                number,
                customer_id,
                None if untouched else wheel.spin(rng),
                pick(rng, words.TICKET_SUBJECTS[category]),
                category,
                priority,
                "resolved" if resolved else "open" if untouched else "waiting",
                CHANNELS.spin(rng),
                iso_moment(day, second),
                iso_moment(day, second + took) if resolved else None,
                RATINGS.spin(rng) if rated else None,
            )
        )
        span = took if resolved else max(0, min(took, left))
        _converse(rng, messages, number, day, second, span, untouched)
    yield "support.tickets", tickets
    yield "support.ticket_messages", messages


def _converse(
    rng: Random, messages: list[Row], ticket_id: int, day: int, second: int, span: int, untouched: bool
) -> None:
    count = 1 if untouched else 2 + int(rng.expovariate(1 / 1.1))
    for place in range(count):
        author = "customer" if place % 2 == 0 else "employee"
        sent = iso_moment(day, second + span * place // count)
        body = f"{pick(rng, words.TICKET_WORDS)}. {pick(rng, words.TICKET_WORDS)}."
        messages.append((len(messages) + 1, ticket_id, author, sent, body))
