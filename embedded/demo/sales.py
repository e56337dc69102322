"""Customers, and the products that they order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from embedded.demo import vocabulary as words
from embedded.demo.chance import USUAL, Calendar, Shape, Wheel, about, iso, money, pick, stream, zipf
from embedded.demo.people import MAIL_HOSTS, Row, Staff

CUSTOMERS = 2400
ORDERS = 24_000
PENDING_DAYS = 12
"""An order of the last days may still be pending."""

DISCOUNTS = Wheel(((0, 62), (5, 14), (10, 14), (15, 6), (20, 4)))
"""Per cent off the list price."""


@dataclass(frozen=True)
class Customer:
    """A company that buys. ``share`` is its part of all the business, were all customers equally old."""

    customer_id: int
    signed_up: int
    share: float
    country: str


def make_customers(calendar: Calendar, seed: int, shape: Shape = USUAL) -> list[Customer]:
    """Sign the customers up, numbered in the order in which they came."""
    rng = stream(seed, "customers")
    count = round(CUSTOMERS * shape.business * rng.uniform(0.93, 1.07))
    shares = zipf(rng, count, 0.8 * shape.skew)
    days = sorted(calendar.day(rng, end=calendar.last - 1) for _ in range(count))
    countries = Wheel(words.COUNTRIES)
    return [
        Customer(number, day, share, countries.spin(rng))
        for number, (day, share) in enumerate(zip(days, shares, strict=True), 1)
    ]


def sales_tables(
    customers: list[Customer], staff: Staff, calendar: Calendar, seed: int, shape: Shape = USUAL
) -> Iterator[tuple[str, list[Row]]]:
    """The rows of every table in the schema sales, in the order of their columns."""
    yield "sales.customers", list(_customers(customers, staff, stream(seed, "companies")))
    products = _products(calendar, stream(seed, "products"))
    yield "sales.products", [product.row for product in products]
    orders, items = _orders(customers, products, staff, calendar, stream(seed, "orders"), shape)
    yield "sales.orders", orders
    yield "sales.order_items", items


def _customers(customers: list[Customer], staff: Staff, rng: Random) -> Iterator[Row]:
    names = [f"{first} {second}" for first in words.COMPANY_FIRST for second in words.COMPANY_SECOND]
    rng.shuffle(names)
    industries = Wheel(words.INDUSTRIES)
    managers = staff.ids("Account Manager")
    for customer, name in zip(customers, names, strict=False):
        first, last = pick(rng, words.FIRST_NAMES), pick(rng, words.LAST_NAMES)
        yield (
            customer.customer_id,
            name,
            industries.spin(rng),
            customer.country,
            pick(rng, managers) if rng.random() < 0.82 else None,
            f"{first} {last}",
            f"{name.replace(' ', '.').lower()}@{pick(rng, MAIL_HOSTS)}",
            f"+1-555-{rng.randrange(1000):03d}-{rng.randrange(10_000):04d}" if rng.random() < 0.7 else None,
            iso(customer.signed_up),
        )


@dataclass(frozen=True)
class _Product:
    row: Row
    product_id: int
    cents: int
    launched: int
    discontinued: int | None
    pull: float

    def sold_on(self, day: int) -> bool:
        return self.launched <= day and (self.discontinued is None or day < self.discontinued)


def _products(calendar: Calendar, rng: Random) -> list[_Product]:
    span = calendar.last - calendar.first
    products = []
    place: dict[str, int] = {}
    for number, (name, category, dollars) in enumerate(words.PRODUCTS, 1):
        place[category] = place.get(category, 0) + 1
        # Half the list was there from the start, so that even the first order had something to choose from.
        late = number % 2 == 0
        launched = calendar.first + int(rng.random() * span * 0.8) if late else calendar.first - 200
        gone = launched + 400 + int(rng.random() * 900) if late and rng.random() < 0.3 else None
        gone = gone if gone is not None and gone < calendar.last else None
        cents = round(dollars * rng.uniform(0.9, 1.1)) * 100
        row = (number, name, category, money(cents), iso(launched), iso(gone) if gone else None)
        pull = rng.uniform(0.7, 1.3) / (place[category] * (1 + dollars / 900))
        products.append(_Product(row, number, cents, launched, gone, pull))
    return products


def _orders(
    customers: list[Customer],
    products: list[_Product],
    staff: Staff,
    calendar: Calendar,
    rng: Random,
    shape: Shape,
) -> tuple[list[Row], list[Row]]:
    present = sum(customer.share * calendar.weight(customer.signed_up) for customer in customers)
    drawn: list[tuple[int, int]] = []
    for customer in customers:
        expected = ORDERS * shape.business * customer.share * calendar.weight(customer.signed_up) / present
        drawn += [
            (calendar.day(rng, start=customer.signed_up), customer.customer_id)
            for _ in range(about(rng, expected))
        ]
    drawn.sort()
    sellers = staff.ids("Account Executive", "Senior Account Executive")
    wheel = Wheel(zip(sellers, zipf(rng, len(sellers), 0.7 * shape.skew), strict=True))
    goods = Wheel((product, product.pull**shape.skew) for product in products)
    done = Wheel((("completed", 91), ("cancelled", 6), ("refunded", 3)))
    recent = Wheel((("pending", 70), ("completed", 27), ("cancelled", 3)))
    orders: list[Row] = []
    items: list[Row] = []
    for number, (day, customer_id) in enumerate(drawn, 1):
        total = 0
        for product in _basket(rng, goods, day):
            quantity = 1 + int(rng.expovariate(1 / (3.5 if product.cents < 50_000 else 0.6)))
            cents = product.cents * (100 - DISCOUNTS.spin(rng)) // 100
            total += quantity * cents
            items.append((len(items) + 1, number, product.product_id, quantity, money(cents)))
        status = (recent if day > calendar.last - PENDING_DAYS else done).spin(rng)
        seller = wheel.spin(rng) if rng.random() < 0.58 else None
        orders.append((number, customer_id, seller, iso(day), status, money(total)))
    return orders, items


def _basket(rng: Random, goods: Wheel[_Product], day: int) -> list[_Product]:
    """Different products that were sold on that day: one to six, mostly two."""
    basket: dict[int, _Product] = {}
    wanted = 1 + min(5, int(rng.expovariate(1 / 1.9)))
    while len(basket) < wanted:
        product = goods.spin(rng)
        if product.sold_on(day):
            basket[product.product_id] = product
    return list(basket.values())
