"""Marketing campaigns, and what visitors do on the web site and in the product."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random

from embedded.demo import vocabulary as words
from embedded.demo.chance import USUAL, Calendar, Shape, Wheel, iso, iso_moment, moment, money, stream
from embedded.demo.people import Row
from embedded.demo.sales import Customer

VISITS = 26_000
SIGNED_IN_SHARE = 0.42
CAMPAIGN_SHARE = 0.22

DEVICES = Wheel((("desktop", 61), ("mobile", 33), ("tablet", 6)))
PUBLIC = Wheel(words.PUBLIC_PAGES)
PRODUCT = Wheel(words.PRODUCT_PAGES)
LANDS = Wheel(words.COUNTRIES)


def web_tables(
    customers: list[Customer], calendar: Calendar, seed: int, shape: Shape = USUAL
) -> Iterator[tuple[str, list[Row]]]:
    """The rows of every table in the schema web, in the order of their columns."""
    campaigns = list(_campaigns(calendar, stream(seed, "campaigns")))
    yield (
        "web.campaigns",
        [
            (number, name, channel, iso(start), iso(end) if end <= calendar.last else None, money(cents))
            for number, name, channel, start, end, cents in campaigns
        ],
    )
    running: dict[int, list[int]] = {}
    for number, _, _, start, end, _ in campaigns:
        for day in range(start, min(end, calendar.last) + 1):
            running.setdefault(day, []).append(number)
    yield (
        "web.events",
        _events(customers, running, calendar, stream(seed, "events"), round(VISITS * shape.business)),
    )


def event_years(calendar: Calendar) -> range:
    """The years that need a partition of the events."""
    return range(date.fromordinal(calendar.first).year, calendar.today.year + 1)


def _campaigns(calendar: Calendar, rng: Random) -> Iterator[tuple[int, str, str, int, int, int]]:
    drawn = []
    for year in event_years(calendar):
        for place, theme in enumerate(words.CAMPAIGN_THEMES):
            start = date(year, 2 + 2 * place, 1).toordinal() + rng.randrange(28)
            if calendar.first <= start <= calendar.last:
                channel = words.CAMPAIGN_CHANNELS[int(rng.random() * len(words.CAMPAIGN_CHANNELS))]
                budget = rng.randrange(40, 600) * 10_000
                drawn.append((start, f"{theme} {year}", channel, start + rng.randrange(30, 120), budget))
    for number, (start, name, channel, end, cents) in enumerate(sorted(drawn), 1):
        yield number, name, channel, start, end, cents


def _events(
    customers: list[Customer], running: dict[int, list[int]], calendar: Calendar, rng: Random, count: int
) -> list[Row]:
    by_share = Wheel((customer, customer.share**0.8) for customer in customers)
    # Yesterday is the last whole day.
    visits = sorted((calendar.day(rng, end=calendar.last - 1), moment(rng)) for _ in range(count))
    events: list[tuple[str, Row]] = []
    for day, second in visits:
        signed_in = rng.random() < SIGNED_IN_SHARE
        customer = by_share.spin(rng) if signed_in else None
        if customer is not None and customer.signed_up > day:
            customer = None
        campaign = None
        if customer is None and day in running and rng.random() < CAMPAIGN_SHARE:
            campaign = running[day][int(rng.random() * len(running[day]))]
        visitor = 1 + int(rng.random() ** 1.8 * count * 0.6)
        country = customer.country if customer else LANDS.spin(rng) if rng.random() < 0.9 else None
        device = DEVICES.spin(rng)
        at = second
        for place in range(1 + int(rng.expovariate(1 / 3.6))):
            if customer is not None:
                kind = "login" if place == 0 else "feature_used" if rng.random() < 0.5 else "page_view"
                page = "/login" if place == 0 else PRODUCT.spin(rng)
            else:
                kind, page = "page_view", PUBLIC.spin(rng)
                chance = rng.random()
                if chance < 0.02:
                    kind, page = "signup", "/signup"
                elif chance < 0.05:
                    kind, page = "download", "/docs"
            known = customer.customer_id if customer else None
            moment_text = iso_moment(day, at)
            events.append((moment_text, (kind, visitor, known, campaign, page, device, country)))
            at += 2 + int(rng.expovariate(1 / 70))
    events.sort(key=lambda event: event[0])
    return [(number, moment_text, *rest) for number, (moment_text, rest) in enumerate(events, 1)]
