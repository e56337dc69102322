"""Every rule against its cases: ``cases/<rule>.yaml``."""

from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from graph.autofix import RULES, autofix
from wire.outcome import Failed
from wire.snapshot import SchemaSnapshot
from wire.values import Found

CASES = Path(__file__).parent / "cases"


def _cases() -> list[object]:
    return [
        pytest.param(file.stem, case, id=f"{file.stem}: {case['name']}")
        for file in sorted(CASES.glob("*.yaml"))
        for case in yaml.safe_load(file.read_text())
    ]


@pytest.mark.parametrize(("rule", "case"), _cases())
def test_rule(rule: str, case: dict[str, Any], shop: SchemaSnapshot) -> None:
    failed = (
        Failed(code="database", message="refused", sqlstate=case["sqlstate"]) if "sqlstate" in case else None
    )
    found = Found.model_validate({"compared": case["looked_up"]}) if "looked_up" in case else None
    fixed = autofix(
        case["sql"],
        shop,
        question=case.get("question", ""),
        notes=case.get("notes", ""),
        failed=failed,
        found=found,
    )
    if "want" not in case:
        assert fixed.sql == case["sql"]
        assert fixed.changes == ()
        return
    want = sqlglot.parse_one(case["want"], read="postgres").sql(dialect="postgres")
    assert fixed.sql == want
    assert rule in fixed.rules
    assert all(change.endswith(".") for change in fixed.changes)
    # What has been mended is left alone the next time.
    again = autofix(
        fixed.sql,
        shop,
        question=case.get("question", ""),
        notes=case.get("notes", ""),
        failed=failed,
        found=found,
    )
    assert again.changes == ()
    if set(fixed.rules) == {rule} and rule != "foreign_dialect":
        assert (
            autofix(
                case["sql"],
                shop,
                question=case.get("question", ""),
                notes=case.get("notes", ""),
                without={rule},
            ).sql
            != want
        )


def test_every_rule_has_cases_of_both_kinds() -> None:
    for rule in RULES:
        cases = yaml.safe_load((CASES / f"{rule.name}.yaml").read_text())
        assert any("want" in case for case in cases), rule.name
        assert any("want" not in case for case in cases), rule.name


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "not sql at all",
        "SELECT",
        "DELETE FROM customer",
        "SELECT 1; SELECT 2",
        "SELECT '" + "x" * 100_000 + "'",
        "SELECT " + "(" * 400 + "1" + ")" * 400,
        "\x00",
        "EXPLAIN ANALYZE SELECT 1",
    ],
)
def test_what_is_not_one_query_comes_back_untouched(sql: str, shop: SchemaSnapshot) -> None:
    assert autofix(sql, shop).sql == sql


def test_declared_keys_win_over_names(keyed_shop: SchemaSnapshot) -> None:
    fixed = autofix("SELECT name, total FROM orders", keyed_shop)
    assert "JOIN customer ON orders.customer_id = customer.customer_id" in fixed.sql
    assert "no foreign key" not in " ".join(fixed.changes)


def test_an_inferred_join_says_so(shop: SchemaSnapshot) -> None:
    assert "no foreign key is declared" in " ".join(
        autofix("SELECT carrier, total FROM orders", shop).changes
    )
