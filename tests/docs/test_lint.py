"""docs/lint.md describes every rule, and its examples are judged as it says."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from graph.lint import RULES, lint
from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table


def columns(*names: str) -> list[Column]:
    return [Column(name=name, type="text") for name in names]


SNAPSHOT = SchemaSnapshot(
    database="shop",
    server_version=150_018,
    tables=[
        Table(schema_name="public", name="customers", columns=columns("id", "name", "region")),
        Table(
            schema_name="public",
            name="orders",
            columns=columns("id", "customer_id", "placed_on", "total"),
            foreign_keys=[
                ForeignKey(
                    columns=["customer_id"], to_schema="public", to_table="customers", to_columns=["id"]
                )
            ],
        ),
    ],
    functions=["count", "sum", "upper"],
    taken_at=datetime(2026, 11, 23, tzinfo=UTC),
)
NAMES = [rule.name for rule in RULES]


@pytest.fixture(scope="module")
def docs(page: Callable[[str], Any]) -> Any:
    return page("docs/lint.md")


def test_every_rule_has_its_section_and_no_section_is_left_over(docs: Any) -> None:
    assert list(docs.sections)[2:] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_rules_examples_are_judged_as_the_page_says(name: str, docs: Any) -> None:
    rejected, passes = (block.partition("\n") for block in docs[name].fenced("sql"))
    assert (rejected[0], passes[0]) == ("-- rejected", "-- passes")
    verdict = lint(rejected[2], SNAPSHOT)
    assert verdict.verdict == "reject"
    assert name in {finding.rule for finding in verdict.findings}
    assert lint(passes[2], SNAPSHOT).verdict == "pass"
