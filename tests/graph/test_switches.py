"""Names for ``Settings.without``: each that the code asks for is known, and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import graph
from graph.switches import PARTS, REFUSALS, STEPS, SWITCHES, unknown_switches

ROOT = Path(graph.__file__).parent


def _asked_for() -> Iterator[str]:
    """Texts, and constants that stand for a text, that a module holds against ``without``."""
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.In | ast.NotIn):
                continue
            if not ast.unparse(node.comparators[0]).endswith("without"):
                continue
            if isinstance(node.left, ast.Constant):
                yield str(node.left.value)
            elif isinstance(node.left, ast.Name) and isinstance(constants.get(node.left.id), str):
                yield str(constants[node.left.id])


def test_every_name_that_the_code_asks_for_can_be_given() -> None:
    found = set(_asked_for())
    assert {"prune", "unknown_thing", "redraft"} <= found, "the look at the code finds nothing any more"
    assert found <= SWITCHES


def test_every_name_that_can_be_given_is_asked_for() -> None:
    written = "".join(
        path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py") if path.name != "switches.py"
    )
    assert [name for name in sorted(PARTS | REFUSALS | STEPS) if f'"{name}"' not in written] == []


@pytest.mark.parametrize(
    ("given", "meant"), [("prun", ["prune"]), ("check_results", ["check_result"]), ("qqqq", [])]
)
def test_a_name_that_switches_off_nothing_is_told_with_its_neighbours(given: str, meant: list[str]) -> None:
    told = unknown_switches([given, "prune"])
    assert list(told) == [given]
    assert told[given][:1] == meant
