"""The demo database: Bluefin Software, a company of 650 people that sells software by subscription.

======== ======================================================================================
people   departments, offices, employees, former_employees, salary_history, leave_requests
sales    customers, products, orders, order_items
billing  plans, subscriptions, invoices, payments
support  tickets, ticket_messages
web      campaigns, events (partitioned by year)
======== ======================================================================================

Nothing in it is real, and nothing in it is random: a seed and a last day give the same rows anywhere.
See ``docs/demo-database.md``.
"""

from embedded.demo.chance import Shape
from embedded.demo.database import (
    DEFAULT_SEED,
    DEMO_NAME,
    DEMO_VERSION,
    DemoDatabase,
    create_demo,
    policy_toml,
)
from embedded.demo.role import AGENT_ROLE

__all__ = [
    "AGENT_ROLE",
    "DEFAULT_SEED",
    "DEMO_NAME",
    "DEMO_VERSION",
    "DemoDatabase",
    "Shape",
    "create_demo",
    "policy_toml",
]
