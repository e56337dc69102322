"""Plans, and what customers pay for them month by month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from embedded.demo import vocabulary as words
from embedded.demo.chance import Calendar, Wheel, iso, money, stream
from embedded.demo.people import Row
from embedded.demo.sales import Customer

TRIAL_DAYS = 14
DUE_DAYS = 30
METHODS = Wheel((("card", 55), ("bank_transfer", 30), ("direct_debit", 15)))


@dataclass(frozen=True)
class _Subscription:
    subscription_id: int
    customer_id: int
    plan: int
    status: str
    seats: int
    started: int
    cancelled: int | None

    @property
    def cents(self) -> int:
        return self.seats * words.PLANS[self.plan][1] * 100

    @property
    def row(self) -> Row:
        return (
            self.subscription_id,
            self.customer_id,
            self.plan + 1,
            self.status,
            self.seats,
            money(self.cents),
            iso(self.started),
            iso(self.cancelled) if self.cancelled else None,
        )


def billing_tables(
    customers: list[Customer], calendar: Calendar, seed: int
) -> Iterator[tuple[str, list[Row]]]:
    """The rows of every table in the schema billing, in the order of their columns."""
    yield (
        "billing.plans",
        [(number, name, money(dollars * 100)) for number, (name, dollars) in enumerate(words.PLANS, 1)],
    )
    subscriptions = _subscriptions(customers, calendar, stream(seed, "subscriptions"))
    yield "billing.subscriptions", [subscription.row for subscription in subscriptions]
    invoices, payments = _invoices(subscriptions, calendar, stream(seed, "invoices"))
    yield "billing.invoices", invoices
    yield "billing.payments", payments


def _subscriptions(customers: list[Customer], calendar: Calendar, rng: Random) -> list[_Subscription]:
    drawn: list[tuple[int, int, int, int, int | None]] = []
    for customer in customers:
        start = customer.signed_up + int(rng.expovariate(1 / 9))
        size = customer.share * len(customers)
        plan = min(3, int(rng.random() * 2 + size**0.6))
        seats = max(1, round(6 * (plan + 1) * size**0.5 * rng.lognormvariate(0, 0.6)))
        while start <= calendar.last:
            # Large customers stay longer; those who leave a plan often come back on a bigger one.
            end = start + 20 + int(rng.expovariate(1 / (420 + 260 * plan)))
            cancelled = end if end <= calendar.last else None
            drawn.append((start, customer.customer_id, plan, seats, cancelled))
            if cancelled is None or rng.random() > 0.6:
                break
            plan = min(3, plan + (rng.random() < 0.5))
            seats = max(1, round(seats * rng.uniform(0.9, 1.8)))
            start = cancelled + int(rng.random() * 20)
    drawn.sort(key=lambda item: item[:2])
    return [
        _Subscription(number, customer_id, plan, _status(start, end, calendar), seats, start, end)
        for number, (start, customer_id, plan, seats, end) in enumerate(drawn, 1)
    ]


def _status(started: int, cancelled: int | None, calendar: Calendar) -> str:
    if cancelled is not None:
        return "cancelled"
    return "trial" if started > calendar.last - TRIAL_DAYS else "active"


def _invoices(
    subscriptions: list[_Subscription], calendar: Calendar, rng: Random
) -> tuple[list[Row], list[Row]]:
    """A bill a month from the end of the trial until the cancellation, and the payments of the paid ones."""
    issued: list[tuple[int, _Subscription]] = []
    for subscription in subscriptions:
        if subscription.status == "trial":
            continue
        end = subscription.cancelled or calendar.last + 1
        months = 0
        while (day := calendar.month_later(subscription.started + TRIAL_DAYS, months)) < end:
            issued.append((day, subscription))
            months += 1
    issued.sort(key=lambda item: (item[0], item[1].subscription_id))
    methods: dict[int, str] = {}
    cards: dict[int, str] = {}
    invoices: list[Row] = []
    settled: list[tuple[int, int, int, int]] = []
    for number, (day, subscription) in enumerate(issued, 1):
        due = day + DUE_DAYS
        paid = day + 1 + int(rng.expovariate(1 / 11))
        chance = rng.random()
        if chance < 0.008:
            status = "void"
        elif paid <= calendar.last and chance > 0.02:
            status = "paid"
            settled.append((paid, number, subscription.customer_id, subscription.cents))
        else:
            status = "overdue" if due < calendar.last else "open"
        row = (number, subscription.customer_id, subscription.subscription_id)
        invoices.append((*row, iso(day), iso(due), status, money(subscription.cents)))
    settled.sort()
    payments: list[Row] = []
    for number, (paid, invoice_id, customer_id, cents) in enumerate(settled, 1):
        if customer_id not in methods:
            methods[customer_id] = METHODS.spin(rng)
            cards[customer_id] = f"{rng.randrange(10_000):04d}"
        method = methods[customer_id]
        card = cards[customer_id] if method == "card" else None
        payments.append((number, invoice_id, iso(paid), money(cents), method, card))
    return invoices, payments
